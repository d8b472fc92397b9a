//! Nodes whose programs another engine runs, all of them on one thread of the room: the carrier.
//! It runs nothing: it says whose turn it is there, whose events these are, and what became of each node meanwhile.

#[cfg(madsim)]
mod madsim;
#[cfg(feature = "turmoil")]
mod turmoil;

use crate::event::{Death, NodeId, Seq};
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::node::ExitCode;
use crate::kernel::process::state::ProcessState;
use crate::kernel::sched::thread::{NOBODY, ThreadId};
#[cfg(madsim)]
use madsim::OfEngine;
#[cfg(feature = "turmoil")]
pub(crate) use turmoil::Hindrance;
#[cfg(feature = "turmoil")]
use turmoil::OfEngine;

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

impl Kernel {
    /// All nodes so far are carried, by an engine that takes dead processes apart at once, or `in_turns`.
    pub(crate) fn host_guests(&mut self, in_turns: bool) {
        let nodes = self.process.nodes.count();
        let own = Own { incarnation: 0, now_ns: 0, cause: Seq::NONE, entropy: 0 };
        self.guests = Some(Box::new(Guests {
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

    /// Whether another engine runs this node's programs.
    pub(crate) fn is_guest(&self, node: NodeId) -> bool {
        self.guests.as_ref().is_some_and(|guests| node.0 < guests.nodes)
    }

    /// Whether all programs have their turns on this thread.
    #[inline]
    pub(crate) fn is_guest_thread(&self, me: ThreadId) -> bool {
        self.guests.as_ref().is_some_and(|guests| guests.guest_thread == me)
    }

    /// Whether nothing that this thread does is heard: its process is dead, and its engine has yet to take it apart.
    #[inline]
    pub(crate) fn is_muted(&self, me: ThreadId) -> bool {
        let thread = &self.sched.threads[me];
        self.is_guest(thread.node) && {
            let it = &self.process[thread.node];
            !it.is_up() || it.incarnation() != thread.incarnation
        }
    }

    /// The engine takes a dead process apart from here on: whatever that still does, it does not do to the node's disk.
    pub(crate) fn burial_begins(&mut self, me: ThreadId, node: NodeId, life: u16) {
        self.turn_to(me, Some(node), false);
        self.sched.threads[me].incarnation = life;
        let disk = self.process[node].storage.take();
        if let Some(guests) = &mut self.guests {
            guests.disk = disk;
        }
    }

    /// No thread of a node's earlier lives acts again.
    pub(crate) fn bury_threads(&mut self, node: NodeId) {
        let Some(guests) = &mut self.guests else { return };
        let (of_node, others) =
            std::mem::take(&mut guests.dying).into_iter().partition(|thread| self.sched.threads[*thread].node == node);
        guests.dying = others;
        let of_node: Vec<ThreadId> = of_node;
        for thread in of_node {
            self.end_thread(thread);
        }
    }

    /// Leaves the threads of a dead process to its engine, which waits for those that its runtime waits for. Returns whether it does.
    pub(crate) fn leaves_threads(&mut self, node: NodeId) -> bool {
        let is_guest = self.is_guest(node);
        let threads = self.process[node].threads.clone();
        match &mut self.guests {
            Some(guests) if is_guest => guests.dying.extend(&threads),
            _ => return false,
        }
        if self.guests.as_ref().is_some_and(|guests| guests.in_turns) {
            for thread in threads {
                self.sched.threads.hold(thread);
                self.sched.must_switch |= self.sched.running == Some(thread);
            }
        }
        true
    }

    /// Something became of a carried node.
    pub(crate) fn guests_changed(&mut self) {
        if let Some(guests) = &mut self.guests {
            guests.changed = true;
        }
    }

    /// Puts the end of a carried process off if some program is running: it then comes when that has had its turn.
    pub(crate) fn puts_off(&mut self, node: NodeId, how: Death, cause: Seq) -> bool {
        let is_guest = self.is_guest(node);
        match &mut self.guests {
            Some(guests) if is_guest && guests.speaks.is_some() => {
                guests.put_off.push((node, how, cause));
                true
            }
            _ => false,
        }
    }

    /// It is this node's turn on the carrier from here on; `None` is the engine's own. `runs` says whether its programs run, or
    /// the engine does something for it.
    pub(crate) fn turn_to(&mut self, me: ThreadId, node: Option<NodeId>, runs: bool) {
        let Some(guests) = &mut self.guests else { return };
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

    /// It is so late for the program whose turn it is. Its time never goes back.
    pub(crate) fn guest_moment(&mut self, now_ns: u64) {
        self.sched.now_ns = self.sched.now_ns.max(now_ns);
    }

    /// All programs have had their turn, up to this time: ends that were put off come now, and what fell due meanwhile.
    pub(crate) fn guest_turn_over(&mut self, now_ns: u64) {
        self.sched.now_ns = self.sched.now_ns.max(now_ns);
        let put_off = self.guests.as_mut().map(|guests| std::mem::take(&mut guests.put_off));
        for (node, how, cause) in put_off.into_iter().flatten() {
            self.end_process(node, how, cause);
        }
        self.fire_due();
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
        let guests = self.guests.as_mut()?;
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
