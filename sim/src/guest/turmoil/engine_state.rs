//! The state that the kernel keeps for turmoil alone, and the calls into turmoil.

use crate::event::NodeId;
use crate::guest::clock;
use crate::kernel::guest::Hooks;

/// The state of turmoil alone.
#[derive(Default)]
pub(crate) struct EngineState {
    /// The node whose runtime is being dropped. The runtime joins the node's threads, which wait for nothing meanwhile.
    dropping_runtime: Option<NodeId>,
    /// The node that was asked to stop during a turn.
    stop_requested: Option<NodeId>,
}

impl EngineState {
    pub(in crate::guest) fn stop_requested(&mut self, node: NodeId) {
        self.stop_requested = Some(node);
    }

    /// Takes the node that was asked to stop during a turn.
    pub(super) fn take_stop_requested(&mut self) -> Option<NodeId> {
        self.stop_requested.take()
    }

    /// Sets the node whose runtime is being dropped.
    pub(super) fn set_dropping_runtime(&mut self, node: Option<NodeId>) {
        self.dropping_runtime = node;
    }

    /// Returns `false` for the guest thread, since all programs would wait with it, and for the threads of a runtime that is being
    /// dropped, since the guest thread would wait for them.
    pub(in crate::guest) fn waits_for_devices(&self, is_guest_thread: bool, node: NodeId) -> bool {
        !is_guest_thread && self.dropping_runtime != Some(node)
    }
}

/// The calls into turmoil.
pub(in crate::guest) static HOOKS: Hooks = Hooks {
    clock: clock::now_ns,
    waited: clock::waited,
    reported: clock::reported,
    exit_subject: "afterlife::rt::process",
    exit_refusal: "a host of turmoil's cannot end in the middle of its turn, and all hosts with it: write \
                   `afterlife::rt::process` for `std::process`",
};
