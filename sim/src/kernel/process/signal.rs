//! Signals of processes: their actions, masks, and pending signals.
//! It calls no handler: interposed functions do, on the thread that takes the signal.
//!
//! The actions of a node outlive its incarnations. Signal libraries keep their registries in statics, which nodes share
//! and which outlive incarnations as well, and install a handler only once. For the same reason a node may inherit a
//! handler that another node installed, if it has a copy of a channel from outside the run, as each tokio runtime with
//! I/O has: it has no other way to learn of signals.

use crate::event::{NodeId, Seq};
use crate::kernel::sched::thread::ThreadId;
use std::collections::BTreeMap;

/// The action of a process on a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Action {
    /// The handler's address, or `SIG_DFL` or `SIG_IGN`.
    pub(crate) handler: usize,
    pub(crate) flags: i32,
    /// The signals that are blocked while the handler runs, besides the signal itself.
    pub(crate) mask: u64,
}

impl Action {
    pub(super) fn is_handled(&self) -> bool {
        self.handler != libc::SIG_DFL && self.handler != libc::SIG_IGN
    }
}

/// A signal that no thread has taken yet.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) signal: i32,
    pub(super) cause: Seq,
    /// The thread that it was sent to; another takes it when that one no longer can.
    pub(super) target: Option<ThreadId>,
}

/// A signal that a thread took.
pub(crate) struct Taken {
    pub(crate) signal: i32,
    pub(crate) action: Action,
    /// The mask of the thread before.
    pub(crate) mask: u64,
}

/// The signals of all processes.
#[derive(Default)]
pub(crate) struct Signals {
    actions: BTreeMap<(NodeId, i32), Action>,
    /// The last handler of each signal that any node installed.
    latest: BTreeMap<i32, Action>,
    masks: BTreeMap<ThreadId, u64>,
    pending: BTreeMap<NodeId, Vec<Pending>>,
    /// The sets that threads wait for in `sigwait`.
    awaited: BTreeMap<ThreadId, u64>,
    /// A signal may be pending: interposed functions check this.
    due: bool,
    relay: Option<Relay>,
}

/// A runtime's thread that passes a signal on to the tasks that await it.
struct Relay {
    by: ThreadId,
    signal: i32,
    /// A node, other than the thread's own, that a wake reached.
    stray: Option<NodeId>,
}

/// The bit of a signal in a mask.
pub(crate) fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// The signals that can be neither blocked nor handled.
const UNBLOCKABLE: u64 = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);

impl Signals {
    /// The action that a node installed.
    pub(super) fn action(&self, node: NodeId, signal: i32) -> Option<Action> {
        self.actions.get(&(node, signal)).copied()
    }

    /// The last handler that any node installed.
    pub(super) fn latest(&self, signal: i32) -> Option<Action> {
        self.latest.get(&signal).copied()
    }

    /// Installs the action of a node.
    pub(super) fn set_action(&mut self, node: NodeId, signal: i32, action: Action) {
        self.actions.insert((node, signal), action);
        if action.is_handled() {
            self.latest.insert(signal, action);
        }
    }

    /// Resets the action of a node to the default.
    pub(super) fn reset_action(&mut self, node: NodeId, signal: i32) {
        self.actions.insert((node, signal), Action::default());
    }

    /// The sets of signals for which a node installed a handler, and which it ignores.
    pub(crate) fn handled(&self, node: NodeId) -> (u64, u64) {
        let own = self.actions.range((node, i32::MIN)..=(node, i32::MAX));
        own.fold((0, 0), |(caught, ignored), ((_, signal), action)| match action {
            _ if action.is_handled() => (caught | bit(*signal), ignored),
            Action { handler: libc::SIG_IGN, .. } => (caught, ignored | bit(*signal)),
            _ => (caught, ignored),
        })
    }

    pub(crate) fn mask(&self, thread: ThreadId) -> u64 {
        self.masks.get(&thread).copied().unwrap_or(0)
    }

