//! Polls of asynchronous tasks: the task that a thread polls, and the event that led to the poll.
//! It calls no runtime: interposed functions report when a task is spawned, woken and polled.

use crate::event::Seq;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::task_wakes::TaskWake;
use crate::kernel::sched::thread::ThreadId;

/// The state of a thread before a poll.
pub(crate) struct Before {
    polling: usize,
    task: u32,
    cause: Seq,
    birth: u32,
    is_main: bool,
    /// The slot of the polled task in the table.
    slot: usize,
}

impl Kernel {
    /// The thread spawns a task at this address, because of its last event.
    pub(crate) fn task_spawned(&mut self, me: ThreadId, key: usize) {
        let cause = self.sched[me].cause();
        self.sched.task_wakes_mut().spawn(key, cause);
    }

    /// Returns whether a wake changes nothing: the thread wakes the task that it polls, or the one that was woken last.
    #[inline]
    pub(crate) fn is_awake(&self, me: ThreadId, key: usize) -> bool {
        self.sched.task_wakes().was_woken_last(key) || self.sched[me].poll().polling() == key
    }

    /// The thread wakes the task of this slot, if that is not [awake](Self::is_awake). The first wake is the cause of
    /// the poll.
    #[inline]
    pub(crate) fn task_woken(&mut self, me: ThreadId, slot: usize) {
        let thread = &self.sched[me];
        // A runtime that has asked for readiness, and found nothing or has read the clock since, goes through its
        // timers. (In a multi-threaded runtime these threads are within a poll themselves: they began as blocking
        // work.)
        let by_time =
            thread.poll().is_where_it_asked() && (thread.poll().found_nothing() || self.sched.clock_reader() == me);
        let wake = if by_time { TaskWake::Time } else { TaskWake::Event(thread.cause()) };
        self.sched.task_wakes_mut().wake(slot, wake);
    }

    /// The thread begins to poll the task of this slot, or the main future of its process, which has no number.
    #[inline]
    pub(crate) fn poll_begins(&mut self, me: ThreadId, slot: usize, is_main: bool) -> Before {
        let node = self.sched[me].node();
        let process = &mut self.process[node];
        let polled = self.sched.task_wakes_mut().begin_poll(slot, || if is_main { 0 } else { process.next_task() });
        let thread = &mut self.sched[me];
        let cause = thread.cause();
        let (polling, task) = thread.poll_mut().switch_to(polled.key, polled.number);
        // If neither a wake nor an earlier poll is known, the cause is whatever the thread woke up for.
        thread.caused_by(polled.cause);
        Before { polling, task, cause, birth: polled.birth, is_main, slot }
    }

    /// The poll is over, and the thread returns to its state before it.
    #[inline]
    pub(crate) fn poll_ends(&mut self, me: ThreadId, before: &Before) {
        let Before { polling, task, cause, birth, is_main, slot } = *before;
        let thread = &mut self.sched[me];
        let last = thread.cause();
        let (key, _) = thread.poll_mut().switch_to(polling, task);
        // A main future may be over, and the thread's later events follow from it.
        if !is_main {
            thread.set_cause(cause);
        }
        self.sched.task_wakes_mut().end_poll(slot, key, birth, last);
    }
}
