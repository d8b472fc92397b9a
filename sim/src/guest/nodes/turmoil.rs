//! What turmoil asks of the room besides: a time for each node, hosts whose runtimes are dropped, ways that hold messages.

use super::{state, state_mut};
use crate::event::{NodeId, Seq};
use crate::guest::time;
use crate::kernel::dispatch::Kernel;
use crate::kernel::guest::Hooks;
use crate::kernel::net::link::LinkFault;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

/// What the room remembers for turmoil alone.
#[derive(Default)]
pub(crate) struct OfEngine {
    /// Whose runtime is dropped, which waits for what its threads are at: they wait for nothing themselves meanwhile.
    hurried: Option<NodeId>,
    /// Who was asked to stop in the midst of a turn.
    asked: Option<NodeId>,
}

/// What is wrong with the way between two carried nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hindrance {
    /// Nothing passes, and nothing is lost.
    pub(crate) held: bool,
    /// Each message takes so many nanoseconds longer.
    pub(crate) extra_ns: u64,
}

impl OfEngine {
    pub(super) fn stop_requested(&mut self, node: NodeId) {
        self.asked = Some(node);
    }

    /// The shared thread would make every program wait, and a node whose runtime is being dropped makes the shared thread wait.
    pub(super) fn waits_for_devices(&self, is_shared: bool, node: NodeId) -> bool {
        !is_shared && self.hurried != Some(node)
    }
}

/// The calls into turmoil.
pub(super) static HOOKS: Hooks = Hooks {
    clock: time::clock,
    waited: time::waited,
    reported: time::reported,
    exit_subject: "afterlife::rt::process",
    exit_refusal: "a host of turmoil's cannot end in the middle of its turn, and all hosts with it: write \
                   `afterlife::rt::process` for `std::process`",
};

impl Kernel {
    /// The carried node of this name.
    pub(crate) fn guest_node(&self, name: &str) -> Option<NodeId> {
        let guests = state(&self.guest)?;
        let found =
            self.process.nodes.iter().take(usize::from(guests.nodes)).position(|(_, node)| node.name == name)?;
        Some(NodeId(found as u16))
    }

    /// The engine is about to drop this node's runtime, which waits for the threads that work for it: those that wait for a device, or
    /// for nothing but time, wait no more.
    pub(crate) fn hurry(&mut self, node: NodeId) {
        let Some(guests) = state_mut(&mut self.guest) else { return };
        guests.engine.hurried = Some(node);
        let waits = |it: &State| matches!(it, State::Waiting(Wait::Device | Wait::Stall | Wait::Sleep));
        let of_node = self.sched.threads.iter().filter(|(_, it)| it.node == node && waits(&it.state)).map(|(id, _)| id);
        let of_node: Vec<ThreadId> = of_node.filter(|id| *id != guests.guest_thread).collect();
        for thread in of_node {
            self.sched.threads.time_out(thread, Seq::NONE, &self.sched.choices);
        }
    }

    /// It has dropped it: no thread of the process acts again.
    pub(crate) fn hurried(&mut self, node: NodeId) {
        self.bury_threads(node);
        if let Some(guests) = state_mut(&mut self.guest) {
            guests.engine.hurried = None;
        }
    }

    /// A dead process is taken apart, as [`burial_begins`](Self::burial_begins) says.
    pub(crate) fn burial_ends(&mut self, me: ThreadId, node: NodeId) {
        if let Some(guests) = state_mut(&mut self.guest) {
            self.process[node].storage.put(guests.disk.take());
        }
        self.hurried(node);
        self.turn_to(me, None, false);
    }

    /// Whether the calling thread's own process was asked to stop by what it has just told: which node it is, and how often so far.
    #[inline]
    pub(crate) fn asked_to_stop(&mut self, me: ThreadId) -> Option<(NodeId, u64)> {
        let node = state_mut(&mut self.guest)?.engine.asked.take()?;
        (self.sched.threads[me].node == node).then(|| (node, self.process[node].stops.count()))
    }

    /// A turn of all programs begins at this time: each has its own, up to the end of the turn.
    pub(crate) fn guest_begins(&mut self, node: NodeId, now_ns: u64) {
        let last_ns = state(&self.guest).map_or(0, |guests| guests.own[usize::from(node.0)].now_ns);
        self.sched.now_ns = now_ns.max(last_ns);
    }

    /// Whether the end of this node's process is due when the turn is over.
    pub(crate) fn is_ending(&self, node: NodeId) -> bool {
        state(&self.guest).is_some_and(|guests| guests.put_off.iter().any(|(of, ..)| *of == node))
    }

    /// What is wrong with the way between two nodes.
    pub(crate) fn hindrance(&self, a: NodeId, b: NodeId) -> Hindrance {
        let mut hindrance = Hindrance {
            held: self.net.links().is_partitioned(a, b) || self.net.links().is_partitioned(b, a),
            extra_ns: 0,
        };
        for fault in self.net.links().faults(a, b) {
            match fault {
                LinkFault::Slow(extra_ns) => hindrance.extra_ns += extra_ns,
                LinkFault::Hold => hindrance.held = true,
                _ => {}
            }
        }
        hindrance
    }
}
