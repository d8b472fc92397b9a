//! A campaign: many runs of one scenario in one build, until something breaks often enough.
//! This folder starts no process and prints nothing: it asks an executor and tells a face.

mod comparison;
mod options;
mod outcome;
mod regressions;
mod reporter;
mod run;
mod shrinking;
#[cfg(test)]
mod tests;

pub(crate) use comparison::failing_run;
pub(crate) use options::CampaignOptions;
pub(crate) use outcome::{Counted, Nondeterminism, Outcome};
pub(crate) use regressions::RegressionOutcome;
pub(crate) use reporter::Reporter;
pub(crate) use run::run;
pub(crate) use shrinking::shrink;
