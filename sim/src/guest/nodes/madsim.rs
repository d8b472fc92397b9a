//! What madsim asks of the room besides: turns in which a dead process is taken apart, and ways that are shut.

use super::Own;
use crate::event::NodeId;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::thread::ThreadId;

/// What the room remembers for madsim alone.
#[derive(Default)]
pub(crate) struct OfEngine {
    /// What belonged to a node before a turn of an earlier process of it.
    kept: Option<(NodeId, Own)>,
}

impl Kernel {
    /// A dead process has a turn to be taken apart, as [`burial_begins`](Self::burial_begins) says. Its threads go on if that
    /// waits for them.
    pub(crate) fn last_turn_begins(&mut self, me: ThreadId, node: NodeId, life: u16) {
        if let Some(guests) = &mut self.guests {
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
        let Some(guests) = &mut self.guests else { return };
        self.process[node].storage.put(guests.disk.take());
        let kept = guests.engine.kept.take();
        self.turn_to(me, None, false);
        if let (Some(guests), Some((node, own))) = (&mut self.guests, kept) {
            guests.own[usize::from(node.0)] = own;
        }
    }

    fn dying_of(&self, node: NodeId) -> Vec<ThreadId> {
        let dying = self.guests.iter().flat_map(|guests| guests.dying.iter().copied());
        dying.filter(|thread| self.sched.threads[*thread].node == node).collect()
    }

    /// Whether nothing passes from one node to another.
    pub(crate) fn is_shut(&self, from: NodeId, to: NodeId) -> bool {
        self.net.links.is_partitioned(from, to) || self.net.links.is_held(from, to)
    }
}
