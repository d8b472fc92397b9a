//! How a node's disk is built, as a scenario's author writes it. What can go wrong with one is in `fault`.

use crate::model::duration::nanoseconds;
use afterlife_sim::DiskBuild;
use std::time::Duration;

/// A node's disk: how large and how fast it is. The default has 64 GiB, and a sync takes it 50 to 500 µs.
///
/// ```
/// use afterlife::{Disk, Sim};
/// use std::time::Duration;
///
/// fn a_full_disk_stops_nobody(sim: &mut Sim) {
///     let store = sim.program("store", |_| 0);
///     let rotating = (Duration::from_millis(4), Duration::from_millis(16));
///     sim.disk(store, Disk::default().capacity(16 << 20).syncs_take(rotating.0, rotating.1));
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk(pub(crate) DiskBuild);

impl Disk {
    /// So many bytes of file data fit, counted in pages of 4096 bytes; what is beyond it fails with `ENOSPC`. Programs see
    /// the figure by `statvfs`.
    pub fn capacity(mut self, bytes: u64) -> Self {
        self.0.capacity_bytes = bytes;
        self
    }

    /// A sync takes between `low` and `high`.
    pub fn syncs_take(mut self, low: Duration, high: Duration) -> Self {
        assert!(low <= high, "a range from {low:?} to {high:?} runs backwards: give the shorter one first");
        self.0.sync_ns = (nanoseconds(low), nanoseconds(high));
        self
    }
}
