//! The state that the kernel keeps for madsim alone, and the calls into madsim.

use crate::event::NodeId;
use crate::guest::clock;
use crate::kernel::guest::Hooks;

/// The state of madsim alone: none.
#[derive(Default)]
pub(crate) struct EngineState;

impl EngineState {
    /// Does nothing: the program is notified between two turns.
    pub(in crate::guest) fn stop_requested(&mut self, _node: NodeId) {}

    /// Returns `true`. Syncs take no time here, so that no thread waits.
    pub(in crate::guest) fn waits_for_devices(&self, _is_guest_thread: bool, _node: NodeId) -> bool {
        true
    }
}

/// The calls into madsim.
pub(in crate::guest) static HOOKS: Hooks = Hooks {
    clock: clock::now_ns,
    waited: |_, _| {},
    reported: |_| {},
    exit_subject: "exit and abort end a thread that all nodes share on madsim",
    exit_refusal: "exit and abort end a thread that all nodes share on madsim: return from the main function",
};
