//! The account of one run: what its clients and services achieved, what its ledgers hold, and which faults struck. The campaign adds
//! them up. It judges nothing.

use crate::fault::{InjectionOutcome, InjectionResult};
use crate::invariant::Terms;
use crate::invariant::deaths::is_failure;
use crate::model::duration::span;
use crate::scenario::ledger::LedgerSummary;
use crate::scenario::node::Role;
use afterlife_sim::event::{Death, Event, Name, NodeId, What};
use afterlife_sim::{Control, Misconfiguration};
use serde::{Deserialize, Serialize};

/// The account of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunAccount {
    /// The nodes, in the order of their numbers.
    pub(crate) nodes: Vec<NodeAccount>,
    /// The ledgers, in the order in which the scenario made them.
    pub(crate) ledgers: Vec<LedgerAccount>,
    /// The injections of the plan.
    pub(crate) injections: Vec<InjectionAccount>,
    /// The number of starts of processes after their first.
    pub(crate) restarts: u64,
    /// The scenario as its function described it.
    pub(crate) described: Described,
    /// Calls that failed because of the setup, as text.
    pub(crate) setup_errors: Vec<SetupError>,
}

/// The parts of a scenario that decide whether its runs can test anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Described {
    /// The kinds of faults that it allows, by name.
    pub(crate) kinds: Vec<String>,
    /// True if it has a claim, a ledger comparison or an invariant of its own.
    pub(crate) has_claims: bool,
    /// True if it has services and allows faults, on clients and verifiers alone.
    pub(crate) strikes_clients_only: bool,
}

/// One ledger at the end of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LedgerAccount {
    pub(crate) name: String,
    /// The number of different entries.
    pub(crate) entries: u64,
    pub(crate) is_complete: bool,
    /// It has the acknowledged entries of a *nothing acked is lost*.
    pub(crate) is_acked: bool,
    /// It has the entries found of a *nothing acked is lost*.
    pub(crate) is_found: bool,
}

impl From<LedgerSummary> for LedgerAccount {
    fn from(ledger: LedgerSummary) -> Self {
        let LedgerSummary { name, entries, is_complete, is_acked, is_found } = ledger;
        Self { name: name.to_owned(), entries, is_complete, is_acked, is_found }
    }
}

/// One injection of the plan in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InjectionAccount {
    /// The kind of fault.
    pub(crate) kind: String,
    /// True if the scenario injects it in every run.
    pub(crate) is_scripted: bool,
    /// The reason why it did not strike, in a few words; `None` if it struck.
    pub(crate) missed: Option<String>,
    /// The run ended before its moment.
    pub(crate) is_late: bool,
}

impl InjectionAccount {
    pub(super) fn of(outcome: InjectionOutcome, name: &dyn Fn(NodeId) -> String) -> Self {
        let InjectionOutcome { kind, result, .. } = outcome;
        Self {
            missed: (!result.is_struck()).then(|| result.words(name)),
            is_late: result == InjectionResult::NotReached,
            is_scripted: false,
            kind,
        }
    }
}

/// One node in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeAccount {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// A client: it ended without an error. A service: some incarnation listened, reported a phase, or did not fail by itself.
    pub(crate) succeeded: bool,
    /// The first failure of a process of its own accord.
    pub(crate) failure: Option<String>,
}

/// A call that failed because of the setup, with the names of nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum SetupError {
    /// A host name that no node has was looked up.
    UnknownHost { node: String, name: String },
    /// A node connected to a port that another binds to the loopback address only.
    LoopbackOnly { from: String, to: String, port: u16 },
    /// A node bound a port that it has bound already.
    PortTaken { node: String, port: u16 },
}

impl SetupError {
    /// The error with the names of its nodes.
    pub(crate) fn of(misconfiguration: Misconfiguration, names: &[String]) -> Self {
        let name_of = |node: NodeId| names.get(usize::from(node.0)).cloned().unwrap_or_default();
        match misconfiguration {
            Misconfiguration::UnknownHost { node, name } => Self::UnknownHost { node: name_of(node), name },
            Misconfiguration::LoopbackOnly { from, to, port } => {
                Self::LoopbackOnly { from: name_of(from), to: name_of(to), port }
            }
            Misconfiguration::PortTaken { node, port } => Self::PortTaken { node: name_of(node), port },
        }
    }
}

impl SetupError {
    /// Returns whether the scenario declares the host name.
    pub(super) fn is_expected(&self, terms: &Terms) -> bool {
        terms.allows_misconfiguration()
            || matches!(self, Self::UnknownHost { name, .. } if terms.expects_unknown_host(name))
    }
}

/// The account of a run in progress.
pub(super) struct RunningAccount {
    nodes: Vec<Progress>,
    restarts: u64,
}

/// The progress of one node.
#[derive(Clone)]
struct Progress {
    role: Role,
    started_ns: u64,
    succeeded: bool,
    failure: Option<String>,
    last_line: Name,
}

impl RunningAccount {
    /// For nodes of these roles.
    pub(super) fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        let nodes = roles.into_iter().map(|role| Progress {
            role,
            started_ns: 0,
            succeeded: false,
            failure: None,
            last_line: Name::NONE,
        });
        Self { nodes: nodes.collect(), restarts: 0 }
    }

    /// Returns whether events of this kind change the account.
    pub(super) fn wants(what: &What) -> bool {
        matches!(
            what,
            What::Started | What::Exited { .. } | What::Listening { .. } | What::Phase { .. } | What::Line { .. }
        )
    }

    /// Observes an event.
    pub(super) fn event(&mut self, event: &Event, control: &Control<'_>) {
        let Some(node) = self.nodes.get_mut(usize::from(event.node.0)) else { return };
        match event.what {
            What::Started => {
                self.restarts += u64::from(event.incarnation > 1);
                node.started_ns = event.time_ns;
                node.last_line = Name::NONE;
            }
            What::Listening { .. } | What::Phase { .. } => node.succeeded |= node.role == Role::Service,
            What::Line { text } => node.last_line = text,
            What::Exited { how } if is_failure(how) => {
                let lived_ns = event.time_ns - node.started_ns;
                node.failure.get_or_insert_with(|| failure(how, control.text(node.last_line), lived_ns));
            }
            What::Exited { how } => node.succeeded |= node.role == Role::Service || how == (Death::Exit { code: 0 }),
            _ => {}
        }
    }

    /// The account at the end of the run, in which these nodes were still running.
    pub(super) fn close(self, names: &[String], live: impl Fn(NodeId) -> bool) -> (Vec<NodeAccount>, u64) {
        let nodes = self.nodes.into_iter().enumerate().map(|(index, node)| NodeAccount {
            name: names.get(index).cloned().unwrap_or_default(),
            role: node.role,
            succeeded: node.succeeded || (node.role == Role::Service && live(NodeId(index as u16))),
            failure: node.failure,
        });
        (nodes.collect(), self.restarts)
    }
}

/// A failure in a few words: the last line that the process printed, or its end.
fn failure(how: Death, last_line: &str, lived_ns: u64) -> String {
    match (how, last_line.strip_prefix("Error: ").unwrap_or(last_line)) {
        (Death::Exit { code }, "") => format!("it ended with exit code {code} after {}", span(lived_ns)),
        (Death::Exit { .. }, line) => line.to_owned(),
        (Death::Panic, "") => "it panicked".to_owned(),
        (Death::OutOfMemory, _) => format!("it ran out of memory after {}", span(lived_ns)),
        (_, "") => format!("it crashed after {}", span(lived_ns)),
        (_, line) => line.to_owned(),
    }
}
