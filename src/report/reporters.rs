//! Several faces at once: each hears everything, in this order.
//! It shows nothing itself.

use crate::failure::failing_run::FailingRun;
use crate::failure::record::Saved;
use crate::search::campaign::{CampaignOptions, Outcome, Reporter};

/// Reporters that hear of the same campaigns.
pub(crate) struct Reporters<'a>(pub(crate) Vec<&'a mut dyn Reporter>);

impl Reporter for Reporters<'_> {
    fn begins(&mut self, options: &CampaignOptions) {
        self.0.iter_mut().for_each(|reporter| reporter.begins(options));
    }

    fn progress(&mut self, runs: u64, findings: usize) {
        self.0.iter_mut().for_each(|reporter| reporter.progress(runs, findings));
    }

    fn failure(&mut self, failure: &FailingRun, saved: &Saved) {
        self.0.iter_mut().for_each(|reporter| reporter.failure(failure, saved));
    }

    fn ends(&mut self, outcome: &Outcome) {
        self.0.iter_mut().for_each(|reporter| reporter.ends(outcome));
    }
}
