//! The contract between invariants and a run: a monitor observes events, and looks up facts about them.

use crate::model::violation::Violation;
use afterlife_sim::Control;
use afterlife_sim::event::{Event, Name, NodeId, Seq, What};

/// Facts that a monitor may look up. Where there is no simulation, as in a log, those that only the kernel knows have defaults.
pub(crate) trait Facts {
    /// The text of a name.
    fn text(&self, name: Name) -> &str;
    /// The name of a node.
    fn node(&self, node: NodeId) -> &str;
    /// The threads and what each waits for, one line each.
    fn threads(&self) -> Vec<String> {
        Vec::new()
    }
    /// A number that identifies the disk that the next incarnation of a node would find.
    fn state(&self, _: NodeId) -> u128 {
        0
    }
    /// Returns whether a fault makes memory scarce on a node.
    fn has_memory_limit(&self, _: NodeId) -> bool {
        false
    }
    /// Returns whether a fault makes a node's disk refuse operations.
    fn disk_fails(&self, _: NodeId) -> bool {
        false
    }
    /// Returns whether a node's process, which has ended, will be started again.
    fn will_restart(&self, _: NodeId) -> bool {
        false
    }
    /// The last lines that a node's process printed, oldest first, each with its event: those of standard error, or of standard
    /// output if there are none.
    fn last_lines(&self, _: NodeId) -> Vec<(Seq, String)> {
        Vec::new()
    }
    /// Returns whether this was a descriptor of the node's process, and was closed.
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

    fn will_restart(&self, node: NodeId) -> bool {
        Control::will_restart(self, node)
    }

    fn last_lines(&self, node: NodeId) -> Vec<(Seq, String)> {
        Control::last_lines(self, node).map(|(at, text)| (at, Control::text(self, text).to_owned())).collect()
    }

    fn was_closed(&self, node: NodeId, fd: i32) -> bool {
        self.closed_descriptor(node, fd).is_some()
    }
}

/// A state machine over the events of a run, which checks one invariant.
pub(crate) trait Monitor: Send {
    /// The id of the invariant.
    fn id(&self) -> &str;
    /// Returns whether it observes events of this kind ([`What::kind`]). It is asked once per kind, so the answer must
    /// depend on nothing else.
    fn wants(&self, what: &What) -> bool;
    /// Observes an event. Returns the violation if the event breaks the invariant.
    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation>;
}
