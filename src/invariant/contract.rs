//! The contract of an invariant: a state machine over the events of a run.

use crate::model::violation::Violation;
use afterlife_sim::Control;
use afterlife_sim::event::{Event, Name, NodeId, What};

/// What an invariant may look up about an event. What only a room knows is nothing where there is none: in a log, say.
pub(crate) trait Facts {
    /// What a name stands for.
    fn text(&self, name: Name) -> &str;
    /// A node's name.
    fn node(&self, node: NodeId) -> &str;
    /// What threads are there and wait for, one line each.
    fn threads(&self) -> Vec<String> {
        Vec::new()
    }
    /// What the next life of a node would find on its disk, as one number.
    fn state(&self, _: NodeId) -> u128 {
        0
    }
    /// Whether a fault makes memory scarce on a node.
    fn has_memory_limit(&self, _: NodeId) -> bool {
        false
    }
    /// Whether a fault makes a node's disk refuse operations.
    fn disk_fails(&self, _: NodeId) -> bool {
        false
    }
    /// Whether this number was a descriptor of a node's process, and was closed.
    fn was_closed(&self, _: NodeId, _: i32) -> bool {
        false
    }
}

impl Facts for Control<'_> {
    fn text(&self, name: Name) -> &str {
        Control::text(self, name)
    }

    fn node(&self, node: NodeId) -> &str {
        self.node_name(node)
    }

    fn threads(&self) -> Vec<String> {
        Control::threads(self)
    }

    fn state(&self, node: NodeId) -> u128 {
        self.disk_state(node)
    }

    fn has_memory_limit(&self, node: NodeId) -> bool {
        Control::has_memory_limit(self, node)
    }

    fn disk_fails(&self, node: NodeId) -> bool {
        Control::disk_fails(self, node)
    }

    fn was_closed(&self, node: NodeId, fd: i32) -> bool {
        self.closed_descriptor(node, fd).is_some()
    }
}

/// What invariants know of a scenario and its plan.
#[derive(Default)]
pub(crate) struct Setup {
    /// Nodes whose end the run waits for.
    pub(crate) clients: Vec<NodeId>,
    /// Nodes that are no services: those, and whoever looks at what is left.
    pub(crate) no_services: Vec<NodeId>,
    /// Nodes with a supervisor, and after how many nanoseconds of a life each is healthy.
    pub(crate) supervised: Vec<(NodeId, u64)>,
    /// Whom each injection of the plan strikes.
    pub(crate) strikes: Vec<Vec<NodeId>>,
}

/// A state machine over the events of a run.
pub(crate) trait Invariant: Send {
    /// Its id.
    fn id(&self) -> &'static str;
    /// Whether it looks at events of this kind ([`What::kind`]): asked once a kind, so nothing else may matter.
    fn wants(&self, what: &What) -> bool;
    /// An event happened.
    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation>;
}
