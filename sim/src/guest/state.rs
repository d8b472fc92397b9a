//! The state that the kernel keeps for the guest engine of this build, and the operations that both engines need.
//! It runs nothing: it records whose turn it is on the guest thread, and the state of each node's process.

#[cfg(madsim)]
use super::madsim::engine_state::{EngineState, HOOKS};
#[cfg(feature = "turmoil")]
use super::turmoil::engine_state::{EngineState, HOOKS};
use crate::event::{Death, NodeId, Seq};
use crate::kernel::dispatch::Kernel;
use crate::kernel::ending::Ending;
use crate::kernel::fs::disk::Disk;
use crate::kernel::guest::{Guest, Hooks};
use crate::kernel::process::node::{ExitCode, Node};
use crate::kernel::process::state::ProcessState;
use crate::kernel::sched::thread::{NOBODY, Role, ThreadId};
use std::any::Any;

/// The state of the guest engine.
pub(super) struct GuestState {
    /// Nodes below this number are the engine's.
    nodes: u16,
    /// The thread on which the engine and all programs run.
    guest_thread: ThreadId,
    /// The node whose program runs at this moment.
    running: Option<NodeId>,
    /// Threads of dead processes that are not torn down yet: their runtimes join them.
    dying: Vec<ThreadId>,
    /// A dead process is torn down in many turns, between which other programs run. Its threads are held in between.
    tears_down_in_turns: bool,
    /// The disk of the node whose dead process is torn down, out of its reach.
    detached_disk: Option<Box<Disk>>,
    /// Ends of processes that fell due while some program ran: its frames cannot be abandoned.
    postponed_ends: Vec<(NodeId, Death, Seq)>,
    /// The state of some node's process has changed since the engine asked last.
    changed: bool,
    /// The context of each node on the guest thread; the last one is the engine's own.
    contexts: Vec<NodeContext>,
    /// The context of a node's present incarnation, during a teardown turn of an earlier one.
    #[cfg(madsim)]
    saved_context: Option<(NodeId, NodeContext)>,
    engine: EngineState,
}

/// A node's share of the guest thread's state, saved between its turns.
#[derive(Clone, Copy)]
struct NodeContext {
    incarnation: u16,
    #[cfg_attr(madsim, expect(dead_code, reason = "all nodes have one time on madsim"))]
    now_ns: u64,
    cause: Seq,
    entropy: u64,
}

/// The state of a guest node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GuestProcess {
    /// The incarnation, from 1; 0 before the first.
    pub(super) incarnation: u16,
    /// The process runs.
    pub(super) is_up: bool,
    /// The machine has no power.
    pub(super) is_off: bool,
    /// The number of stop requests to this incarnation.
    pub(super) stop_requests: u64,
    /// The process is paused.
    pub(super) is_paused: bool,
}

impl GuestProcess {
    fn of(node: &Node) -> Self {
        Self {
            incarnation: node.incarnation(),
            is_up: node.is_up(),
            is_off: node.lifecycle().state() == ProcessState::Off,
            stop_requests: node.stops().count(),
            is_paused: node.lifecycle().is_paused(),
        }
    }

    /// The incarnation that runs, if one does.
    pub(super) fn live(&self) -> Option<u16> {
        self.is_up.then_some(self.incarnation)
    }
}

impl Guest for GuestState {
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
        let postpones = self.hosts(node) && self.running.is_some();
        if postpones {
            self.postponed_ends.push((node, how, cause));
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
        self.tears_down_in_turns
    }

    fn waits_for_devices(&self, thread: ThreadId, node: NodeId) -> bool {
        self.engine.waits_for_devices(self.is_shared(thread), node)
    }

    fn hooks(&self) -> &'static Hooks {
        &HOOKS
    }
}

impl GuestState {
    /// The state that a kernel keeps, if its run has a guest engine.
    pub(super) fn of(kernel: &Kernel) -> Option<&Self> {
        let guest: &dyn Any = &**kernel.guest.as_ref()?;
        guest.downcast_ref()
    }

    /// The same, to change.
    pub(super) fn of_mut(kernel: &mut Kernel) -> Option<&mut Self> {
        Self::in_slot(&mut kernel.guest)
    }

    /// The same, for a caller that borrows the kernel's other parts.
    fn in_slot(guest: &mut Option<Box<dyn Guest>>) -> Option<&mut Self> {
        let guest: &mut dyn Any = &mut **guest.as_mut()?;
        guest.downcast_mut()
    }

    /// The number of nodes.
    #[cfg(feature = "turmoil")]
    pub(super) fn nodes(&self) -> usize {
        usize::from(self.nodes)
    }

    /// The thread on which the engine and all programs run.
    #[cfg(feature = "turmoil")]
    pub(super) fn guest_thread(&self) -> ThreadId {
        self.guest_thread
    }

    /// Threads of dead processes that are not torn down yet.
    #[cfg(madsim)]
    pub(super) fn dying(&self) -> &[ThreadId] {
        &self.dying
    }

    /// The virtual time at the end of a node's last turn.
    #[cfg(feature = "turmoil")]
    pub(super) fn last_turn_ns(&self, node: NodeId) -> u64 {
        self.contexts[usize::from(node.0)].now_ns
    }

    /// Saves the context of a node's present incarnation.
    #[cfg(madsim)]
    pub(super) fn save_context(&mut self, node: NodeId) {
        self.saved_context = Some((node, self.contexts[usize::from(node.0)]));
    }

