//! Nodes whose programs another engine runs, all of them on one thread of the room: the carrier.
//! It runs nothing: it says whose turn it is there, whose events these are, and what became of each node meanwhile.

#[cfg(madsim)]
mod madsim;
#[cfg(feature = "turmoil")]
mod turmoil;

use crate::event::{Death, NodeId, Seq};
use crate::kernel::dispatch::Kernel;
use crate::kernel::ending::Ending;
use crate::kernel::guest::{Guest, Hooks};
use crate::kernel::process::node::ExitCode;
use crate::kernel::process::state::ProcessState;
use crate::kernel::sched::thread::{NOBODY, ThreadId};
#[cfg(madsim)]
use madsim::{HOOKS, OfEngine};
use std::any::Any;
#[cfg(feature = "turmoil")]
pub(crate) use turmoil::Hindrance;
#[cfg(feature = "turmoil")]
use turmoil::{HOOKS, OfEngine};

/// What the room knows of nodes that are carried.
pub(crate) struct Guests {
    /// Nodes below this number are.
    nodes: u16,
    /// The thread on which the engine lives, and the programs have their turns.
    guest_thread: ThreadId,
    /// Whose turn it is on the carrier, if the engine lets programs run.
    speaks: Option<NodeId>,
    /// Threads of dead processes that are not taken apart yet: their runtimes wait for them.
    dying: Vec<ThreadId>,
    /// Dead processes are taken apart in many turns, between which others have theirs: meanwhile their threads stand still.
    in_turns: bool,
    /// The disk of the node whose dead process is taken apart: it reaches that no more.
    disk: Option<Box<crate::kernel::fs::disk::Disk>>,
    /// Ends that were due while a program ran: its frames cannot be left in the middle.
    put_off: Vec<(NodeId, Death, Seq)>,
    /// Something became of a node since the engine asked last.
    changed: bool,
    /// What the carrier was at when it was each node's turn last; the last one is its own.
    own: Vec<Own>,
    /// What one engine alone asks for.
    engine: OfEngine,
}

/// What belongs to a node of all that is the carrier's.
#[derive(Clone, Copy)]
struct Own {
    incarnation: u16,
    #[cfg_attr(madsim, expect(dead_code, reason = "all nodes have one time there"))]
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
    pub(crate) paused: bool,
}

impl Guest for Guests {
    fn hosts(&self, node: NodeId) -> bool {
        node.0 < self.nodes
    }

    fn is_shared(&self, thread: ThreadId) -> bool {
        self.guest_thread == thread
    }

    fn node_changed(&mut self) {
        self.changed = true;
    }

    fn stop_requested(&mut self, node: NodeId) {
        self.changed = true;
        self.engine.stop_requested(node);
    }

    fn postpones_end(&mut self, node: NodeId, how: Death, cause: Seq) -> bool {
        let postpones = self.hosts(node) && self.speaks.is_some();
        if postpones {
            self.put_off.push((node, how, cause));
        }
        postpones
    }

    fn takes_threads(&mut self, node: NodeId, threads: &[ThreadId]) -> bool {
        let takes = self.hosts(node);
        if takes {
            self.dying.extend(threads);
        }
        takes
    }

    fn holds_dead_threads(&self) -> bool {
        self.in_turns
    }

    fn waits_for_devices(&self, thread: ThreadId, node: NodeId) -> bool {
        self.engine.waits_for_devices(self.is_shared(thread), node)
    }

    fn hooks(&self) -> &'static Hooks {
        &HOOKS
    }
}

/// The state that the kernel keeps for the guest engine of this build.
fn state_mut(guest: &mut Option<Box<dyn Guest>>) -> Option<&mut Guests> {
    let guest: &mut dyn Any = &mut **guest.as_mut()?;
    guest.downcast_mut()
}

/// The same, to read.
fn state(guest: &Option<Box<dyn Guest>>) -> Option<&Guests> {
    let guest: &dyn Any = &**guest.as_ref()?;
    guest.downcast_ref()
}

impl Kernel {
    /// All nodes so far are carried, by an engine that takes dead processes apart at once, or `in_turns`.
    pub(crate) fn host_guests(&mut self, in_turns: bool) {
        let nodes = self.process.nodes.count();
        let own = Own { incarnation: 0, now_ns: 0, cause: Seq::NONE, entropy: 0 };
        self.guest = Some(Box::new(Guests {
            nodes: nodes as u16,
            guest_thread: NOBODY,
            speaks: None,
            dying: Vec::new(),
            in_turns,
            disk: None,
            put_off: Vec::new(),
            changed: false,
            own: vec![own; nodes + 1],
            engine: OfEngine::default(),
        }));
    }

