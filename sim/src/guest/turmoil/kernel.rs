//! Operations of the kernel for turmoil alone: a time for each node, runtimes that are dropped, links that hold messages.

use crate::event::{NodeId, Seq};
use crate::guest::state::GuestState;
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::link::LinkFault;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

/// The condition of the link between two nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LinkCondition {
    /// Messages are held: nothing passes, and nothing is lost.
    pub(super) is_held: bool,
    /// The extra latency of each message, in nanoseconds.
    pub(super) extra_ns: u64,
}

impl Kernel {
    /// The guest node of this name.
    pub(super) fn guest_node(&self, name: &str) -> Option<NodeId> {
        let nodes = GuestState::of(self)?.nodes();
        let found = self.process.nodes().take(nodes).position(|(_, node)| node.name() == name)?;
        Some(NodeId(found as u16))
    }

    /// Prepares for the drop of a node's runtime, which joins the node's threads: those that wait for a device or for time alone
    /// wait no longer.
    pub(super) fn begin_runtime_drop(&mut self, node: NodeId) {
        let Some(state) = GuestState::of_mut(self) else { return };
        state.engine_mut().set_dropping_runtime(Some(node));
        let guest_thread = state.guest_thread();
        let waits = |state: &State| matches!(state, State::Waiting(Wait::Device | Wait::Stall | Wait::Sleep));
        let of_node: Vec<ThreadId> = self
            .sched
            .threads()
            .filter(|(id, thread)| thread.node() == node && waits(&thread.state()) && *id != guest_thread)
            .map(|(id, _)| id)
            .collect();
        for thread in of_node {
            self.sched.time_out(thread, Seq::NONE);
        }
    }

    /// Records that the runtime was dropped: no thread of the dead process acts again.
    pub(super) fn end_runtime_drop(&mut self, node: NodeId) {
        self.kill_dying_threads(node);
        if let Some(state) = GuestState::of_mut(self) {
            state.engine_mut().set_dropping_runtime(None);
        }
    }

    /// Ends a teardown that [`begin_teardown`](Self::begin_teardown) began.
    pub(super) fn end_teardown(&mut self, me: ThreadId, node: NodeId) {
        if let Some(disk) = GuestState::of_mut(self).map(GuestState::take_disk) {
            self.process[node].storage_mut().put(disk);
        }
        self.end_runtime_drop(node);
        self.switch_guest(me, None, false);
    }

    /// Takes the stop request with which a fault has answered the calling thread's own probe event: its node, and the number of
    /// requests so far.
    #[inline]
    pub(in crate::guest) fn take_stop_request(&mut self, me: ThreadId) -> Option<(NodeId, u64)> {
        let node = GuestState::of_mut(self)?.engine_mut().take_stop_requested()?;
        (self.sched[me].node() == node).then(|| (node, self.process[node].stops().count()))
    }

    /// Sets the clock for a node's turn within the turn of all programs that began at `now_ns`. A node that was ahead stays ahead.
    pub(super) fn begin_guest_turn(&mut self, node: NodeId, now_ns: u64) {
        let last_ns = GuestState::of(self).map_or(0, |state| state.last_turn_ns(node));
        self.sched.set_now(now_ns.max(last_ns));
    }

    /// Returns whether the end of a node's process is due at the end of the turn.
    pub(super) fn has_postponed_end(&self, node: NodeId) -> bool {
        GuestState::of(self).is_some_and(|state| state.has_postponed_end(node))
    }

    /// The condition of the link between two nodes.
    pub(super) fn link_condition(&self, a: NodeId, b: NodeId) -> LinkCondition {
        let links = self.net.links();
        let mut condition =
            LinkCondition { is_held: links.is_partitioned(a, b) || links.is_partitioned(b, a), extra_ns: 0 };
        for fault in links.faults(a, b) {
            match fault {
                LinkFault::Slow(extra_ns) => condition.extra_ns += extra_ns,
                LinkFault::Hold => condition.is_held = true,
                _ => {}
            }
        }
        condition
    }
}
