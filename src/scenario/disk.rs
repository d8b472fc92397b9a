//! The disk of a node. Disk faults are in `fault`.

use crate::model::duration::nanoseconds;
use afterlife_sim::DiskBuild;
use std::time::Duration;

/// A node's disk: its size and speed. The default has 64 GiB, and a sync takes 50 µs to 500 µs.
///
/// ```
/// use afterlife::{Disk, Sim};
/// use std::time::Duration;
///
/// fn a_full_disk_stops_nobody(sim: &mut Sim) {
///     let store = sim.node_main("store", |_| 0);
///     let rotating = (Duration::from_millis(4), Duration::from_millis(16));
///     sim.disk(store, Disk::default().capacity(16 << 20).sync_latency(rotating.0, rotating.1));
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk(DiskBuild);

impl Disk {
    /// The same, for the simulation.
    pub(crate) fn into_build(self) -> DiskBuild {
        self.0
    }

    /// Sets the capacity in bytes of file data, counted in pages of 4096 bytes. The default is 64 GiB. Beyond it, writes fail with
    /// `ENOSPC`. `statvfs` reports it.
    pub fn capacity(mut self, bytes: u64) -> Self {
        self.0.capacity_bytes = bytes;
        self
    }

    /// Sets the duration of a sync: uniform between `low` and `high`. The default is 50 µs to 500 µs.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    #[track_caller]
    pub fn sync_latency(mut self, low: Duration, high: Duration) -> Self {
        assert!(low <= high, "a range from {low:?} to {high:?}: write the shorter duration first");
        self.0.sync_ns = (nanoseconds(low), nanoseconds(high));
        self
    }
}
