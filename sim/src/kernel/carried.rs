//! Nodes whose programs another engine runs, all of them on one thread of the room: the carrier.
//! It runs nothing: it says whose turn it is there, whose events these are, and what became of each node meanwhile.

#[cfg(feature = "turmoil")]
use super::link::LinkTrouble;
use super::process::{ExitCode, Life};
use super::thread::{NOBODY, ThreadId};
#[cfg(feature = "turmoil")]
use super::thread::{State, Wait};
use super::world::World;
use crate::event::{Death, NodeId, Seq};

/// What the room knows of nodes that are carried.
pub(crate) struct Carried {
    /// Nodes below this number are.
    nodes: u16,
    /// The thread on which the engine lives, and the programs have their turns.
    carrier: ThreadId,
    /// Whose turn it is on the carrier, if the engine lets programs run.
    speaks: Option<NodeId>,
    /// Whose runtime is dropped, which waits for what its threads are at: they wait for nothing themselves meanwhile.
    #[cfg(feature = "turmoil")]
    hurried: Option<NodeId>,
    /// Threads of dead processes that are not taken apart yet: their runtimes wait for them.
    dying: Vec<ThreadId>,
    /// Dead processes are taken apart in many turns, between which others have theirs: meanwhile their threads stand still.
    in_turns: bool,
    /// What belonged to a node before a turn of an earlier process of it.
    #[cfg(madsim)]
    kept: Option<(NodeId, Own)>,
    /// The disk of the node whose dead process is taken apart: it reaches that no more.
    disk: Option<Box<super::disk::Disk>>,
    /// Ends that were due while a program ran: its frames cannot be left in the middle.
    put_off: Vec<(NodeId, Death, Seq)>,
    /// Something became of a node since the engine asked last.
    changed: bool,
    /// Who was asked to stop in the midst of a turn.
    #[cfg(feature = "turmoil")]
    asked: Option<NodeId>,
    /// What the carrier was at when it was each node's turn last; the last one is its own.
    own: Vec<Own>,
}

/// What belongs to a node of all that is the carrier's.
#[derive(Clone, Copy)]
struct Own {
    incarnation: u16,
    /// Where each node has a time of its own.
    #[cfg(feature = "turmoil")]
    now_ns: u64,
    cause: Seq,
    entropy: u64,
}

/// Where a carried node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lives {
    /// Which life it is, from 1; 0 before the first.
    pub(crate) incarnation: u16,
    /// A process runs there.
    pub(crate) up: bool,
    /// Its machine has no power.
    pub(crate) off: bool,
    /// How often its present life was asked to stop.
    pub(crate) stop_requests: u64,
    /// It stands still.
    #[cfg(madsim)]
    pub(crate) paused: bool,
}

/// What is wrong with the way between two carried nodes.
#[cfg(feature = "turmoil")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hindrance {
    /// Nothing passes, and nothing is lost.
    pub(crate) held: bool,
    /// Each message takes so many nanoseconds longer.
    pub(crate) extra_ns: u64,
}

impl World {
    /// All nodes so far are carried, by an engine that takes dead processes apart at once, or `in_turns`.
    pub(crate) fn carry(&mut self, in_turns: bool) {
        let nodes = self.nodes.len();
        let own = Own {
            incarnation: 0,
            #[cfg(feature = "turmoil")]
            now_ns: 0,
            cause: Seq::NONE,
            entropy: 0,
        };
        self.carried = Some(Box::new(Carried {
            nodes: nodes as u16,
            carrier: NOBODY,
            speaks: None,
            #[cfg(feature = "turmoil")]
            hurried: None,
            dying: Vec::new(),
            in_turns,
            #[cfg(madsim)]
            kept: None,
            disk: None,
            put_off: Vec::new(),
            changed: false,
            #[cfg(feature = "turmoil")]
            asked: None,
            own: vec![own; nodes + 1],
        }));
    }

