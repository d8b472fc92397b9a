//! Progress: what a job says about how far it is, against what it has verified.
//! It computes nothing.

use crate::fact::Fact;
use crate::sink::{tell, tell_of};
use core::panic::Location;

/// A job of so many items. *honest-progress*: what is told never exceeds 100, and 100 or done means that every item was
/// verified.
#[derive(Debug)]
pub struct Progress {
    name: &'static str,
    object: u64,
}

impl Progress {
    /// Says that a job of `items` items begins: `Progress::new("download", files.len() as u64)`.
    #[track_caller]
    pub fn new(name: &'static str, items: u64) -> Self {
        Self { name, object: tell(&Fact::ProgressBegan { name, items }, Location::caller()) }
    }

    /// Says that one more item is done and verified.
    #[inline]
    #[track_caller]
    pub fn verified(&self) {
        tell_of(|| Fact::ItemVerified { name: self.name, object: self.object }, Location::caller());
    }

    /// Says how far the program says that the job is, in hundredths.
    #[inline]
    #[track_caller]
    pub fn told(&self, percent: u64) {
        tell_of(|| Fact::ProgressTold { name: self.name, object: self.object, percent }, Location::caller());
    }

    /// Says that the program takes the job for complete.
    #[track_caller]
    pub fn done(&self) {
        tell(&Fact::ProgressDone { name: self.name, object: self.object }, Location::caller());
    }
}
