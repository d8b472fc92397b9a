//! What madsim asks of the room besides: turns in which a dead process is taken apart, and ways that are shut.

use super::{Own, state, state_mut};
use crate::event::NodeId;
use crate::guest::time;
use crate::kernel::dispatch::Kernel;
use crate::kernel::guest::Hooks;
use crate::kernel::sched::thread::ThreadId;

/// What the room remembers for madsim alone.
#[derive(Default)]
pub(crate) struct OfEngine {
    /// What belonged to a node before a turn of an earlier process of it.
    kept: Option<(NodeId, Own)>,
}

impl OfEngine {
    /// Nothing is special about a stop request.
    pub(super) fn stop_requested(&mut self, _node: NodeId) {}

    /// Syncs take no time, so that nobody waits.
    pub(super) fn waits_for_devices(&self, _is_shared: bool, _node: NodeId) -> bool {
        true
    }
}

/// The calls into madsim.
pub(super) static HOOKS: Hooks = Hooks {
    clock: time::clock,
    waited: |_, _| {},
    reported: |_| {},
    exit_subject: "exit and abort end a thread that all nodes share on madsim",
    exit_refusal: "exit and abort end a thread that all nodes share on madsim: return from the main function",
};

impl Kernel {
    /// It is so late for the program whose turn it is. Its time never goes back.
    pub(crate) fn guest_moment(&mut self, now_ns: u64) {
        self.sched.now_ns = self.sched.now_ns.max(now_ns);
    }

    /// A dead process has a turn to be taken apart, as [`burial_begins`](Self::burial_begins) says. Its threads go on if that
    /// waits for them.
    pub(crate) fn last_turn_begins(&mut self, me: ThreadId, node: NodeId, life: u16) {
        if let Some(guests) = state_mut(&mut self.guest) {
            guests.engine.kept = Some((node, guests.own[usize::from(node.0)]));
        }
        self.burial_begins(me, node, life);
        for thread in self.dying_of(node) {
            self.sched.threads.release(thread, &self.sched.choices);
            self.thread_due(thread);
        }
    }

    /// It has had that turn.
    pub(crate) fn last_turn_ends(&mut self, me: ThreadId, node: NodeId) {
        for thread in self.dying_of(node) {
            self.sched.threads.hold(thread);
        }
        let Some(guests) = state_mut(&mut self.guest) else { return };
        self.process[node].storage.put(guests.disk.take());
        let kept = guests.engine.kept.take();
        self.turn_to(me, None, false);
        if let (Some(guests), Some((node, own))) = (state_mut(&mut self.guest), kept) {
            guests.own[usize::from(node.0)] = own;
        }
    }

    fn dying_of(&self, node: NodeId) -> Vec<ThreadId> {
        let dying = state(&self.guest).into_iter().flat_map(|guests| guests.dying.iter().copied());
        dying.filter(|thread| self.sched.threads[*thread].node == node).collect()
    }

    /// Whether nothing passes from one node to another.
    pub(crate) fn is_shut(&self, from: NodeId, to: NodeId) -> bool {
        self.net.links().is_partitioned(from, to) || self.net.links().is_held(from, to)
    }
}