    /// Whether another engine runs this node's programs.
    pub(crate) fn is_carried(&self, node: NodeId) -> bool {
        self.carried.as_ref().is_some_and(|carried| node.0 < carried.nodes)
    }

    /// The carried node of this name.
    #[cfg(feature = "turmoil")]
    pub(crate) fn carried_node(&self, name: &str) -> Option<NodeId> {
        let carried = self.carried.as_ref()?;
        let found = self.nodes[..usize::from(carried.nodes)].iter().position(|it| it.name == name)?;
        Some(NodeId(found as u16))
    }

    /// Whether all programs have their turns on this thread.
    #[inline]
    pub(crate) fn is_carrier(&self, me: ThreadId) -> bool {
        self.carried.as_ref().is_some_and(|carried| carried.carrier == me)
    }

    /// Whether a device takes its time with this thread. The carrier would have every program wait, and who is in a hurry has the
    /// carrier wait.
    #[cfg(feature = "turmoil")]
    pub(super) fn waits_for_devices(&self, me: ThreadId) -> bool {
        let hurried = self.carried.as_ref().and_then(|carried| carried.hurried);
        !self.is_carrier(me) && hurried != Some(self.threads[me].node)
    }

    /// The engine is about to drop this node's runtime, which waits for the threads that work for it: those that wait for a device, or
    /// for nothing but time, wait no more.
    #[cfg(feature = "turmoil")]
    pub(crate) fn hurry(&mut self, node: NodeId) {
        let Some(carried) = &mut self.carried else { return };
        carried.hurried = Some(node);
        let waits = |it: &State| matches!(it, State::Waiting(Wait::Device | Wait::Stall | Wait::Sleep));
        let of_node = self.threads.iter().filter(|(_, it)| it.node == node && waits(&it.state)).map(|(id, _)| id);
        let of_node: Vec<ThreadId> = of_node.filter(|id| *id != carried.carrier).collect();
        for thread in of_node {
            self.threads.time_out(thread, Seq::NONE, &self.choices);
        }
    }

    /// Whether nothing that this thread does is heard: its process is dead, and its engine has yet to take it apart.
    #[inline]
    pub(crate) fn is_muted(&self, me: ThreadId) -> bool {
        let thread = &self.threads[me];
        self.is_carried(thread.node) && {
            let it = &self.nodes[usize::from(thread.node.0)];
            !it.is_up() || it.incarnation != thread.incarnation
        }
    }

    /// The engine takes a dead process apart from here on: whatever that still does, it does not do to the node's disk.
    pub(crate) fn burial_begins(&mut self, me: ThreadId, node: NodeId, life: u16) {
        self.turn_to(me, Some(node), false);
        self.threads[me].incarnation = life;
        #[cfg(feature = "turmoil")]
        self.hurry(node);
        let disk = self.nodes[usize::from(node.0)].disk.take();
        if let Some(carried) = &mut self.carried {
            carried.disk = disk;
        }
    }

    /// It has, and no thread of the process acts again.
    #[cfg(feature = "turmoil")]
    pub(crate) fn burial_ends(&mut self, me: ThreadId, node: NodeId) {
        if let Some(carried) = &mut self.carried {
            self.nodes[usize::from(node.0)].disk = carried.disk.take();
        }
        self.bury_threads(node);
        self.turn_to(me, None, false);
    }

    /// No thread of a node's earlier lives acts again.
    pub(crate) fn bury_threads(&mut self, node: NodeId) {
        let Some(carried) = &mut self.carried else { return };
        #[cfg(feature = "turmoil")]
        {
            carried.hurried = None;
        }
        let (of_node, others) =
            std::mem::take(&mut carried.dying).into_iter().partition(|thread| self.threads[*thread].node == node);
        carried.dying = others;
        let of_node: Vec<ThreadId> = of_node;
        for thread in of_node {
            self.end_thread(thread);
        }
    }

