//! The node-wide count of replicas that download: `_bulk_load_downloading_count`.
//! It queues nobody: who finds no room is told so, and asked again ten seconds later.

use super::config::DOWNLOADING_MAX;
use afterlife_probe::{Slot, Slots};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The count. Whoever counts up gets what says that a place is held.
#[derive(Debug)]
pub(super) struct DownloadSlots {
    count: Mutex<i32>,
    told: Slots,
}

impl DownloadSlots {
    pub(super) fn new() -> Self {
        Self { count: Mutex::new(0), told: Slots::new("download slots", DOWNLOADING_MAX as u64) }
    }

    /// Whether there is room at this moment. Upstream looks here first, and counts up a good deal later.
    pub(super) fn has_room(&self) -> bool {
        *self.count() < DOWNLOADING_MAX
    }

    /// Counts up, whatever the count is.
    pub(super) fn increase(&self) -> Slot {
        self.count_up(self.count())
    }

    /// Counts up if there is room, in one step.
    pub(super) fn try_increase(&self) -> Option<Slot> {
        let count = self.count();
        (*count < DOWNLOADING_MAX).then(|| self.count_up(count))
    }

    /// Counts down; `held` is what the caller held, if it did.
    pub(super) fn decrease(&self, held: Option<Slot>) {
        let mut count = self.count();
        *count -= 1;
        drop(held);
        self.told.counted(i64::from(*count));
    }

    fn count_up(&self, mut count: MutexGuard<'_, i32>) -> Slot {
        *count += 1;
        let slot = self.told.take();
        self.told.counted(i64::from(*count));
        slot
    }

    fn count(&self) -> MutexGuard<'_, i32> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
