//! Signal delivery: the thread that takes a signal, and the default actions of signals without a handler.
//! It calls no handler: interposed functions do, on the thread that takes the signal.

use crate::event::{Death, NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::signal::{Action, Pending, Taken, bit};
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    /// The action of a node on a signal.
    pub(crate) fn signal_action(&self, node: NodeId, signal: i32) -> Action {
        if let Some(own) = self.process.signals().action(node, signal) {
            return own;
        }
        let process = &self.process[node];
        let inherits = process.descriptors().has_mirrors() && !process.stops().is_watched();
        let inherited = self.process.signals().latest(signal).filter(|_| inherits);
        inherited.unwrap_or_else(|| match signal {
            // Rust's runtime sets this before `main`.
            libc::SIGPIPE => Action { handler: libc::SIG_IGN, ..Action::default() },
            _ => Action::default(),
        })
    }

    /// Installs the action of a node on a signal.
    pub(crate) fn set_signal_action(&mut self, node: NodeId, signal: i32, action: Action) {
        self.process.signals_mut().set_action(node, signal, action);
    }

    /// Sends a signal to a process, or to one thread of it. Returns `false` if the process has no handler for it and no
    /// thread that waits for it.
    pub(crate) fn send_signal(&mut self, node: NodeId, to: Option<ThreadId>, signal: i32, cause: Seq) -> bool {
        let action = self.signal_action(node, signal);
        let signals = self.process.signals();
        let threads = self.process[node].threads().iter().copied().filter(|thread| self.sched[*thread].is_live());
        let is_open = |thread: ThreadId| signals.mask(thread) & bit(signal) == 0;
        // The main thread comes first, as on Linux.
        let awaiting = threads.clone().find(|thread| signals.awaits(*thread, signal));
        let open = threads.clone().find(|thread| to.is_none_or(|to| to == *thread) && is_open(*thread));
        let target = awaiting.or(open);
        // A thread in `sigwait` takes signals that it blocks.
        let is_blocked = awaiting.is_some() || open.is_none();
        if action.handler == libc::SIG_IGN && !is_blocked {
            return true;
        }
        if !is_blocked && !action.is_handled() {
            return false;
        }
        self.process.signals_mut().add(node, Pending { signal, cause, target });
        if let Some(thread) = target {
            self.interrupt(thread, cause);
        }
        true
    }

    /// Takes a thread out of a wait that a signal ends; it checks for signals when it runs again.
    fn interrupt(&mut self, thread: ThreadId, cause: Seq) {
        match self.sched[thread].state() {
            State::Running => self.sched.require_switch(),
            State::Waiting(Wait::Device) => {}
            State::Waiting(_) => {
                self.sched.leave_futex(thread);
                self.sched.wake(thread, cause);
            }
            State::Runnable | State::Frozen | State::Ended | State::Dead => {}
        }
    }

    /// Takes a pending signal that this thread can handle and does not block.
    pub(crate) fn take_signal(&mut self, me: ThreadId) -> Option<Taken> {
        let node = self.sched[me].node();
        let mask = self.process.signals().mask(me);
        loop {
            let signals = self.process.signals();
            let is_mine = |pending: &&Pending| {
                mask & bit(pending.signal) == 0
                    && pending.target.is_none_or(|target| {
                        target == me || !self.sched[target].is_live() || signals.mask(target) & bit(pending.signal) != 0
                    })
            };
            let signal = signals.pending_on(node).filter(is_mine).map(|pending| pending.signal).min()?;
            let Pending { signal, cause, .. } = self.process.signals_mut().remove(node, signal)?;
            let action = self.signal_action(node, signal);
            if !action.is_handled() {
                if action.handler == libc::SIG_DFL {
                    self.default_action(node, signal, cause);
                }
                continue;
            }
            self.signalled(me, signal, cause);
            let own = if action.flags & libc::SA_NODEFER == 0 { bit(signal) } else { 0 };
            self.process.signals_mut().set_mask(me, mask | action.mask | own);
            if action.flags & libc::SA_RESETHAND != 0 {
                self.process.signals_mut().reset_action(node, signal);
            }
            return Some(Taken { signal, action, mask });
        }
    }

    fn signalled(&mut self, me: ThreadId, signal: i32, cause: Seq) {
        self.sched[me].caused_by(cause);
        let node = self.sched[me].node();
        self.process[node].activity_mut().arrived(1);
        let seq = self.emit(me, What::Signalled { signal });
        let node = self.sched[me].node();
        self.process[node].stops_mut().signal_handled(signal);
        self.sched[me].set_cause(seq);
    }

    /// One attempt at `sigwait`: takes a pending signal of this set.
    pub(crate) fn await_signal(&mut self, me: ThreadId, set: u64) -> Option<i32> {
        let node = self.sched[me].node();
        let pending = self.process.signals().pending_on(node);
        let first = pending.map(|pending| pending.signal).filter(|signal| set & bit(*signal) != 0).min();
        match first.and_then(|signal| self.process.signals_mut().remove(node, signal)) {
            Some(Pending { signal, cause, .. }) => {
                self.stop_awaiting(me);
                self.signalled(me, signal, cause);
                Some(signal)
            }
            None => {
                self.process.signals_mut().begin_awaiting(me, set);
                None
            }
        }
    }

    /// The thread no longer waits for a signal.
    pub(crate) fn stop_awaiting(&mut self, me: ThreadId) {
        self.process.signals_mut().end_awaiting(me);
    }

    /// Performs the default action of a signal on a process.
    pub(crate) fn default_action(&mut self, node: NodeId, signal: i32, cause: Seq) {
        let how = match signal {
            libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT => return,
            libc::SIGKILL => Death::Kill,
            libc::SIGABRT => Death::Abort,
            _ => Death::Signal { signal },
        };
        self.end_process(node, how, cause);
    }

    /// Bytes came out of a copy of an outside channel: a runtime's handler has reported a signal, and the thread passes
    /// it on to the runtime's tasks until it waits again.
    #[cold]
    pub(crate) fn relay_signal(&mut self, me: ThreadId, signal: i32) {
        self.process.signals_mut().begin_relay(me, signal);
    }

    /// The thread waits again: it has passed a relayed signal on to every task.
    #[inline]
    pub(crate) fn end_relay(&mut self, me: ThreadId) {
        self.process.signals_mut().end_relay(me);
    }
}
