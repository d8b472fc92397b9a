//! A finding with its run: everything that a story is told from and a record is written from.
//! It is data only.

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

/// A confirmed finding with everything that its story is told from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailingRun {
    /// The finding.
    pub(crate) finding: Finding,
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Its build.
    pub(crate) build: Build,
    /// How the confirming run ended.
    pub(crate) ended: Ended,
    /// The events of the confirming run; empty if its process died before it could send them.
    pub(crate) record: Record,
    /// The size of the confirming run.
    pub(crate) totals: Totals,
    /// What else broke in the same run, later.
    pub(crate) also: Vec<Signature>,
    /// Where the code was that met a fault or went round for ever: who and when, then the calls.
    pub(crate) stack: Option<String>,
    /// How its plan became as small as it is; `None` if it is told as it was drawn.
    pub(crate) shrunk: Option<Shrunk>,
}

impl FailingRun {
    /// Whether its token replays it. Of a simulation that is not ours, the token says in words how to have the run again, and
    /// whatever was injected is its owner's.
    pub(crate) fn is_ours(&self) -> bool {
        Token::is_meant(&self.finding.token)
    }

    /// How many injections its plan has; `None` if the run's process ended before it could name the plan that the
    /// seed had drawn.
    pub(crate) fn injections(&self) -> Option<usize> {
        let count = self.finding.plan.injections.len();
        (self.ended == Ended::Whole || count > 0 || self.totals.events > 0 || self.shrunk.is_some()).then_some(count)
    }
}
