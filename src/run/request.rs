//! One run, as it is asked for and as it is answered: what travels between a campaign and its runner processes.
//! It runs nothing.

use crate::fault::Plan;
use crate::invariant::nothing_left::ServiceLeak;
use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::model::violation::Violation;
use afterlife_sim::LogLine;
use afterlife_sim::choice::Asked;
use afterlife_sim::event::{Digest, Event, Seq, Socket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a run is made of. Equal requests give equal replies, in any process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The scenario's name.
    pub scenario: String,
    /// Its build.
    pub build: Build,
    /// The engine that is to run it.
    #[serde(default)]
    pub engine: Engine,
    /// The seed of every choice that nothing else names.
    pub seed: u64,
    /// The plan; `None` lets the scenario's faults draw one from the seed.
    pub plan: Option<Plan>,
    /// Whether the reply carries every event.
    pub record: bool,
    /// The event at which a stack is to be taken, if any.
    pub stack_at: Option<Seq>,
    /// Which traced lines the reply carries, as a filter: `info`, `openraft=debug,warn`. It changes no run.
    #[serde(default)]
    pub log: Option<String>,
    /// Whether nothing is to be run: the reply tells the plan that the seed draws.
    #[serde(default)]
    pub only_plan: bool,
    /// The run ends at this virtual time, in nanoseconds, if it has not ended by then; nothing is held against it for that.
    #[serde(default)]
    pub until_ns: Option<u64>,
}

/// How the run itself ended, as its runner process saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ended {
    /// It came to its end and told its verdicts.
    Whole,
    /// The process that ran it died by a signal: abort, segmentation fault, stack overflow.
    Signal {
        /// The signal's number.
        signal: i32,
        /// The node that had the baton, if known.
        node: Option<String>,
    },
    /// The run met a call that the simulation does not support.
    Unsupported {
        /// The call, or whatever else was refused.
        subject: String,
        /// The reason and the call's stack.
        message: String,
    },
    /// The process that ran it exited early with this code.
    Code {
        /// The exit code.
        code: i32,
        /// What it said last.
        message: String,
    },
    /// A thread ran for too long without passing a door.
    Spin {
        /// The node that had the baton, if known.
        node: Option<String>,
        /// The bound, in real milliseconds.
        bound_ms: u64,
    },
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// How it ended.
    pub ended: Ended,
    /// The digest of its events.
    pub digest: Digest,
    /// How many events there were.
    pub events: u64,
    /// How much virtual time passed, in nanoseconds.
    pub virtual_ns: u64,
    /// Processor time of the run, in nanoseconds: real, so no part of any verdict or digest.
    pub cpu_ns: u64,
    /// The plan that was carried out: drawn or given.
    pub plan: Plan,
    /// The broken invariants, in the order in which they broke.
    pub violations: Vec<Violation>,
    /// Names of `sometimes` claims and `reached` places, and whether this run saw each.
    pub sometimes: Vec<(String, bool)>,
    /// Every event, if it was asked for.
    pub record: Option<Record>,
    /// The stack that was asked for, as text.
    pub stack: Option<String>,
    /// What is still to be read; nothing once the reply has reached a campaign.
    pub unread: Unresolved,
}

impl Reply {
    /// Of a run that was not asked for: only its plan was.
    pub(crate) fn not_run(plan: Plan) -> Self {
        Self {
            ended: Ended::Whole,
            digest: Digest::default(),
            events: 0,
            virtual_ns: 0,
            cpu_ns: 0,
            plan,
            violations: Vec::new(),
            sometimes: Vec::new(),
            record: None,
            stack: None,
            unread: Unresolved::default(),
        }
    }
}

/// What a run tells of by address: it is read, and judged, where symbols are at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unresolved {
    /// What services left behind that ended in order.
    pub left: Vec<ServiceLeak>,
    /// What the first violation is told with: titles and places.
    pub stacks: Vec<(String, u32)>,
    /// Return addresses of the places that are named here.
    pub places: BTreeMap<u32, Vec<u32>>,
}

impl Unresolved {
    /// The return addresses of a place, innermost first.
    pub(crate) fn frames(&self, place: u32) -> &[u32] {
        self.places.get(&place).map_or(&[], Vec::as_slice)
    }
}

/// A stack in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stack {
    /// Whose, or of what.
    pub title: String,
    /// The program's own frames, innermost first: `src/audit.rs:12  audit::write`.
    pub lines: Vec<String>,
}

/// A run's events with what their numbers stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What a [`Name`](afterlife_sim::event::Name) stands for; index 0 is the empty text.
    pub names: Vec<String>,
    /// What a [`NodeId`](afterlife_sim::event::NodeId) stands for.
    pub nodes: Vec<String>,
    /// The events, in order.
    pub events: Vec<Event>,
    /// Every socket at the run's end, which is the moment of its first violation.
    #[serde(default)]
    pub sockets: Vec<Socket>,
    /// The digest after each event, for the search of the first that differs.
    pub digests: Vec<u64>,
    /// The line of source that a place stands for, where that is known.
    pub places: BTreeMap<u32, String>,
    /// The stacks that the first violation is told with.
    pub stacks: Vec<Stack>,
    /// What programs printed, and what they traced if the request had a filter.
    #[serde(default)]
    pub lines: Vec<LogLine>,
    /// Whether the lines are of another run than the events, because to trace them made it another one. Never written down.
    #[serde(default)]
    pub strayed: bool,
    /// What the seed was asked in the room, with the answers.
    #[serde(default)]
    pub choices: Vec<Asked>,
}
