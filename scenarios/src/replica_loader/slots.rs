//! The node-wide number of downloading replicas: `_bulk_load_downloading_count`. There is no queue: a replica that
//! finds no free slot is asked again ten seconds later.

use super::config::DOWNLOADING_MAX;
use afterlife_probe::{Slot, Slots};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counter. Each increase returns a slot for the probe.
#[derive(Debug)]
pub(super) struct DownloadSlots {
    count: Mutex<i32>,
    probe: Slots,
}

impl DownloadSlots {
    pub(super) fn new() -> Self {
        Self { count: Mutex::new(0), probe: Slots::new("download slots", DOWNLOADING_MAX as u64) }
    }

    /// Returns whether a slot is free at this moment. Upstream checks first, and increases the counter much later.
    pub(super) fn has_room(&self) -> bool {
        *self.count() < DOWNLOADING_MAX
    }

    /// Increases the counter unconditionally.
    pub(super) fn increase(&self) -> Slot {
        self.count_up(self.count())
    }

    /// Increases the counter if a slot is free, in one step.
    pub(super) fn try_increase(&self) -> Option<Slot> {
        let count = self.count();
        (*count < DOWNLOADING_MAX).then(|| self.count_up(count))
    }

    /// Decreases the counter, and releases the caller's slot, if it holds one.
    pub(super) fn decrease(&self, held: Option<Slot>) {
        let mut count = self.count();
        *count -= 1;
        drop(held);
        self.probe.counted(i64::from(*count));
    }

    fn count_up(&self, mut count: MutexGuard<'_, i32>) -> Slot {
        *count += 1;
        let slot = self.probe.take();
        self.probe.counted(i64::from(*count));
        slot
    }

    fn count(&self) -> MutexGuard<'_, i32> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