    /// Restores the context that was saved.
    #[cfg(madsim)]
    pub(super) fn restore_context(&mut self) {
        if let Some((node, context)) = self.saved_context.take() {
            self.contexts[usize::from(node.0)] = context;
        }
    }

    /// Takes the disk that [`Kernel::begin_teardown`] detached.
    pub(super) fn take_disk(&mut self) -> Option<Box<Disk>> {
        self.detached_disk.take()
    }

    /// Returns whether the end of a node's process is postponed.
    #[cfg(feature = "turmoil")]
    pub(super) fn has_postponed_end(&self, node: NodeId) -> bool {
        self.postponed_ends.iter().any(|(of, ..)| *of == node)
    }

    /// The state of the engine alone.
    #[cfg(feature = "turmoil")]
    pub(super) fn engine_mut(&mut self) -> &mut EngineState {
        &mut self.engine
    }
}

impl Kernel {
    /// Installs the guest engine, for all nodes so far.
    pub(super) fn install_guest(&mut self, tears_down_in_turns: bool) {
        let nodes = self.process.count();
        let context = NodeContext { incarnation: 0, now_ns: 0, cause: Seq::NONE, entropy: 0 };
        self.guest = Some(Box::new(GuestState {
            nodes: nodes as u16,
            guest_thread: NOBODY,
            running: None,
            dying: Vec::new(),
            tears_down_in_turns,
            detached_disk: None,
            postponed_ends: Vec::new(),
            changed: false,
            contexts: vec![context; nodes + 1],
            #[cfg(madsim)]
            saved_context: None,
            engine: EngineState::default(),
        }));
    }

    /// Begins the teardown of a dead incarnation. The node's disk is out of its reach from now on.
    pub(super) fn begin_teardown(&mut self, me: ThreadId, node: NodeId, incarnation: u16) {
        self.switch_guest(me, Some(node), false);
        self.sched[me].act_for_incarnation(incarnation);
        let disk = self.process[node].storage_mut().take();
        if let Some(state) = GuestState::of_mut(self) {
            state.detached_disk = disk;
        }
    }

    /// Ends the threads of a node's dead incarnations.
    pub(super) fn kill_dying_threads(&mut self, node: NodeId) {
        let Some(state) = GuestState::in_slot(&mut self.guest) else { return };
        let (of_node, others): (Vec<_>, _) =
            std::mem::take(&mut state.dying).into_iter().partition(|thread| self.sched[*thread].node() == node);
        state.dying = others;
        for thread in of_node {
            self.sched.kill_thread(thread);
        }
    }

    /// Makes the guest thread act for this node, or for the engine itself. With `runs` the node's program runs; otherwise the engine
    /// acts on its behalf.
    pub(super) fn switch_guest(&mut self, me: ThreadId, node: Option<NodeId>, runs: bool) {
        let Some(state) = GuestState::in_slot(&mut self.guest) else { return };
        state.guest_thread = me;
        self.sched.run_last(me);
        let nodes = state.nodes;
        let role = self.sched[me].role();
        let index = |node: NodeId| usize::from(node.0.min(nodes));
        state.contexts[index(role.node)] = NodeContext {
            incarnation: role.incarnation,
            now_ns: self.sched.now_ns(),
            cause: role.cause,
            entropy: role.entropy,
        };
        let node = node.unwrap_or(NodeId(nodes));
        let process = &self.process[node];
        let mut context = state.contexts[index(node)];
        if context.incarnation != process.incarnation() {
            (context.incarnation, context.cause, context.entropy) =
                (process.incarnation(), process.lifecycle().ended(), 0);
        }
        state.running = (runs && node.0 < nodes).then_some(node);
        let key = crate::kernel::sched::choice::join(process.key(), u64::from(process.incarnation()));
        let incarnation = process.incarnation();
        let role = Role { node, incarnation, cause: context.cause, entropy: context.entropy };
        self.sched[me].act_for(role, key);
        if node.0 < nodes {
            crate::host::status::beat(node.0);
        }
    }

    /// Ends a turn of all programs at this time: carries out the postponed ends, then everything that fell due meanwhile.
    pub(super) fn end_guest_turn(&mut self, now_ns: u64) {
        self.sched.advance_to(now_ns);
        let postponed = GuestState::of_mut(self).map(|state| std::mem::take(&mut state.postponed_ends));
        for (node, how, cause) in postponed.into_iter().flatten() {
            self.end_process(node, how, cause);
        }
        self.fire_due();
    }

    /// Handles everything that is due, while the running thread keeps running.
    fn fire_due(&mut self) {
        if self.sched.now_ns() > self.settings.end_ns {
            self.sched.set_now(self.settings.end_ns);
            self.finish(Ending::TimeUp);
        }
        while self.ending().is_none() && self.sched.has_due() {
            self.fire_next();
        }
    }

    /// Records that the main function of the current node has ended.
    pub(super) fn guest_main_ended(&mut self, me: ThreadId, code: ExitCode) {
        let thread = &self.sched[me];
        if self.process[thread.node()].incarnation() == thread.incarnation() {
            self.main_ended(me, code);
        }
    }

    /// The state of each guest node's process; `None` if none has changed since the last call.
    pub(super) fn changed_guests(&mut self) -> Option<Vec<GuestProcess>> {
        let state = GuestState::of_mut(self)?;
        let nodes = usize::from(state.nodes);
        std::mem::take(&mut state.changed)
            .then(|| self.process.nodes().take(nodes).map(|(_, node)| GuestProcess::of(node)).collect())
    }
}
