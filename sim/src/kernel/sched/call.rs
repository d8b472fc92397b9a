//! Calls as scheduling points: the time that a call takes, the preemption of its thread, and the start of a wait.
//! It blocks nobody: the caller switches away next.

use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::preemption::Preemption;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

/// The duration of a call, in virtual nanoseconds: a system call's worth. Without it a loop that polls a clock or a
/// flag would freeze time.
const CALL_NS: u64 = 50;

/// The state of the run when its running thread turned to work that is not part of the run.
pub(crate) struct Suspension {
    now_ns: u64,
    calls_left: u32,
    clock_reader: ThreadId,
    switches: u64,
    events: u64,
}

impl Kernel {
    /// The running thread makes a call, which takes a moment. Returns `false` if the call preempts the thread: then
    /// [`preempt`](Self::preempt) decides how, and nothing has happened yet.
    #[inline]
    pub(crate) fn enter_call(&mut self) -> bool {
        if !self.sched.count_call() {
            return false;
        }
        self.sched.advance_by(CALL_NS);
        true
    }

    /// Stops counting calls: the running thread's work until [`resume_run`](Self::resume_run) is not part of the run.
    pub(crate) fn suspend_run(&mut self) -> Suspension {
        Suspension {
            now_ns: self.sched.now_ns(),
            calls_left: self.sched.set_calls_left(u32::MAX),
            clock_reader: self.sched.clock_reader(),
            switches: self.sched.switches(),
            events: self.recorder.len(),
        }
    }

    /// Undoes the calls since then. If other threads ran meanwhile, or an event happened, the time that passed stays.
    pub(crate) fn resume_run(&mut self, suspension: Suspension) {
        self.sched.set_calls_left(suspension.calls_left);
        if (self.sched.switches(), self.recorder.len()) == (suspension.switches, suspension.events) {
            self.sched.set_now(suspension.now_ns);
            self.sched.set_clock_reader(suspension.clock_reader);
        }
    }

    /// The running thread is preempted at a call.
    #[cold]
    pub(crate) fn preempt(&mut self, me: ThreadId, at_clock: bool) -> Preemption {
        self.sched.advance_by(CALL_NS);
        self.detect_spin(me, at_clock);
        self.sched.draw_preemption(me)
    }

    /// Parks the running thread; the caller switches away next. A thread that was killed meanwhile stays as it is.
    #[inline]
    pub(crate) fn park(&mut self, me: ThreadId, wait: Wait, until_ns: u64) {
        if self.sched[me].state() == State::Running {
            self.sched.wait(me, wait, until_ns);
        }
    }

    /// Lets other threads run first; the caller switches away next.
    pub(crate) fn give_way(&mut self, me: ThreadId) {
        if self.sched[me].state() == State::Running {
            self.sched.yield_now(me);
        }
    }
}
