//! Polls of asynchronous tasks: which task a thread polls, and which event led to that.
//! It calls nothing of a runtime's; interposed functions report when a task is spawned, woken and polled.

use crate::event::Seq;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::task_wakes::{Task, Wake};
use crate::kernel::sched::thread::ThreadId;

/// The state of a thread before a poll.
pub(crate) struct Before {
    polling: usize,
    task: u32,
    cause: Seq,
    birth: u32,
    is_main: bool,
    /// Where the polled task stood in the table.
    at: usize,
}

impl Kernel {
    /// The thread spawns a task there, because of what it did last.
    pub(crate) fn task_spawned(&mut self, me: ThreadId, key: usize) {
        let cause = self.sched.threads[me].cause;
        let at = self.sched.task_wakes.place(key);
        let task = &mut self.sched.task_wakes.tasks[at];
        *task = Task { key, birth: task.birth + 1, number: 0, wake: Wake::Event(cause), last: Seq::NONE };
    }

    /// Whether a wake changes nothing: the thread wakes the task that it polls, or the one that was woken last.
    #[inline]
    pub(crate) fn is_awake(&self, me: ThreadId, key: usize) -> bool {
        self.sched.task_wakes.woken == key || self.sched.threads[me].poll.polling == key
    }

    /// The thread wakes the task of this place, if that is not [awake](Self::is_awake). The first who does is why it is polled.
    #[inline]
    pub(crate) fn task_woken(&mut self, me: ThreadId, at: usize) {
        let thread = &self.sched.threads[me];
        // A runtime that has asked what is ready, and found nothing or has read the clock since, goes through its timers. (Where
        // it has many threads, these are within a poll themselves: they began as blocking work.)
        let by_time = thread.poll.polling == thread.poll.asked_in
            && (thread.poll.found_nothing || self.sched.clock_read_by == me);
        let wake = if by_time { Wake::Time } else { Wake::Event(thread.cause) };
        let task = &mut self.sched.task_wakes.tasks[at];
        if task.wake == Wake::None {
            task.wake = wake;
        }
        self.sched.task_wakes.woken = task.key;
    }

    /// The thread begins to poll the task of this place, or the main future of its process, which has no number.
    #[inline]
    pub(crate) fn poll_begins(&mut self, me: ThreadId, at: usize, is_main: bool) -> Before {
        let task = &mut self.sched.task_wakes.tasks[at];
        let key = task.key;
        if self.sched.task_wakes.woken == key {
            self.sched.task_wakes.woken = 0;
        }
        let thread = &mut self.sched.threads[me];
        if task.number == 0 && !is_main {
            let node = &mut self.process[thread.node];
            task.number = node.next_task();
        }
        let before = Before {
            polling: thread.poll.polling,
            task: thread.poll.task,
            cause: thread.cause,
            birth: task.birth,
            is_main,
            at,
        };
        thread.poll.polling = key;
        thread.poll.task = task.number;
        match std::mem::replace(&mut task.wake, Wake::None) {
            Wake::Event(seq) if seq != Seq::NONE => thread.cause = seq,
            _ if task.last != Seq::NONE => thread.cause = task.last,
            // Nothing is known of it: whatever the thread woke up for.
            _ => {}
        }
        before
    }

    /// The poll is over, and the thread is back at what it was about.
    #[inline]
    pub(crate) fn poll_ends(&mut self, me: ThreadId, before: &Before) {
        let Before { polling, task, cause, birth, is_main, at } = *before;
        let thread = &mut self.sched.threads[me];
        let (key, stood) = (thread.poll.polling, thread.cause);
        (thread.poll.polling, thread.poll.task) = (polling, task);
        // A main future may be over, and what its thread then does follows from it.
        if !is_main {
            thread.cause = cause;
        }
        // The table may have grown meanwhile.
        let at = if self.sched.task_wakes.tasks[at].key == key { Some(at) } else { self.sched.task_wakes.known(key) };
        // The task may be gone by now, and another one where it lay.
        if let Some(polled) = at.map(|at| &mut self.sched.task_wakes.tasks[at]).filter(|polled| polled.birth == birth) {
            polled.last = stood;
        }
    }
}
