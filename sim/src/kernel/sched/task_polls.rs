//! Polls of asynchronous tasks: the task that a thread polls, and the event that led to the poll.
//! It calls no runtime: interposed functions report when a task is spawned, woken and polled.

use crate::event::Seq;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::fiber::{Trace, own_stack};
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
        // A recorded run must have the addresses of any other, so that nothing here is on the heap.
        let spawned = if self.settings.record { self.process.await_site(&own_stack()) } else { CallSite(0) };
        self.sched.task_wakes_mut().spawn(key, spawned, cause);
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
        let by = (self.sched[me].node(), self.sched[me].incarnation());
        let process = &mut self.process[by.0];
        let number = || if is_main { 0 } else { process.next_task() };
        let polled = self.sched.task_wakes_mut().begin_poll(slot, by, number);
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
        let now_ns = self.sched.now_ns();
        let thread = &mut self.sched[me];
        let last = thread.cause();
        let (key, _) = thread.poll_mut().switch_to(polling, task);
        // A main future may be over, and the thread's later events follow from it.
        if !is_main {
            thread.set_cause(cause);
        }
        self.sched.task_wakes_mut().end_poll(slot, key, birth, last, now_ns);
    }

    /// Returns whether the call site of a registration of this task's waker is noted: the thread polls the task, and the run
    /// is recorded.
    #[inline]
    pub(crate) fn notes_await(&self, me: ThreadId, key: usize) -> bool {
        self.settings.record && self.sched[me].poll().polling() == key
    }

    /// The thread registers the waker of a future that it polls itself, unless it does so within the poll of a task. Returns whether
    /// the call site is noted: the run is recorded, and it is the first one since the thread waited.
    #[inline]
    pub(crate) fn thread_awaits(&mut self, me: ThreadId) -> bool {
        let now_ns = self.sched.now_ns();
        let thread = &mut self.sched[me];
        let waited_ns = thread.wait_ns().0;
        thread.poll().polling() == 0 && thread.poll_mut().awaits_itself(now_ns, waited_ns) && self.settings.record
    }

    /// That happens with this stack. It allocates nothing.
    #[cold]
    pub(crate) fn thread_awaits_at(&mut self, me: ThreadId, stack: &Trace) {
        let site = self.process.await_site(stack);
        self.sched[me].poll_mut().set_await(site);
    }

    /// The thread registers the waker of the task that it polls. It allocates nothing.
    #[cold]
    pub(crate) fn task_awaits(&mut self, me: ThreadId, key: usize, stack: &Trace) {
        let (site, now_ns) = (self.process.await_site(stack), self.sched.now_ns());
        let is_first = self.sched[me].poll_mut().registers();
        self.sched.task_wakes_mut().awaits(key, site, now_ns, is_first);
    }
}
