//! The account of one run: what its clients and services achieved, what its ledgers hold, and which faults struck. The campaign adds
//! them up. It judges nothing.

use crate::fault::InjectionOutcome;
use crate::invariant::Terms;
use crate::invariant::deaths::is_failure;
use crate::invariant::last_words;
use crate::scenario::ledger::LedgerSummary;
use crate::scenario::node::Role;
use afterlife_sim::Control;
use afterlife_sim::event::Misconfiguration;
use afterlife_sim::event::{Death, Event, NodeId, What};
use serde::{Deserialize, Serialize};

/// The account of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunAccount {
    /// The nodes, in the order of their numbers.
    pub(crate) nodes: Vec<NodeAccount>,
    /// The ledgers, in the order in which the scenario made them.
    pub(crate) ledgers: Vec<LedgerSummary>,
    /// The injections of the plan, those that the scenario injects in every run first.
    pub(crate) injections: Vec<InjectionOutcome>,
    /// The number of injections that the scenario injects in every run.
    pub(crate) scripted: usize,
    /// The number of starts of processes after their first.
    pub(crate) restarts: u64,
    /// The scenario as its function described it.
    pub(crate) described: Described,
    /// Calls that failed because of the setup, with the names of nodes.
    pub(crate) setup_errors: Vec<Misconfiguration<String>>,
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
    /// True if the program's allocator does not count memory, on an engine that could.
    pub(crate) lacks_allocator: bool,
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

/// Returns whether a scenario declares that such a call may fail.
pub(super) fn is_expected(error: &Misconfiguration<String>, terms: &Terms) -> bool {
    terms.allows_misconfiguration()
        || matches!(error, Misconfiguration::UnknownHost { name, .. } if terms.expects_unknown_host(name))
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
    succeeded: bool,
    failure: Option<String>,
}

impl RunningAccount {
    /// For nodes of these roles.
    pub(super) fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        let nodes = roles.into_iter().map(|role| Progress { role, succeeded: false, failure: None });
        Self { nodes: nodes.collect(), restarts: 0 }
    }

    /// Returns whether events of this kind change the account.
    pub(super) fn wants(what: &What) -> bool {
        matches!(what, What::Started | What::Exited { .. } | What::Listening { .. } | What::Phase { .. })
    }

    /// Observes an event.
    pub(super) fn event(&mut self, event: &Event, control: &Control<'_>) {
        let Some(node) = self.nodes.get_mut(usize::from(event.node.0)) else { return };
        match event.what {
            What::Started => self.restarts += u64::from(event.incarnation > 1),
            What::Listening { .. } | What::Phase { .. } => node.succeeded |= node.role == Role::Service,
            What::Exited { how } if is_failure(how) => {
                node.failure.get_or_insert_with(|| last_words::reason(event.node, how, control));
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
