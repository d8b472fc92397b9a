//! Signal delivery: which thread takes a signal, and what a signal does that no handler takes.
//! It calls no handler: interposed functions do, on the thread that takes the signal.

use crate::event::{Death, NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::signal::{Action, Pending, Relay, Taken, bit};
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    /// What a node does about a signal.
    pub(crate) fn signal_action(&self, node: NodeId, signal: i32) -> Action {
        if let Some(own) = self.process.signals.actions.get(&(node, signal)) {
            return *own;
        }
        let process = &self.process[node];
        let inherits = process.descriptors.has_mirrors() && !process.stops.is_watched();
        let inherited = self.process.signals.latest.get(&signal).filter(|_| inherits);
        inherited.copied().unwrap_or_else(|| match signal {
            // Rust's runtime sets it so before `main`.
            libc::SIGPIPE => Action { handler: libc::SIG_IGN, ..Action::default() },
            _ => Action::default(),
        })
    }

    /// Installs what a node does about a signal from here on.
    pub(crate) fn set_signal_action(&mut self, node: NodeId, signal: i32, action: Action) {
        self.process.signals.actions.insert((node, signal), action);
        if action.is_handled() {
            self.process.signals.latest.insert(signal, action);
        }
    }

    /// A signal for a process, or for this very thread of it. Returns `false` if it has no handler for it and no thread
    /// that waits for it.
    pub(crate) fn send_signal(&mut self, node: NodeId, to: Option<ThreadId>, signal: i32, cause: Seq) -> bool {
        let action = self.signal_action(node, signal);
        let is_alive = |thread: &ThreadId| !matches!(self.sched.threads[*thread].state, State::Ended | State::Dead);
        let threads: Vec<ThreadId> = self.process[node].threads.iter().copied().filter(is_alive).collect();
        let awaits =
            |thread: &ThreadId| self.process.signals.awaited.get(thread).is_some_and(|set| set & bit(signal) != 0);
        let open = |thread: &ThreadId| self.process.signals.mask(*thread) & bit(signal) == 0;
        // The main thread is asked first, as on Linux.
        let open = threads.iter().find(|it| to.is_none_or(|to| to == **it) && open(it));
        let target = threads.iter().find(|it| awaits(it)).or(open).copied();
        let blocked = target.is_none() || target.is_some_and(|it| awaits(&it));
        if action.handler == libc::SIG_IGN && !blocked {
            return true;
        }
        if !blocked && !action.is_handled() {
            return false;
        }
        let waiting = self.process.signals.pending.entry(node).or_default();
        if waiting.iter().all(|it| it.signal != signal) {
            waiting.push(Pending { signal, cause, target });
        }
        self.process.signals.due = true;
        if let Some(thread) = target {
            self.interrupt(thread, cause);
        }
        true
    }

    /// Takes a thread out of a wait that a signal ends; it looks for signals when the baton comes back to it.
    fn interrupt(&mut self, thread: ThreadId, cause: Seq) {
        match self.sched.threads[thread].state {
            State::Running => self.sched.must_switch = true,
            State::Waiting(Wait::Futex(address)) => {
                self.sched.futexes.forget(address, thread);
                self.sched.threads.wake(thread, cause, &self.sched.choices);
            }
            State::Waiting(Wait::Device) => {}
            State::Waiting(_) => {
                self.sched.threads.wake(thread, cause, &self.sched.choices);
            }
            State::Runnable | State::Frozen | State::Ended | State::Dead => {}
        }
    }

    /// Takes a signal for this thread to handle, if one waits that it does not block.
    pub(crate) fn take_signal(&mut self, me: ThreadId) -> Option<Taken> {
        let node = self.sched.threads[me].node;
        let mask = self.process.signals.mask(me);
        loop {
            let (threads, signals) = (&self.sched.threads, &mut self.process.signals);
            let masks = &signals.masks;
            let waits = signals.pending.get(&node)?;
            let is_mine = |it: &&Pending| {
                mask & bit(it.signal) == 0
                    && it.target.is_none_or(|target| {
                        target == me
                            || matches!(threads[target].state, State::Ended | State::Dead)
                            || masks.get(&target).is_some_and(|mask| mask & bit(it.signal) != 0)
                    })
            };
            let signal = waits.iter().filter(is_mine).map(|it| it.signal).min()?;
            let Pending { signal, cause, .. } = signals.remove(node, signal)?;
            let action = self.signal_action(node, signal);
            if !action.is_handled() {
                if action.handler == libc::SIG_DFL {
                    self.default_action(node, signal, cause);
                }
                continue;
            }
            self.signalled(me, signal, cause);
            let own = if action.flags & libc::SA_NODEFER == 0 { bit(signal) } else { 0 };
            self.process.signals.set_mask(me, mask | action.mask | own);
            if action.flags & libc::SA_RESETHAND != 0 {
                self.process.signals.actions.insert((node, signal), Action::default());
            }
            return Some(Taken { signal, action, mask });
        }
    }

    fn signalled(&mut self, me: ThreadId, signal: i32, cause: Seq) {
        if cause != Seq::NONE {
            self.sched.threads[me].cause = cause;
        }
        let node = self.sched.threads[me].node;
        self.process[node].activity.arrived(1);
        let seq = self.emit(me, What::Signalled { signal });
        let node = self.sched.threads[me].node;
        self.process[node].stops.signal_handled(signal);
        self.sched.threads[me].cause = seq;
    }

    /// One step of `sigwait`: a signal of this set, if one waits.
    pub(crate) fn await_signal(&mut self, me: ThreadId, set: u64) -> Option<i32> {
        let node = self.sched.threads[me].node;
        let waiting = self.process.signals.pending.get(&node).into_iter().flatten();
        let first = waiting.map(|it| it.signal).filter(|it| set & bit(*it) != 0).min();
        match first.and_then(|signal| self.process.signals.remove(node, signal)) {
            Some(Pending { signal, cause, .. }) => {
                self.process.signals.awaited.remove(&me);
                self.signalled(me, signal, cause);
                Some(signal)
            }
            None => {
                self.process.signals.awaited.insert(me, set);
                None
            }
        }
    }

    /// The thread waits for no signal any more.
    pub(crate) fn stop_awaiting(&mut self, me: ThreadId) {
        self.process.signals.awaited.remove(&me);
    }

    /// What a signal does to a process that has no handler for it.
    pub(crate) fn default_action(&mut self, node: NodeId, signal: i32, cause: Seq) {
        let how = match signal {
            libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT => return,
            libc::SIGKILL => Death::Kill,
            libc::SIGABRT => Death::Abort,
            _ => Death::Signal { signal },
        };
        self.end_process(node, how, cause);
    }

    /// Bytes came out of a copy of an outside channel: a runtime has been told of a signal by its handler, and tells its
    /// tasks, until it waits again.
    #[cold]
    pub(crate) fn relay_signal(&mut self, me: ThreadId, signal: i32) {
        self.process.signals.relay = Some(Relay { by: me, signal, stray: None });
    }

    /// The thread waits again: it has told everybody.
    #[inline]
    pub(crate) fn end_relay(&mut self, me: ThreadId) {
        if self.process.signals.relay.as_ref().is_some_and(|it| it.by == me) {
            self.process.signals.relay = None;
        }
    }
}
