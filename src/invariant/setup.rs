//! The facts about a scenario and its plan that invariants start from.

use super::custom::Invariant;
use afterlife_sim::event::NodeId;

/// The facts about a scenario and its plan that invariants start from.
#[derive(Default)]
pub(crate) struct Setup {
    /// The scenario's own invariants.
    pub(crate) own: Vec<Box<dyn Invariant>>,
    /// The nodes whose end the run waits for.
    pub(crate) clients: Vec<NodeId>,
    /// The services.
    pub(crate) services: Vec<NodeId>,
    /// The nodes that are not services: clients and verifiers.
    pub(crate) no_services: Vec<NodeId>,
    /// The nodes with a supervisor, and the nanoseconds after which each counts as healthy.
    pub(crate) supervised: Vec<(NodeId, u64)>,
    /// The nodes that each injection of the plan strikes.
    pub(crate) strikes: Vec<Vec<NodeId>>,
}
