//! Faults of a whole device: errors, no space, no answer.
//! Their effects are in `device`; `fault` damages single files.

/// A fault of the whole device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// Reads that miss the page cache fail with `EIO`.
    FailingReads,
    /// Writes, truncations and allocations fail with `EIO` and change nothing.
    FailingWrites,
    /// Nothing reaches the media: a sync with something to do fails with `EIO`, and what it should have kept is lost.
    FailingSyncs,
    /// No page is free, whatever the capacity.
    Full,
    /// The device does not answer. The disk itself refuses nothing; see [`super::Disk::misses`].
    Stalled,
}

/// The number of faults of each kind that last, so that the end of one does not end another.
#[derive(Clone, Copy, Default)]
pub(crate) struct DiskFaults(pub(super) [u32; 5]);
