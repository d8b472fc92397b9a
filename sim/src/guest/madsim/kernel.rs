//! Operations of the kernel for madsim alone: the turns in which a dead process is torn down, and closed links.

use crate::event::NodeId;
use crate::guest::state::GuestState;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// Advances the clock to the time of the running program. It never goes back.
    pub(super) fn advance_guest_clock(&mut self, now_ns: u64) {
        self.sched.advance_to(now_ns);
    }

    /// Begins one turn of the teardown of a dead incarnation. Its threads go on meanwhile, since the teardown may join them.
    pub(super) fn begin_teardown_turn(&mut self, me: ThreadId, node: NodeId, incarnation: u16) {
        if let Some(state) = GuestState::of_mut(self) {
            state.save_context(node);
        }
        self.begin_teardown(me, node, incarnation);
        for thread in self.dying_of(node) {
            self.sched.release(thread);
            self.thread_due(thread);
        }
    }

    /// Ends that turn.
    pub(super) fn end_teardown_turn(&mut self, me: ThreadId, node: NodeId) {
        for thread in self.dying_of(node) {
            self.sched.hold(thread);
        }
        let Some(disk) = GuestState::of_mut(self).map(GuestState::take_disk) else { return };
        self.process[node].storage_mut().put(disk);
        self.switch_guest(me, None, false);
        if let Some(state) = GuestState::of_mut(self) {
            state.restore_context();
        }
    }

    fn dying_of(&self, node: NodeId) -> Vec<ThreadId> {
        let dying = GuestState::of(self).map_or(&[][..], GuestState::dying);
        dying.iter().copied().filter(|thread| self.sched[*thread].node() == node).collect()
    }

    /// Returns whether nothing passes from one node to another.
    pub(super) fn is_link_closed(&self, from: NodeId, to: NodeId) -> bool {
        self.net.links().is_partitioned(from, to) || self.net.links().is_held(from, to)
    }
}
