//! What a campaign came to, as data: findings, runs that went two ways, claims that never held, and totals.
//! Reporters print it; the exit code is read off it.

use super::regressions::{RegressionOutcome, RegressionRun};
use crate::failure::finding::Finding;
use crate::model::build::Build;
use crate::model::verdict::Verdict;
use crate::model::violation::Signature;
use afterlife_sim::event::Digest;
use std::time::Duration;

/// One seed that ran two ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nondeterminism {
    /// The seed.
    pub(crate) seed: u64,
    /// The first run's digest and what broke in it, if anything.
    pub(crate) first: (Digest, Option<Signature>),
    /// The same of the second.
    pub(crate) second: (Digest, Option<Signature>),
}

/// A finding, and how often the campaign met it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The finding, from the first run that broke so.
    pub(crate) finding: Finding,
    /// How many injections its plan has, if known.
    pub(crate) injections: Option<usize>,
    /// How many replays its shrinking took.
    pub(crate) replays: u64,
    /// How many runs broke so.
    pub(crate) times: u64,
}

/// What a campaign came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Its build.
    pub(crate) build: Build,
    /// How many runs there were, repeats not counted.
    pub(crate) runs: u64,
    /// The kept runs, which came first.
    pub(crate) regressions: Vec<RegressionRun>,
    /// The findings, in the order in which they came up.
    pub(crate) findings: Vec<Counted>,
    /// The seed that ran two ways: the campaign ends there, because nothing after it can be believed.
    pub(crate) nondeterminism: Option<Nondeterminism>,
    /// How many runs were repeated in a fresh process and were the same.
    pub(crate) repeated: u64,
    /// `sometimes` claims and `reached` places that no run saw.
    pub(crate) never: Vec<String>,
    /// Whether there were enough runs to hold `never` against the scenario.
    pub(crate) full: bool,
    /// Digests of all runs, folded in their order: equal numbers mean equal campaigns.
    pub(crate) digest: Digest,
    /// Events of all runs.
    pub(crate) events: u64,
    /// Virtual time of all runs, in nanoseconds.
    pub(crate) virtual_ns: u64,
    /// Processor time of all runs, in nanoseconds.
    pub(crate) cpu_ns: u64,
    /// Real time of the campaign.
    pub(crate) elapsed: Duration,
}

impl Outcome {
    /// Whether the campaign fails because it tested less than it says.
    pub(crate) fn tested_nothing(&self) -> bool {
        self.full && self.findings.is_empty() && !self.never.is_empty()
    }

    /// What it came to, in one word.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.nondeterminism.is_some() {
            Verdict::Nondeterministic
        } else if !self.findings.is_empty() || self.tested_nothing() {
            Verdict::Broke
        } else if self.regressions.iter().any(|run| matches!(run.outcome, RegressionOutcome::Unfit(_))) {
            Verdict::Unfit
        } else {
            Verdict::Held
        }
    }
}
