//! The scheduler: virtual time, deadlines, threads and their waits.
//! It does not act on what falls due: the kernel routes that.

use crate::event::{NodeId, Seq};
use crate::kernel::due::{Due, Start};
use crate::kernel::sched::choice::{Choices, Question};
use crate::kernel::sched::deadlines::Queue;
use crate::kernel::sched::fiber::{Body, Fiber};
use crate::kernel::sched::futex::Futexes;
use crate::kernel::sched::holds::Holds;
use crate::kernel::sched::preemption::{Preemption, Schedule};
use crate::kernel::sched::task::Tasks;
use crate::kernel::sched::task_wakes::TaskWakes;
use crate::kernel::sched::thread::{NOBODY, State, Thread, ThreadId, Wait};
use crate::kernel::sched::threads::Threads;
use crate::kernel::sched::wait_end::Timeout;
use std::ops::{Index, IndexMut};

/// Threads, time and keyed choices of one simulation.
pub(crate) struct Scheduler {
    /// Virtual nanoseconds since the run began.
    now_ns: u64,
    choices: Choices,
    deadlines: Queue<Due>,
    threads: Threads,
    holds: Holds,
    futexes: Futexes,
    /// The running thread must switch away before it goes on: it was killed, or the run is over.
    must_switch: bool,
    /// The running thread, to which events are attributed.
    running: Option<ThreadId>,
    /// The thread that ran before the kernel began to choose the next one: the kernel works on its stack.
    before: Option<ThreadId>,
    /// The thread that read a clock last, unless something has happened on it since.
    clock_read_by: ThreadId,
    tasks: Tasks,
    task_wakes: TaskWakes,
    /// The fiber that started the run and resumes at its end.
    host: Box<Fiber>,
    /// Makes the body of a new thread's fiber.
    begin: fn(ThreadId, Start) -> Body,
}

impl Scheduler {
    pub(crate) fn new(choices: Choices, schedule: Schedule, begin: fn(ThreadId, Start) -> Body) -> Self {
        Self {
            now_ns: 0,
            choices,
            deadlines: Queue::default(),
            threads: Threads::new(schedule),
            holds: Holds::default(),
            futexes: Futexes::default(),
            must_switch: false,
            running: None,
            before: None,
            clock_read_by: NOBODY,
            tasks: Tasks::default(),
            task_wakes: TaskWakes::default(),
            host: Fiber::host(),
            begin,
        }
    }

    /// The keyed choices of the run.
    #[inline]
    pub(crate) fn choices(&self) -> &Choices {
        &self.choices
    }

    /// Records later choices as made after so many events.
    pub(crate) fn set_events(&mut self, events: u64) {
        self.choices.set_events(events);
    }

    /// The next random word of a thread.
    pub(crate) fn entropy(&mut self, me: ThreadId) -> u64 {
        let thread = &mut self.threads[me];
        let occurrence = thread.count_entropy();
        self.choices.draw(Question::Entropy, thread.key(), occurrence)
    }

    /// The tasks of asynchronous runtimes, by their memory.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    pub(crate) fn tasks_mut(&mut self) -> &mut Tasks {
        &mut self.tasks
    }

    /// The wakes of asynchronous tasks.
    #[inline]
    pub(crate) fn task_wakes(&self) -> &TaskWakes {
        &self.task_wakes
    }

    #[inline]
    pub(crate) fn task_wakes_mut(&mut self) -> &mut TaskWakes {
        &mut self.task_wakes
    }
}

/// Time and deadlines.
impl Scheduler {
    /// Virtual nanoseconds since the run began.
    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Moves time on to this moment, unless it has passed.
    #[inline]
    pub(crate) fn advance_to(&mut self, ns: u64) {
        self.now_ns = self.now_ns.max(ns);
    }

    /// Moves time on by this much.
    #[inline]
    pub(crate) fn advance_by(&mut self, ns: u64) {
        self.now_ns += ns;
    }

    /// Sets the time, be it back: at the end of a run, and for calls that are not part of it.
    pub(crate) fn set_now(&mut self, ns: u64) {
        self.now_ns = ns;
    }

    /// Sets a deadline, in virtual nanoseconds since the run began.
    #[inline]
    pub(crate) fn set_deadline(&mut self, ns: u64, due: Due) {
        self.deadlines.at(ns, due);
    }

    /// The time of the next deadline.
    #[inline]
    pub(crate) fn next_deadline_ns(&self) -> Option<u64> {
        self.deadlines.next_ns()
    }

    /// Returns whether a deadline has come.
    #[inline]
    pub(crate) fn has_due(&self) -> bool {
        self.next_deadline_ns().is_some_and(|due_ns| due_ns <= self.now_ns)
    }

    /// Takes the next deadline: its time, and what falls due.
    #[inline]
    pub(crate) fn take_due(&mut self) -> Option<(u64, Due)> {
        self.deadlines.take()
    }

    /// The thread has read a clock.
    #[inline]
    pub(crate) fn clock_read(&mut self, me: ThreadId) {
        self.clock_read_by = me;
    }

