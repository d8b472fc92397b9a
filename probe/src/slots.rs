//! Slots of a limited number, and the program's own counter of those that are taken.
//! It limits nothing itself.

use crate::fact::Fact;
use crate::sink::{report, report_with};
use core::panic::Location;

/// A limited number of slots.
///
/// *slots-conserved*: the program's counter is never below zero or above the limit, and equals the number of holders
/// whenever the system is at rest.
///
/// ```
/// let downloads = afterlife_probe::Slots::new("downloads", 5);
/// let slot = downloads.take();
/// downloads.counted(1);
/// slot.release();
/// downloads.counted(0);
/// ```
#[derive(Debug)]
pub struct Slots {
    name: &'static str,
    object: u64,
}

impl Slots {
    /// Reports that there are `cap` slots of this name.
    #[track_caller]
    pub fn new(name: &'static str, cap: u64) -> Self {
        Self { name, object: report(&Fact::SlotsMade { name, cap }, Location::caller()) }
    }

    /// Reports that a slot was taken. It is held until the guard is dropped or [released](Slot::release).
    #[track_caller]
    pub fn take(&self) -> Slot {
        let site = Location::caller();
        let holder = report(&Fact::SlotTaken { name: self.name, object: self.object }, site);
        Slot { name: self.name, object: self.object, holder, end: site }
    }

    /// Reports the value of the program's own counter. Call it on every change.
    #[inline]
    #[track_caller]
    pub fn counted(&self, count: i64) {
        report_with(|| Fact::SlotsCounted { name: self.name, object: self.object, count }, Location::caller());
    }
}

/// A slot that is taken from [`Slots`].
///
/// Dropping it reports that the slot is free, with the source line that took it.
#[derive(Debug)]
#[must_use = "dropping a Slot reports that it is free"]
pub struct Slot {
    name: &'static str,
    object: u64,
    holder: u64,
    end: &'static Location<'static>,
}

impl Slot {
    /// Reports that the slot is free, with the caller's source line.
    #[track_caller]
    pub fn release(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        report(&Fact::SlotReturned { name: self.name, object: self.object, holder: self.holder }, self.end);
    }
}