    /// The engine takes a dead process apart from here on: whatever that still does, it does not do to the node's disk.
    pub(crate) fn burial_begins(&mut self, me: ThreadId, node: NodeId, life: u16) {
        self.turn_to(me, Some(node), false);
        self.sched.threads[me].incarnation = life;
        let disk = self.process[node].storage.take();
        if let Some(guests) = state_mut(&mut self.guest) {
            guests.disk = disk;
        }
    }

    /// No thread of a node's earlier lives acts again.
    pub(crate) fn bury_threads(&mut self, node: NodeId) {
        let Some(guests) = state_mut(&mut self.guest) else { return };
        let (of_node, others) =
            std::mem::take(&mut guests.dying).into_iter().partition(|thread| self.sched.threads[*thread].node == node);
        guests.dying = others;
        let of_node: Vec<ThreadId> = of_node;
        for thread in of_node {
            self.end_thread(thread);
        }
    }

    /// It is this node's turn on the carrier from here on; `None` is the engine's own. `runs` says whether its programs run, or
    /// the engine does something for it.
    pub(crate) fn turn_to(&mut self, me: ThreadId, node: Option<NodeId>, runs: bool) {
        let Some(guests) = state_mut(&mut self.guest) else { return };
        guests.guest_thread = me;
        self.sched.threads.last = Some(me);
        let nodes = guests.nodes;
        let thread = &mut self.sched.threads[me];
        let place = |node: NodeId| usize::from(node.0.min(nodes));
        guests.own[place(thread.node)] = Own {
            incarnation: thread.incarnation,
            now_ns: self.sched.now_ns,
            cause: thread.cause,
            entropy: thread.entropy,
        };
        let node = node.unwrap_or(NodeId(nodes));
        let it = &self.process[node];
        let mut own = guests.own[place(node)];
        if own.incarnation != it.incarnation() {
            (own.incarnation, own.cause, own.entropy) = (it.incarnation(), it.lifecycle.ended(), 0);
        }
        guests.speaks = (runs && node.0 < nodes).then_some(node);
        (thread.node, thread.incarnation) = (node, it.incarnation());
        (thread.cause, thread.entropy) = (own.cause, own.entropy);
        thread.key = crate::kernel::sched::choice::join(it.key, u64::from(it.incarnation()));
        if node.0 < nodes {
            crate::isolate::beat(node.0);
        }
    }

    /// All programs have had their turn, up to this time: ends that were put off come now, and what fell due meanwhile.
    pub(crate) fn guest_turn_over(&mut self, now_ns: u64) {
        self.sched.now_ns = self.sched.now_ns.max(now_ns);
        let put_off = state_mut(&mut self.guest).map(|guests| std::mem::take(&mut guests.put_off));
        for (node, how, cause) in put_off.into_iter().flatten() {
            self.end_process(node, how, cause);
        }
        self.fire_due();
    }

    /// Handles everything that is due, while the running thread keeps running.
    fn fire_due(&mut self) {
        if self.sched.now_ns > self.settings.end_ns {
            self.sched.now_ns = self.settings.end_ns;
            self.finish(Ending::TimeUp);
        }
        while self.ending().is_none()
            && self.sched.deadlines.next_ns().is_some_and(|due_ns| due_ns <= self.sched.now_ns)
        {
            self.fire_next();
        }
    }

    /// The main function of the node whose turn it is has ended.
    pub(crate) fn guest_main_ended(&mut self, me: ThreadId, code: ExitCode) {
        let thread = &self.sched.threads[me];
        if self.process[thread.node].incarnation() == thread.incarnation {
            self.main_ended(me, code);
        }
    }

    /// Where each carried node is in its life; `None` if nothing became of any since this was asked last.
    pub(crate) fn lives(&mut self) -> Option<Vec<Lives>> {
        let guests = state_mut(&mut self.guest)?;
        let nodes = usize::from(guests.nodes);
        let lives = |it: &crate::kernel::process::node::Node| Lives {
            incarnation: it.incarnation(),
            up: it.is_up(),
            off: it.lifecycle.state() == ProcessState::Off,
            stop_requests: it.stops.count(),
            paused: it.lifecycle.is_paused(),
        };
        std::mem::take(&mut guests.changed)
            .then(|| self.process.nodes.iter().take(nodes).map(|(_, node)| lives(node)).collect())
    }
}