    /// Something has happened since a clock was read.
    #[inline]
    pub(crate) fn forget_clock_reading(&mut self) {
        self.clock_read_by = NOBODY;
    }

    /// The thread that read a clock last, unless something has happened on it since.
    #[inline]
    pub(super) fn clock_reader(&self) -> ThreadId {
        self.clock_read_by
    }

    pub(super) fn set_clock_reader(&mut self, reader: ThreadId) {
        self.clock_read_by = reader;
    }
}

/// The running thread, and the next.
impl Scheduler {
    /// The running thread, to which events are attributed.
    #[inline]
    pub(crate) fn running(&self) -> Option<ThreadId> {
        self.running
    }

    /// The thread on whose stack the kernel works: the running one, or the one that ran before the kernel began to
    /// choose the next.
    pub(crate) fn working_on(&self) -> Option<ThreadId> {
        self.running.or(self.before)
    }

    /// Returns whether the running thread must switch away before it goes on.
    #[inline]
    pub(crate) fn must_switch(&self) -> bool {
        self.must_switch
    }

    /// Makes the running thread switch away before it goes on.
    pub(crate) fn require_switch(&mut self) {
        self.must_switch = true;
    }

    /// The same, if this thread runs.
    pub(crate) fn require_switch_of(&mut self, thread: ThreadId) {
        self.must_switch |= self.running == Some(thread);
    }

    /// The running thread stops, so that the next one can be chosen.
    #[inline]
    pub(crate) fn stop_running(&mut self) {
        self.must_switch = false;
        self.before = self.running.take();
        if let Some(stopped) = self.before {
            self.threads.stop(stopped);
        }
    }

    /// Lets the thread run whose turn is next, if any can.
    #[inline]
    pub(crate) fn run_next(&mut self) -> Option<ThreadId> {
        self.running = self.threads.run_next();
        self.running
    }

    /// Returns whether any thread can run.
    pub(crate) fn any_runnable(&self) -> bool {
        self.threads.any_runnable()
    }

    /// Returns whether no thread can run and nothing will fall due.
    pub(crate) fn is_quiescent(&self) -> bool {
        self.deadlines.is_empty() && !self.any_runnable()
    }

    /// Lets a thread run after all others from now on.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn run_last(&mut self, thread: ThreadId) {
        self.threads.run_last(thread);
    }

    /// The number of context switches so far.
    pub(crate) fn switches(&self) -> u64 {
        self.threads.switches()
    }

    /// The fiber of a thread, or the host's.
    pub(crate) fn fiber_of(&self, thread: Option<ThreadId>) -> *const Fiber {
        match thread.and_then(|thread| self.threads[thread].fiber()) {
            Some(fiber) => &raw const *fiber,
            None => &raw const *self.host,
        }
    }

    /// Fetches the stack of the thread whose deadline comes next: among many threads it has most likely left the cache.
    #[inline]
    pub(crate) fn prefetch_next(&self) {
        const MANY: usize = 64;
        if self.threads.ever() > MANY
            && let Some(Due::Thread(next)) = self.deadlines.peek()
            && let Some(fiber) = self.threads[*next].fiber()
        {
            fiber.fetch();
        }
    }
}

/// Threads: start, wake, end.
impl Scheduler {
    /// All threads of the run, by index.
    pub(crate) fn threads(&self) -> impl Iterator<Item = (ThreadId, &Thread)> {
        self.threads.iter()
    }

    /// The thread of this `pthread_t`.
    pub(crate) fn by_pthread(&self, pthread: libc::pthread_t) -> Option<ThreadId> {
        self.threads.by_pthread(pthread)
    }

    /// Adds a thread; it is not runnable before [`start_thread`](Self::start_thread). The memory of detached threads
    /// that have ended is given back first.
    pub(crate) fn add_thread(
        &mut self,
        node: NodeId,
        incarnation: u16,
        number: u32,
        node_key: u64,
        cause: Seq,
        held: bool,
    ) -> ThreadId {
        let on = self.working_on();
        self.threads.reap(on);
        let id = self.threads.add(node, incarnation, number, node_key, cause);
        self.threads[id].set_held(held);
        id
    }

    /// The body of a new thread's fiber.
    pub(crate) fn body(&self, id: ThreadId, start: Start) -> Body {
        (self.begin)(id, start)
    }

    /// The delay before a new thread's first turn.
    pub(crate) fn lateness_ns(&self, id: ThreadId) -> u64 {
        self.threads.lateness_ns(id, &self.choices)
    }

    /// Gives a thread its fiber; its first turn comes `late_ns` from now at the earliest.
    pub(crate) fn start_thread(&mut self, id: ThreadId, fiber: Box<Fiber>, late_ns: u64) {
        if let Some(due_ns) = self.threads.start(id, fiber, (self.now_ns, late_ns), &self.choices) {
            self.deadlines.at(due_ns, Due::Thread(id));
        }
    }