    pub(crate) fn set_mask(&mut self, thread: ThreadId, mask: u64) {
        self.masks.insert(thread, mask & !UNBLOCKABLE);
    }

    /// Gives a new thread the mask of its creator.
    pub(crate) fn inherit(&mut self, from: ThreadId, to: ThreadId) {
        if let Some(mask) = self.masks.get(&from).copied() {
            self.masks.insert(to, mask);
        }
    }

    /// Returns whether a thread waits for this signal in `sigwait`.
    pub(super) fn awaits(&self, thread: ThreadId, signal: i32) -> bool {
        self.awaited.get(&thread).is_some_and(|set| set & bit(signal) != 0)
    }

    /// The thread waits for a signal of this set in `sigwait`.
    pub(super) fn begin_awaiting(&mut self, thread: ThreadId, set: u64) {
        self.awaited.insert(thread, set);
    }

    /// The thread no longer waits for a signal.
    pub(super) fn end_awaiting(&mut self, thread: ThreadId) {
        self.awaited.remove(&thread);
    }

    /// Returns whether a signal may be pending.
    #[inline]
    pub(crate) fn are_due(&self) -> bool {
        self.due
    }

    /// The set of signals that are pending on a node.
    pub(crate) fn pending(&self, node: NodeId) -> u64 {
        self.pending_on(node).map(|pending| bit(pending.signal)).fold(0, |all, one| all | one)
    }

    /// The signals that are pending on a node, in the order in which they were sent.
    pub(super) fn pending_on(&self, node: NodeId) -> impl Iterator<Item = &Pending> {
        self.pending.get(&node).into_iter().flatten()
    }

    /// Adds a pending signal, unless the same one is pending already.
    pub(super) fn add(&mut self, node: NodeId, added: Pending) {
        let pending = self.pending.entry(node).or_default();
        if pending.iter().all(|pending| pending.signal != added.signal) {
            pending.push(added);
        }
        self.due = true;
    }

    /// Removes everything that is pending for a process that has ended.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.pending.remove(&node);
        self.due = !self.pending.is_empty();
    }

    pub(super) fn remove(&mut self, node: NodeId, signal: i32) -> Option<Pending> {
        let pending = self.pending.get_mut(&node)?;
        let index = pending.iter().position(|pending| pending.signal == signal)?;
        let taken = pending.remove(index);
        if pending.is_empty() {
            self.pending.remove(&node);
            self.due = !self.pending.is_empty();
        }
        Some(taken)
    }
}

/// Relays: a runtime's handler writes to a channel, and the thread that reads from it passes the signal on to tasks.
impl Signals {
    /// The thread begins to pass a signal on.
    pub(super) fn begin_relay(&mut self, by: ThreadId, signal: i32) {
        self.relay = Some(Relay { by, signal, stray: None });
    }

    /// The thread waits again: it has passed the signal on to every task.
    #[inline]
    pub(super) fn end_relay(&mut self, by: ThreadId) {
        if self.is_relayed_by(by) {
            self.relay = None;
        }
    }

    /// Returns whether this thread passes a signal on.
    #[inline]
    pub(crate) fn is_relayed_by(&self, thread: ThreadId) -> bool {
        self.relay.as_ref().is_some_and(|relay| relay.by == thread)
    }

    /// The signal that is passed on.
    pub(crate) fn relayed(&self) -> Option<i32> {
        self.relay.as_ref().map(|relay| relay.signal)
    }

    /// A wake by this thread has reached another node than its own.
    pub(crate) fn relay_strays(&mut self, by: ThreadId, to: NodeId) {
        if let Some(relay) = self.relay.as_mut().filter(|relay| relay.by == by) {
            relay.stray = Some(to);
        }
    }

    /// The other node that a relayed signal has reached.
    pub(crate) fn stray(&self) -> Option<NodeId> {
        self.relay.as_ref().and_then(|relay| relay.stray)
    }
}
