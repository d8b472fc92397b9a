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
}
