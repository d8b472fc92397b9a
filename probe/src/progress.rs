//! The progress that a job reports, beside the items that it has verified.
//! It computes nothing.

use crate::fact::Fact;
use crate::sink::{report, report_with};
use core::panic::Location;

/// A job with a fixed number of items.
///
/// *honest-progress*: reported progress never exceeds 100 %, and 100 % or completion means that every item was verified.
///
/// ```
/// let download = afterlife_probe::Progress::new("download", 2);
/// download.verified();
/// download.reported(50);
/// download.verified();
/// download.done();
/// ```
#[derive(Debug)]
pub struct Progress {
    name: &'static str,
    object: u64,
}

impl Progress {
    /// Reports that a job of `items` items begins: `Progress::new("download", files.len() as u64)`.
    #[track_caller]
    pub fn new(name: &'static str, items: u64) -> Self {
        Self { name, object: report(&Fact::ProgressBegan { name, items }, Location::caller()) }
    }

    /// Reports that one more item is finished and verified.
    #[inline]
    #[track_caller]
    pub fn verified(&self) {
        report_with(|| Fact::ItemVerified { name: self.name, object: self.object }, Location::caller());
    }

    /// Reports the progress that the program announces, in percent.
    #[inline]
    #[track_caller]
    pub fn reported(&self, percent: u64) {
        report_with(|| Fact::ProgressReported { name: self.name, object: self.object, percent }, Location::caller());
    }

    /// Reports that the program considers the job complete.
    #[track_caller]
    pub fn done(&self) {
        report(&Fact::ProgressDone { name: self.name, object: self.object }, Location::caller());
    }
}
