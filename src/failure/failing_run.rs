//! A finding with its run: the data behind stories and records.

use crate::failure::finding::Finding;
use crate::failure::shrunk::Shrunk;
use crate::failure::token::Token;
use crate::model::build::Build;
use crate::model::violation::Signature;
use crate::run::request::{Ended, Record};
use serde::{Deserialize, Serialize};

/// The size of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Events.
    pub(crate) events: u64,
    /// Virtual time, in nanoseconds.
    pub(crate) virtual_ns: u64,
}

/// A confirmed finding and its run, as a [`Reporter`](crate::Reporter) receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingRun {
    /// The finding.
    pub(crate) finding: Finding,
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Its build.
    pub(crate) build: Build,
    /// The end of the confirming run.
    pub(crate) ended: Ended,
    /// The events of the confirming run; empty if its process died before it could send them.
    pub(crate) record: Record,
    /// The size of the confirming run.
    pub(crate) totals: Totals,
    /// The signatures of later violations in the same run.
    pub(crate) also: Vec<Signature>,
    /// The stack of the code that crashed or looped: node and time, then the calls.
    pub(crate) stack: Option<String>,
    /// The result of shrinking; `None` if the plan is as it was drawn.
    pub(crate) shrunk: Option<Shrunk>,
}

impl FailingRun {
    /// The finding: signature, violation, seed, plan and token.
    pub fn finding(&self) -> &Finding {
        &self.finding
    }

    /// The scenario's name.
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// The scenario's build.
    pub fn build(&self) -> Build {
        self.build
    }

    /// Returns whether the token replays the run. In another simulator's test, the token is a command instead, and the test
    /// injects its own faults.
    pub(crate) fn is_ours(&self) -> bool {
        Token::is_meant(&self.finding.token)
    }

    /// The number of injections in the plan; `None` if the process ended before it reported the plan that the seed had drawn.
    pub(crate) fn injections(&self) -> Option<usize> {
        let count = self.finding.plan.injections.len();
        (self.ended == Ended::Whole || count > 0 || self.totals.events > 0 || self.shrunk.is_some()).then_some(count)
    }
}