    /// Makes a waiting thread runnable, because of `cause`.
    #[inline]
    pub(crate) fn wake(&mut self, id: ThreadId, cause: Seq) {
        self.threads.wake(id, cause, &self.choices);
    }

    /// Wakes a thread whose wait timed out.
    #[inline]
    pub(crate) fn time_out(&mut self, id: ThreadId, cause: Seq) {
        self.threads.time_out(id, cause, &self.choices);
    }

    /// A deadline of a thread falls due. Returns whether its wait times out.
    #[inline]
    pub(crate) fn thread_due(&mut self, id: ThreadId) -> bool {
        match self.threads.due(id, self.now_ns) {
            Timeout::Nothing => false,
            Timeout::Now => true,
            Timeout::Later(due_ns) => {
                self.deadlines.at(due_ns, Due::Thread(id));
                false
            }
        }
    }

    /// Keeps a thread from running.
    pub(crate) fn hold(&mut self, id: ThreadId) {
        self.threads[id].hold();
    }

    /// Lets a thread run that was kept from it.
    pub(crate) fn release(&mut self, id: ThreadId) {
        self.threads.release(id, &self.choices);
    }

    /// The holds in force, by number.
    pub(crate) fn holds(&self) -> &Holds {
        &self.holds
    }

    pub(crate) fn holds_mut(&mut self) -> &mut Holds {
        &mut self.holds
    }

    /// A thread ran to its end, with this result.
    pub(crate) fn end_thread(&mut self, id: ThreadId, result: usize) {
        self.threads.end(id, result);
    }

    /// A thread's process ended: the thread never runs again.
    pub(crate) fn kill_thread(&mut self, id: ThreadId) {
        self.leave_futex(id);
        self.threads[id].kill();
        self.require_switch_of(id);
    }

    /// Nobody will ask for a thread's result.
    pub(crate) fn detach(&mut self, id: ThreadId) {
        self.threads.detach(id);
    }
}

/// The running thread's calls and waits.
impl Scheduler {
    /// Counts a call of the running thread. Returns `false`, and counts nothing, if the call preempts the thread.
    #[inline]
    pub(super) fn count_call(&mut self) -> bool {
        self.threads.enter_call()
    }

    /// Draws the kind of a preemption of the running thread.
    pub(super) fn draw_preemption(&mut self, me: ThreadId) -> Preemption {
        self.threads.preempt(me, self.now_ns, &self.choices)
    }

    /// The number of calls until the running thread is preempted.
    #[inline]
    pub(super) fn calls_left(&self) -> u32 {
        self.threads.calls_left()
    }

    /// Sets the number of calls until the running thread is preempted; returns the one before.
    pub(super) fn set_calls_left(&mut self, calls: u32) -> u32 {
        self.threads.set_calls_left(calls)
    }

    /// Parks the running thread until it is woken, or until this time.
    #[inline]
    pub(super) fn wait(&mut self, me: ThreadId, wait: Wait, until_ns: u64) {
        if let Some(due_ns) = self.threads.wait(me, wait, self.now_ns, until_ns) {
            self.deadlines.at(due_ns, Due::Thread(me));
        }
    }

    /// Ends the wait of a thread at another time.
    pub(super) fn move_wait(&mut self, id: ThreadId, until_ns: u64) {
        if let Some(due_ns) = self.threads[id].wait_end_mut().move_to(until_ns) {
            self.deadlines.at(due_ns.max(self.now_ns), Due::Thread(id));
        }
    }

    /// The running thread lets others go first.
    pub(super) fn yield_now(&mut self, me: ThreadId) {
        self.threads.enqueue(me, &self.choices);
    }

    /// Adds a thread to the waiters of a futex, which every wake reaches.
    #[inline]
    pub(crate) fn wait_on_futex(&mut self, address: usize, me: ThreadId) {
        self.futexes.wait(address, me);
    }

    /// The same, for wakes with one of these bits.
    pub(crate) fn wait_on_futex_for_bits(&mut self, address: usize, me: ThreadId, mask: u32) {
        self.futexes.wait_for_bits(address, me, mask);
    }

    /// Takes the first waiter of a futex that a wake with these bits reaches.
    #[inline]
    pub(super) fn take_futex_waiter(&mut self, address: usize, mask: u32) -> Option<ThreadId> {
        self.futexes.take(address, mask)
    }

    /// Removes a thread from the waiters of the futex that it waits for, if it waits for one.
    #[inline]
    pub(crate) fn leave_futex(&mut self, id: ThreadId) {
        if let State::Waiting(Wait::Futex(address)) = self.threads[id].state() {
            self.futexes.forget(address, id);
        }
    }
}

impl Index<ThreadId> for Scheduler {
    type Output = Thread;

    #[inline]
    fn index(&self, id: ThreadId) -> &Thread {
        &self.threads[id]
    }
}

impl IndexMut<ThreadId> for Scheduler {
    #[inline]
    fn index_mut(&mut self, id: ThreadId) -> &mut Thread {
        &mut self.threads[id]
    }
}
