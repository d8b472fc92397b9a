//! The scheduler's state: virtual time, deadlines, threads and what they wait for.
//! It does not act on what falls due: the kernel routes that.

use crate::kernel::due::{Due, Start};
use crate::kernel::sched::choice::Choices;
use crate::kernel::sched::deadlines::Queue;
use crate::kernel::sched::fiber::{Body, Fiber};
use crate::kernel::sched::futex::Futexes;
use crate::kernel::sched::preemption::Schedule;
use crate::kernel::sched::task::Tasks;
use crate::kernel::sched::task_wakes::Wakes;
use crate::kernel::sched::thread::{NOBODY, ThreadId};
use crate::kernel::sched::threads::Threads;

/// Threads, time and keyed choices of one simulation.
pub(crate) struct Scheduler {
    /// Virtual nanoseconds since the run began.
    pub(crate) now_ns: u64,
    pub(crate) choices: Choices,
    pub(crate) deadlines: Queue<Due>,
    pub(crate) threads: Threads,
    /// Threads that are held one by one, each under the number of its hold.
    pub(crate) holds: Vec<(u32, ThreadId)>,
    pub(crate) futexes: Futexes,
    /// The running thread must switch away before it goes on: it was killed, or the run is over.
    pub(crate) must_switch: bool,
    /// The running thread, to which events are attributed.
    pub(crate) running: Option<ThreadId>,
    /// The thread that ran before the kernel began to choose the next one: the kernel works on its stack.
    pub(crate) before: Option<ThreadId>,
    /// The thread that read a clock last, unless something has happened on it since.
    pub(crate) clock_read_by: ThreadId,
    pub(crate) tasks: Tasks,
    pub(crate) task_wakes: Wakes,
    /// The fiber that started the run and resumes at its end.
    pub(crate) host: Box<Fiber>,
    /// Makes the body of a new thread's fiber.
    pub(crate) begin: fn(ThreadId, Start) -> Body,
}

impl Scheduler {
    pub(crate) fn new(choices: Choices, schedule: Schedule, begin: fn(ThreadId, Start) -> Body) -> Self {
        let mut threads = Threads::default();
        threads.schedule = schedule;
        Self {
            now_ns: 0,
            choices,
            deadlines: Queue::default(),
            threads,
            holds: Vec::new(),
            futexes: Futexes::default(),
            must_switch: false,
            running: None,
            before: None,
            clock_read_by: NOBODY,
            tasks: Tasks::default(),
            task_wakes: Wakes::default(),
            host: Fiber::host(),
            begin,
        }
    }
    /// The fiber of a thread, or the host's.
    pub(crate) fn fiber_of(&self, thread: Option<ThreadId>) -> *const Fiber {
        match thread.and_then(|thread| self.threads[thread].handle.fiber.as_ref()) {
            Some(fiber) => &raw const **fiber,
            None => &raw const *self.host,
        }
    }

    /// Fetches the stack of the thread whose deadline comes next: among many threads it has most likely left the cache.
    #[inline]
    pub(crate) fn prefetch_next(&self) {
        const MANY: usize = 64;
        if self.threads.ever() > MANY
            && let Some(Due::Thread(next)) = self.deadlines.peek()
            && let Some(fiber) = &self.threads[*next].handle.fiber
        {
            fiber.fetch();
        }
    }
}
