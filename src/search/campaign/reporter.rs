//! Whom a campaign tells what it sees, as it sees it.
//! It says nothing about how that looks: a terminal, a line of JSON and a test are three faces.

use super::options::CampaignOptions;
use super::outcome::Outcome;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::Saved;

/// Hears of a campaign.
pub(crate) trait Reporter {
    /// A campaign begins.
    fn begins(&mut self, options: &CampaignOptions);

    /// So many runs are done, with so many different failures.
    fn progress(&mut self, runs: u64, findings: usize);

    /// A failure was confirmed in a fresh process and written down.
    fn failure(&mut self, failure: &FailingRun, saved: &Saved);

    /// The campaign is over.
    fn ends(&mut self, outcome: &Outcome);
}
