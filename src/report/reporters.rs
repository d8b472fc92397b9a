//! Compositions of reporters: several as one, and none.

use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::search::campaign::{CampaignOptions, CampaignOutcome, Reporter};

/// Reporters that receive the same campaigns.
pub(crate) struct Reporters<'a>(Vec<&'a mut dyn Reporter>);

impl<'a> Reporters<'a> {
    /// These reporters, in this order.
    pub(crate) fn new(reporters: Vec<&'a mut dyn Reporter>) -> Self {
        Self(reporters)
    }
}

/// A reporter that reports nothing.
pub(crate) struct Silent;

impl Reporter for Silent {}

impl Reporter for Reporters<'_> {
    fn begin(&mut self, options: &CampaignOptions) {
        self.0.iter_mut().for_each(|reporter| reporter.begin(options));
    }

    fn progress(&mut self, runs: u64, findings: usize) {
        self.0.iter_mut().for_each(|reporter| reporter.progress(runs, findings));
    }

    fn failure(&mut self, failure: &FailingRun, saved: &SavedRecord) {
        self.0.iter_mut().for_each(|reporter| reporter.failure(failure, saved));
    }

    fn end(&mut self, outcome: &CampaignOutcome) {
        self.0.iter_mut().for_each(|reporter| reporter.end(outcome));
    }
}
