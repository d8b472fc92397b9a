//! A campaign: many runs of one scenario in one build, until enough failures are found.
//! This folder starts no process and prints nothing: it uses an executor and a reporter.

mod account;
mod comparison;
mod options;
mod outcome;
mod regressions;
mod reporter;
mod run;
mod shrinking;
#[cfg(test)]
mod tests;
mod vacuity;

pub(crate) use account::Account;
#[cfg(test)]
pub(crate) use account::LedgerTally;
pub(crate) use account::{FaultTally, NodeTally};
pub(crate) use comparison::failing_run;
pub use options::CampaignOptions;
pub use outcome::CampaignOutcome;
pub(crate) use outcome::{Counted, Nondeterminism};
pub(crate) use regressions::{RegressionOutcome, nothing_struck};
pub use reporter::Reporter;
pub(crate) use run::run;
pub(crate) use shrinking::shrink;
pub(crate) use vacuity::Vacuity;
