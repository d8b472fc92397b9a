//! Requests for runs, and their replies: the data that campaigns and runner processes exchange.
//! It runs nothing.

use crate::fault::Plan;
use crate::invariant::Terms;
use crate::invariant::nothing_left::ServiceLeak;
use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::model::violation::Violation;
use crate::run::account::RunAccount;
use afterlife_sim::LogLine;
use afterlife_sim::choice::Asked;
use afterlife_sim::event::{Digest, Event, Seq, Socket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A request for a run. Equal requests give equal replies, in any process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The scenario's name.
    pub scenario: String,
    /// Its build.
    pub build: Build,
    /// The engine that runs it.
    #[serde(default)]
    pub engine: Engine,
    /// The seed of every choice that the plan does not make.
    pub seed: u64,
    /// The plan; `None` lets the scenario's faults draw one from the seed.
    pub plan: Option<Plan>,
    /// True if the reply carries every event.
    pub record: bool,
    /// The event at which to take a stack.
    pub stack_at: Option<Seq>,
    /// The filter of the traced lines in the reply: `info`, `openraft=debug,warn`. It does not change the run.
    #[serde(default)]
    pub log: Option<String>,
    /// True for a request that draws the plan and runs nothing.
    #[serde(default)]
    pub only_plan: bool,
    /// The virtual time at which the run is cut short, in nanoseconds. Its end is then not judged.
    #[serde(default)]
    pub until_ns: Option<u64>,
}

/// The end of a run, as its runner process saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ended {
    /// It ended by itself, with verdicts.
    Whole,
    /// The process that ran it died by a signal: abort, segmentation fault, stack overflow.
    Signal {
        /// The signal's number.
        signal: i32,
        /// The node whose thread ran, if known.
        node: Option<String>,
    },
    /// The run met a call that the simulation does not support.
    Unsupported {
        /// The call, or another subject.
        subject: String,
        /// The reason and the call's stack.
        message: String,
    },
    /// The process that ran it exited early with this code.
    Code {
        /// The exit code.
        code: i32,
        /// Its last words.
        message: String,
    },
    /// A thread ran for too long without an interposed call.
    Spin {
        /// The node whose thread ran, if known.
        node: Option<String>,
        /// The bound, in milliseconds of processor time.
        bound_ms: u64,
    },
    /// A thread slept for too long in a wait that the simulation does not control: a deadlock of real locks.
    Asleep {
        /// The node whose thread ran, if known.
        node: Option<String>,
        /// The bound, in real milliseconds.
        bound_ms: u64,
    },
}

impl Ended {
    /// Returns whether something outside of the run may have ended it: a watchdog, whose bounds are not virtual, or whoever kills
    /// processes on this machine. Such a run is looked at again before anybody is accused.
    pub(crate) fn is_doubtful(&self) -> bool {
        const KILL: i32 = 9;
        const TERMINATE: i32 = 15;
        matches!(self, Self::Spin { .. } | Self::Asleep { .. } | Self::Signal { signal: KILL | TERMINATE, .. })
    }

    /// Returns whether each replay takes as long as a bound of the watchdog.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self, Self::Spin { .. } | Self::Asleep { .. })
    }
}

/// The reply to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// The end of the run.
    pub ended: Ended,
    /// The digest of its events.
    pub digest: Digest,
    /// The number of events.
    pub events: u64,
    /// The virtual time that passed, in nanoseconds.
    pub virtual_ns: u64,
    /// The real processor time of the run, in nanoseconds. No verdict or digest depends on it.
    pub cpu_ns: u64,
    /// The plan that was carried out: drawn or given.
    pub plan: Plan,
    /// The violations, in order.
    pub violations: Vec<Violation>,
    /// The `sometimes` claims and `reached` points, and whether this run saw each.
    pub sometimes: Vec<(String, bool)>,
    /// The achievements of the run, and the faults that struck it.
    pub account: RunAccount,
    /// Every event, if requested.
    pub record: Option<Record>,
    /// The requested stack, as text.
    pub stack: Option<String>,
    /// Addresses that are not resolved yet. A campaign resolves them.
    pub unread: Unresolved,
}

impl Reply {
    /// The reply to a request for a plan only.
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
            account: RunAccount::default(),
            record: None,
            stack: None,
            unread: Unresolved::default(),
        }
    }
}

/// The parts of a reply that hold addresses. They are resolved, and leaks judged, by the process that has the symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unresolved {
    /// The leaks of services that ended normally.
    pub left: Vec<ServiceLeak>,
    /// The stacks at the first violation: titles and call sites.
    pub stacks: Vec<(String, u32)>,
    /// Further call sites of waits, by the number of the wait's event: the time of an earlier await, or `None` for the place at which
    /// the task was spawned or the thread started.
    pub details: Vec<(Seq, Option<u64>, u32)>,
    /// The return addresses of these call sites.
    pub places: BTreeMap<u32, Vec<u32>>,
    /// The terms of the run, by which the campaign judges leaks and the end of the run's process.
    pub terms: Terms,
}

impl Unresolved {
    /// The return addresses of the call that spawned the task, or started the thread, of a wait.
    pub(crate) fn spawned(&self, wait: Seq) -> Option<&[u32]> {
        let of = self.details.iter().find(|(of, awaited_ns, _)| *of == wait && awaited_ns.is_none())?;
        Some(self.frames(of.2))
    }

    /// The return addresses of a call site, innermost first.
    pub(crate) fn frames(&self, place: u32) -> &[u32] {
        self.places.get(&place).map_or(&[], Vec::as_slice)
    }
}

/// A stack as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stack {
    /// Its title.
    pub title: String,
    /// The program's own frames, innermost first: `src/audit.rs:12  audit::write`.
    pub lines: Vec<String>,
}

/// The events of a run, with the texts that they name by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The text of each [`Name`](afterlife_sim::event::Name); number 0 is the empty text.
    pub names: Vec<String>,
    /// The name of each [`NodeId`](afterlife_sim::event::NodeId).
    pub nodes: Vec<String>,
    /// The events, in order.
    pub events: Vec<Event>,
    /// Every socket at the end of the run, which is the moment of its first violation.
    #[serde(default)]
    pub sockets: Vec<Socket>,
    /// The digest after each event, to find the first difference of two runs.
    pub digests: Vec<u64>,
    /// The source line of each call site, where known.
    pub places: BTreeMap<u32, String>,
    /// The subject of the wait at each call site, where known: `for a oneshot channel`.
    #[serde(default)]
    pub awaited: BTreeMap<u32, String>,
    /// The stacks at the first violation.
    pub stacks: Vec<Stack>,
    /// The lines that programs printed, and those that they traced if the request had a filter.
    #[serde(default)]
    pub lines: Vec<LogLine>,
    /// True if the lines belong to another run than the events, because tracing changed the run. Not stored.
    #[serde(default)]
    pub strayed: bool,
    /// The choices that the seed made in the simulation.
    #[serde(default)]
    pub choices: Vec<Asked>,
}
