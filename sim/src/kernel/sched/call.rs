//! Calls as scheduling points: the time that a call takes, where a call preempts its thread, and how a thread begins to wait.
//! It blocks nobody: the caller switches away next.

use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::sched::preemption::Preemption;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

/// The duration of a call, in virtual nanoseconds: a system call's worth. Without it a loop that polls a clock or a flag would
/// freeze time.
const CALL_NS: u64 = 50;

/// The run's position when its running thread turned to work that is no part of the run.
pub(crate) struct Suspension {
    now_ns: u64,
    calls_left: u32,
    clock_read_by: ThreadId,
    switches: u64,
    events: u64,
}

impl Kernel {
    /// The running thread makes a call, which takes a moment. `false` if the call preempts the thread: then
    /// [`preempt`](Self::preempt) decides how, and nothing has happened yet.
    #[inline]
    pub(crate) fn enter_call(&mut self) -> bool {
        let goes_on = self.sched.threads.enter_call();
        self.sched.now_ns += if goes_on { CALL_NS } else { 0 };
        goes_on
    }

    /// Stops counting calls: what the running thread does until [`resume_run`](Self::resume_run) is no part of the run.
    pub(crate) fn suspend_run(&mut self) -> Suspension {
        Suspension {
            now_ns: self.sched.now_ns,
            calls_left: self.sched.threads.set_calls_left(u32::MAX),
            clock_read_by: self.sched.clock_read_by,
            switches: self.sched.threads.switches,
            events: self.recorder.len(),
        }
    }

    /// Undoes the calls since then. If other threads ran meanwhile, or an event happened, the time that passed stays.
    pub(crate) fn resume_run(&mut self, suspension: Suspension) {
        self.sched.threads.set_calls_left(suspension.calls_left);
        if (self.sched.threads.switches, self.recorder.len()) == (suspension.switches, suspension.events) {
            (self.sched.now_ns, self.sched.clock_read_by) = (suspension.now_ns, suspension.clock_read_by);
        }
    }

    /// The running thread is preempted at a call.
    #[cold]
    pub(crate) fn preempt(&mut self, me: ThreadId, at_clock: bool) -> Preemption {
        self.sched.now_ns += CALL_NS;
        self.detect_spin(me, at_clock);
        self.sched.threads.preempt(me, self.sched.now_ns, &self.sched.choices)
    }

    /// Parks the running thread; the caller switches away next.
    #[inline]
    pub(crate) fn park(&mut self, me: ThreadId, wait: Wait, until_ns: u64) {
        if self.sched.threads[me].state != State::Running {
            return; // it was killed meanwhile
        }
        if let Some(due) = self.sched.threads.wait(me, wait, until_ns) {
            self.sched.deadlines.at(due, Due::Thread(me));
        }
    }

    /// Lets other threads run first; the caller switches away next.
    pub(crate) fn give_way(&mut self, me: ThreadId) {
        if self.sched.threads[me].state == State::Running {
            self.sched.threads.give_way(me, &self.sched.choices);
        }
    }
}