    /// Leaves the threads of a dead process to its engine, which waits for those that its runtime waits for. Returns whether it does.
    pub(super) fn leaves_threads(&mut self, node: NodeId) -> bool {
        let is_carried = self.is_carried(node);
        let threads = self.nodes[usize::from(node.0)].threads.clone();
        match &mut self.carried {
            Some(carried) if is_carried => carried.dying.extend(&threads),
            _ => return false,
        }
        if self.carried.as_ref().is_some_and(|carried| carried.in_turns) {
            for thread in threads {
                self.threads.hold(thread);
                self.must_pass |= self.running == Some(thread);
            }
        }
        true
    }

    /// A dead process has a turn to be taken apart, as [`burial_begins`](Self::burial_begins) says. Its threads go on if that
    /// waits for them.
    #[cfg(madsim)]
    pub(crate) fn last_turn_begins(&mut self, me: ThreadId, node: NodeId, life: u16) {
        if let Some(carried) = &mut self.carried {
            carried.kept = Some((node, carried.own[usize::from(node.0)]));
        }
        self.burial_begins(me, node, life);
        for thread in self.dying_of(node) {
            self.threads.release(thread, &self.choices);
            self.thread_due(thread);
        }
    }

    /// It has had that turn.
    #[cfg(madsim)]
    pub(crate) fn last_turn_ends(&mut self, me: ThreadId, node: NodeId) {
        for thread in self.dying_of(node) {
            self.threads.hold(thread);
        }
        let Some(carried) = &mut self.carried else { return };
        self.nodes[usize::from(node.0)].disk = carried.disk.take();
        let kept = carried.kept.take();
        self.turn_to(me, None, false);
        if let (Some(carried), Some((node, own))) = (&mut self.carried, kept) {
            carried.own[usize::from(node.0)] = own;
        }
    }

    #[cfg(madsim)]
    fn dying_of(&self, node: NodeId) -> Vec<ThreadId> {
        let dying = self.carried.iter().flat_map(|carried| carried.dying.iter().copied());
        dying.filter(|thread| self.threads[*thread].node == node).collect()
    }

    /// Something became of a carried node.
    pub(crate) fn carried_changed(&mut self) {
        if let Some(carried) = &mut self.carried {
            carried.changed = true;
        }
    }

    /// A carried process was asked to stop.
    #[cfg(feature = "turmoil")]
    pub(super) fn carried_asked_to_stop(&mut self, node: NodeId) {
        self.carried_changed();
        if let Some(carried) = &mut self.carried {
            carried.asked = Some(node);
        }
    }

    /// Whether the calling thread's own process was asked to stop by what it has just told: which node it is, and how often so far.
    #[cfg(feature = "turmoil")]
    #[inline]
    pub(crate) fn asked_to_stop(&mut self, me: ThreadId) -> Option<(NodeId, u64)> {
        let node = self.carried.as_mut()?.asked.take()?;
        (self.threads[me].node == node).then(|| (node, self.nodes[usize::from(node.0)].stop_requests))
    }

    /// Puts the end of a carried process off if some program is running: it then comes when that has had its turn.
    pub(super) fn puts_off(&mut self, node: NodeId, how: Death, cause: Seq) -> bool {
        let is_carried = self.is_carried(node);
        match &mut self.carried {
            Some(carried) if is_carried && carried.speaks.is_some() => {
                carried.put_off.push((node, how, cause));
                true
            }
            _ => false,
        }
    }

