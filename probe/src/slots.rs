//! Slots: places of which there are so many, and a counter that says how many are held.
//! It limits nothing itself.

use crate::fact::Fact;
use crate::sink::{tell, tell_of};
use core::panic::Location;

/// A counter of held places. *slots-conserved*: it is never below zero or above its cap, and whenever the system is at rest
/// it shows as many as there are holders.
#[derive(Debug)]
pub struct Slots {
    name: &'static str,
    object: u64,
}

impl Slots {
    /// Says that there are `cap` places of this name.
    #[track_caller]
    pub fn new(name: &'static str, cap: u64) -> Self {
        Self { name, object: tell(&Fact::SlotsMade { name, cap }, Location::caller()) }
    }

    /// Says that a place was taken; it is held until the result is dropped.
    #[track_caller]
    pub fn take(&self) -> Slot {
        let made = Location::caller();
        let holder = tell(&Fact::SlotTaken { name: self.name, object: self.object }, made);
        Slot { name: self.name, object: self.object, holder, end: made }
    }

    /// Says what the program's own counter shows, whenever it changes.
    #[inline]
    #[track_caller]
    pub fn counted(&self, count: i64) {
        tell_of(|| Fact::SlotsCounted { name: self.name, object: self.object, count }, Location::caller());
    }
}

/// A held place of [`Slots`].
#[derive(Debug)]
#[must_use = "dropping a Slot says that the place is free again"]
pub struct Slot {
    name: &'static str,
    object: u64,
    holder: u64,
    end: &'static Location<'static>,
}

impl Slot {
    /// Says that the place is free again, here; dropping the guard says so with the place where it was taken.
    #[track_caller]
    pub fn release(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        tell(&Fact::SlotReturned { name: self.name, object: self.object, holder: self.holder }, self.end);
    }
}
