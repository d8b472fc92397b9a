//! Signals of processes: their actions, masks, and pending signals.
//! It calls no handler: interposed functions do, on the thread that takes the signal.
//!
//! What a node installed stays over its lives, since the registries of signal libraries are statics that stay as well and
//! install a handler only once. For the same reason a handler that one node installed may be inherited by another: by one
//! that has a copy of a channel from outside the run, as each tokio runtime with I/O has, and has no other way to be told.

use crate::event::{NodeId, Seq};
use crate::kernel::sched::thread::ThreadId;
use std::collections::BTreeMap;

/// The action of a process on a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Action {
    /// The handler's address, or `SIG_DFL` or `SIG_IGN`.
    pub(crate) handler: usize,
    pub(crate) flags: i32,
    /// What is blocked meanwhile, besides the signal itself.
    pub(crate) mask: u64,
}

impl Action {
    pub(super) fn is_handled(&self) -> bool {
        self.handler != libc::SIG_DFL && self.handler != libc::SIG_IGN
    }
}

/// A signal that waits for a thread.
pub(super) struct Pending {
    pub(super) signal: i32,
    pub(super) cause: Seq,
    /// Whom it was given to; another takes it when that one cannot any more.
    pub(super) target: Option<ThreadId>,
}

/// A signal that a thread took.
pub(crate) struct Taken {
    pub(crate) signal: i32,
    pub(crate) action: Action,
    /// What the thread blocked before.
    pub(crate) mask: u64,
}

/// Everything about signals.
#[derive(Default)]
pub(crate) struct Signals {
    pub(super) actions: BTreeMap<(NodeId, i32), Action>,
    /// What some node installed last.
    pub(super) latest: BTreeMap<i32, Action>,
    pub(super) masks: BTreeMap<ThreadId, u64>,
    pub(super) pending: BTreeMap<NodeId, Vec<Pending>>,
    /// What threads wait for in `sigwait`.
    pub(super) awaited: BTreeMap<ThreadId, u64>,
    /// Whether a signal may wait for somebody: what the doors look at.
    pub(crate) due: bool,
    /// The thread that tells a process's tasks of a signal, which one, and whom of another node it woke by that.
    pub(crate) relay: Option<Relay>,
}

/// A runtime passes a signal on to those of its tasks that await it.
pub(crate) struct Relay {
    pub(crate) by: ThreadId,
    pub(crate) signal: i32,
    pub(crate) stray: Option<NodeId>,
}

/// The bit of a signal in a mask.
pub(crate) fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// What can neither be blocked nor handled.
const UNBLOCKABLE: u64 = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);

impl Signals {
    pub(crate) fn mask(&self, thread: ThreadId) -> u64 {
        self.masks.get(&thread).copied().unwrap_or(0)
    }

    pub(crate) fn set_mask(&mut self, thread: ThreadId, mask: u64) {
        self.masks.insert(thread, mask & !UNBLOCKABLE);
    }

    /// A new thread blocks what its maker does.
    pub(crate) fn inherit(&mut self, from: ThreadId, to: ThreadId) {
        if let Some(mask) = self.masks.get(&from).copied() {
            self.masks.insert(to, mask);
        }
    }

    /// Which signals wait for a thread of this node.
    pub(crate) fn pending(&self, node: NodeId) -> u64 {
        self.pending.get(&node).into_iter().flatten().map(|pending| bit(pending.signal)).fold(0, |all, one| all | one)
    }

    /// Nothing waits for a process that has ended.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.pending.remove(&node);
        self.due = !self.pending.is_empty();
    }

    pub(super) fn remove(&mut self, node: NodeId, signal: i32) -> Option<Pending> {
        let waiting = self.pending.get_mut(&node)?;
        let at = waiting.iter().position(|pending| pending.signal == signal)?;
        let taken = waiting.remove(at);
        if waiting.is_empty() {
            self.pending.remove(&node);
            self.due = !self.pending.is_empty();
        }
        Some(taken)
    }
}
