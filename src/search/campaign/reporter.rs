//! The interface through which a campaign reports its progress and findings.

use super::options::CampaignOptions;
use super::outcome::CampaignOutcome;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;

/// Receives a campaign's progress and findings.
///
/// A program installs its own with [`main_with_reporter`](crate::main_with_reporter), and a test with
/// `#[afterlife::test(reporter = …)]`. It runs beside the built-in reports. Every method does nothing by default.
///
/// ```standalone_crate
/// use afterlife::{CampaignOutcome, FailingRun, Reporter, SavedRecord, Scenario, Sim};
/// use std::process::ExitCode;
///
/// /// Keeps the token of each finding, and counts runs.
/// #[derive(Default)]
/// struct Tally {
///     tokens: Vec<String>,
///     runs: u64,
/// }
///
/// impl Reporter for Tally {
///     fn failure(&mut self, failure: &FailingRun, _: &SavedRecord) {
///         self.tokens.push(failure.finding().token.clone());
///     }
///
///     fn end(&mut self, outcome: &CampaignOutcome) {
///         self.runs += outcome.runs();
///     }
/// }
///
/// fn a_client_ends(sim: &mut Sim) {
///     sim.client("client", |_| async { Ok(()) });
/// }
///
/// fn main() -> ExitCode {
///     let mut tally = Tally::default();
///     let scenarios = [Scenario::new("a-client-ends", a_client_ends).seeds(8)];
///     let code = afterlife::main_with_reporter(&scenarios, &mut tally);
///     println!("{} runs, {} findings", tally.runs, tally.tokens.len());
///     code
/// }
/// ```
pub trait Reporter {
    /// A campaign begins.
    fn begin(&mut self, _options: &CampaignOptions) {}

    /// Reports how many runs are done, and how many different failures they found.
    fn progress(&mut self, _runs: u64, _findings: usize) {}

    /// A failure was confirmed in a fresh process and recorded.
    fn failure(&mut self, _failure: &FailingRun, _saved: &SavedRecord) {}

    /// A campaign has ended.
    fn end(&mut self, _outcome: &CampaignOutcome) {}
}