    /// It is this node's turn on the carrier from here on; `None` is the engine's own. `runs` says whether its programs run, or
    /// the engine does something for it.
    pub(crate) fn turn_to(&mut self, me: ThreadId, node: Option<NodeId>, runs: bool) {
        let Some(carried) = &mut self.carried else { return };
        carried.carrier = me;
        self.threads.last = Some(me);
        let nodes = carried.nodes;
        let thread = &mut self.threads[me];
        let place = |node: NodeId| usize::from(node.0.min(nodes));
        carried.own[place(thread.node)] = Own {
            incarnation: thread.incarnation,
            #[cfg(feature = "turmoil")]
            now_ns: self.now_ns,
            cause: thread.cause,
            entropy: thread.entropy,
        };
        let node = node.unwrap_or(NodeId(nodes));
        let it = &self.nodes[usize::from(node.0)];
        let mut own = carried.own[place(node)];
        if own.incarnation != it.incarnation {
            (own.incarnation, own.cause, own.entropy) = (it.incarnation, it.ended, 0);
        }
        carried.speaks = (runs && node.0 < nodes).then_some(node);
        (thread.node, thread.incarnation) = (node, it.incarnation);
        (thread.cause, thread.entropy) = (own.cause, own.entropy);
        thread.key = super::choice::join(it.key, u64::from(it.incarnation));
        if node.0 < nodes {
            crate::engine::beat(node.0);
        }
    }

    /// It is so late for the program whose turn it is. Its time never goes back.
    pub(crate) fn carried_moment(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// A turn of all programs begins at this time: each has its own, up to the end of the turn.
    #[cfg(feature = "turmoil")]
    pub(crate) fn carried_begins(&mut self, node: NodeId, now_ns: u64) {
        let last_ns = self.carried.as_ref().map_or(0, |carried| carried.own[usize::from(node.0)].now_ns);
        self.now_ns = now_ns.max(last_ns);
    }

    /// All programs have had their turn, up to this time: ends that were put off come now, and what fell due meanwhile.
    pub(crate) fn carried_turn_over(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        let put_off = self.carried.as_mut().map(|carried| std::mem::take(&mut carried.put_off));
        for (node, how, cause) in put_off.into_iter().flatten() {
            self.end_process(node, how, cause);
        }
        self.fire_due();
    }

    /// Whether the end of this node's process is due when the turn is over.
    #[cfg(feature = "turmoil")]
    pub(crate) fn is_ending(&self, node: NodeId) -> bool {
        self.carried.as_ref().is_some_and(|carried| carried.put_off.iter().any(|(of, ..)| *of == node))
    }

    /// The main function of the node whose turn it is has ended.
    pub(crate) fn carried_main_ended(&mut self, me: ThreadId, code: ExitCode) {
        let thread = &self.threads[me];
        if self.nodes[usize::from(thread.node.0)].incarnation == thread.incarnation {
            self.main_ended(me, code);
        }
    }

    /// Where each carried node is in its life; `None` if nothing became of any since this was asked last.
    pub(crate) fn lives(&mut self) -> Option<Vec<Lives>> {
        let carried = self.carried.as_mut()?;
        let nodes = usize::from(carried.nodes);
        let lives = |it: &super::process::Node| Lives {
            incarnation: it.incarnation,
            up: it.is_up(),
            off: it.life == Life::Off,
            stop_requests: it.stop_requests,
            #[cfg(madsim)]
            paused: it.paused,
        };
        std::mem::take(&mut carried.changed).then(|| self.nodes[..nodes].iter().map(lives).collect())
    }

    /// Whether nothing passes from one node to another.
    #[cfg(madsim)]
    pub(crate) fn is_shut(&self, from: NodeId, to: NodeId) -> bool {
        self.net.is_blocked(from, to) || self.net.is_held(from, to)
    }

    /// What is wrong with the way between two nodes.
    #[cfg(feature = "turmoil")]
    pub(crate) fn hindrance(&self, a: NodeId, b: NodeId) -> Hindrance {
        let mut hindrance = Hindrance { held: self.net.is_blocked(a, b) || self.net.is_blocked(b, a), extra_ns: 0 };
        for trouble in self.net.troubles(a, b) {
            match trouble {
                LinkTrouble::Slow(extra_ns) => hindrance.extra_ns += extra_ns,
                LinkTrouble::Hold => hindrance.held = true,
                _ => {}
            }
        }
        hindrance
    }
}
