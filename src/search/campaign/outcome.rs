//! The outcome of a campaign, as data: findings, nondeterminism, claims that never held, and totals.
//! Reporters print it, and the exit code follows from it.

use super::account::Account;
use super::regressions::{RegressionOutcome, RegressionRun};
use super::vacuity::Vacuity;
use crate::failure::finding::Finding;
use crate::model::build::Build;
use crate::model::verdict::Verdict;
use crate::model::violation::Signature;
use afterlife_sim::event::Digest;
use std::time::Duration;

/// A seed whose two runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nondeterminism {
    /// The seed.
    pub(crate) seed: u64,
    /// The digest of the first run, and the signature of its failure.
    pub(crate) first: (Digest, Option<Signature>),
    /// The same for the second run.
    pub(crate) second: (Digest, Option<Signature>),
}

/// A finding, and the number of runs that it occurred in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The finding, from its first run.
    pub(crate) finding: Finding,
    /// The number of injections in its plan, if known.
    pub(crate) injections: Option<usize>,
    /// The number of replays that shrinking took.
    pub(crate) replays: u64,
    /// The number of runs with this failure.
    pub(crate) times: u64,
}

/// The outcome of a campaign.
#[derive(Clone, Debug)]
pub struct CampaignOutcome {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Its build.
    pub(crate) build: Build,
    /// The number of runs, without repeats.
    pub(crate) runs: u64,
    /// The regressions, which ran first.
    pub(crate) regressions: Vec<RegressionRun>,
    /// The findings, in the order in which they occurred.
    pub(crate) findings: Vec<Counted>,
    /// The seed whose runs differ. The campaign ends there, because no later result can be trusted.
    pub(crate) nondeterminism: Option<Nondeterminism>,
    /// The number of runs that were repeated in a fresh process and did not differ.
    pub(crate) repeated: u64,
    /// The `sometimes` claims and `reached` points that no run saw.
    pub(crate) never: Vec<String>,
    /// The sum of the accounts of its runs.
    pub(crate) account: Account,
    /// The reasons why it tested nothing, although it held.
    pub(crate) vacuous: Vec<Vacuity>,
    /// The digests of all runs, folded in order. Equal digests mean equal campaigns.
    pub(crate) digest: Digest,
    /// The events of all runs.
    pub(crate) events: u64,
    /// The virtual time of all runs, in nanoseconds.
    pub(crate) virtual_ns: u64,
    /// The processor time of all runs, in nanoseconds.
    pub(crate) cpu_ns: u64,
    /// The real time of the campaign.
    pub(crate) elapsed: Duration,
}

impl CampaignOutcome {
    /// The scenario's name.
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// The scenario's build.
    pub fn build(&self) -> Build {
        self.build
    }

    /// The number of runs.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// The findings, in the order in which they occurred, each with the number of runs that it occurred in.
    pub fn findings(&self) -> impl Iterator<Item = (&Finding, u64)> {
        self.findings.iter().map(|counted| (&counted.finding, counted.times))
    }

    /// The `sometimes` claims and `reached` points that no run saw.
    pub fn never(&self) -> &[String] {
        &self.never
    }

    /// Returns whether the campaign passes: nothing broke, every run was deterministic, and something was tested.
    pub fn held(&self) -> bool {
        self.verdict() == Verdict::Held
    }

    /// The virtual time of all runs.
    pub fn virtual_time(&self) -> Duration {
        Duration::from_nanos(self.virtual_ns)
    }

    /// The real time of the campaign.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The account of the campaign.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// The reasons why the campaign tested nothing; none if it found something.
    pub(crate) fn vacuous(&self) -> &[Vacuity] {
        if self.findings.is_empty() && self.nondeterminism.is_none() { &self.vacuous } else { &[] }
    }

    /// Returns whether the campaign held and tested nothing.
    pub(crate) fn tested_nothing(&self) -> bool {
        !self.vacuous().is_empty()
    }

    /// The verdict.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.nondeterminism.is_some() {
            Verdict::Nondeterministic
        } else if !self.findings.is_empty() {
            Verdict::Broke
        } else if self.regressions.iter().any(|run| matches!(run.outcome, RegressionOutcome::Unfit(_))) {
            Verdict::Unfit
        } else if self.tested_nothing() {
            Verdict::Vacuous
        } else {
            Verdict::Held
        }
    }
}
