//! Which event led to which poll of an asynchronous task: who woke it, who spawned it, what it did last.
//! It calls nothing of a runtime's: it is told when a task is spawned, woken and polled, by an address that is only a key.

use crate::event::Seq;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::thread::ThreadId;

/// Why a task is to be polled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wake {
    /// Nobody has woken it.
    None,
    /// Time has passed: it goes on from what it did before.
    Time,
    /// This happened on the way of whoever woke it first.
    Event(Seq),
}

#[derive(Clone, Copy)]
struct Task {
    /// Where it lies in memory; 0 for a free place.
    key: usize,
    /// Which task this is of those that lay there.
    birth: u32,
    /// Its number in its process, in the order in which tasks were first polled; 0 before that.
    number: u32,
    wake: Wake,
    /// Where it stood when it was polled last.
    last: Seq,
}

const FREE: Task = Task { key: 0, birth: 0, number: 0, wake: Wake::None, last: Seq::NONE };

/// Every task that was heard of. What lies where is looked up and never gone through, so that no address has a say.
#[derive(Default)]
pub(crate) struct Wakes {
    /// Whether tasks are followed at all in this process.
    pub(crate) followed: bool,
    tasks: Vec<Task>,
    used: usize,
    /// Who was woken last and has not been polled since: a runtime's own steps of one wake are told one by one.
    woken: usize,
}

impl Wakes {
    const FIRST: usize = 64;

    /// The place of a task that is known. It allocates nothing.
    #[inline]
    pub(crate) fn known(&self, key: usize) -> Option<usize> {
        let mask = self.tasks.len().checked_sub(1)?;
        let mut at = start(key, mask);
        loop {
            match self.tasks[at & mask].key {
                found if found == key => return Some(at & mask),
                0 => return None,
                _ => at += 1,
            }
        }
    }

    /// The place of a task, new or known. Places are tried one after the other, from the one that its key leads to.
    pub(crate) fn place(&mut self, key: usize) -> usize {
        if 4 * (self.used + 1) > 3 * self.tasks.len() {
            self.widen();
        }
        let mask = self.tasks.len() - 1;
        let mut at = start(key, mask);
        while self.tasks[at].key != key {
            if self.tasks[at].key == 0 {
                self.tasks[at].key = key;
                self.used += 1;
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }

    #[cold]
    fn widen(&mut self) {
        let wider = vec![FREE; (2 * self.tasks.len()).max(Self::FIRST)];
        let before = std::mem::replace(&mut self.tasks, wider);
        let mask = self.tasks.len() - 1;
        for task in before.into_iter().filter(|task| task.key != 0) {
            let mut at = start(task.key, mask);
            while self.tasks[at].key != 0 {
                at = (at + 1) & mask;
            }
            self.tasks[at] = task;
        }
    }
}

/// Tasks lie apart by their alignment, which says nothing.
#[inline]
fn start(key: usize, mask: usize) -> usize {
    ((key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask
}

/// What a thread was about when a poll began.
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

    /// Whether nothing is to be noted of a wake: the thread wakes what it polls itself, which just goes on, or what was woken.
    #[inline]
    pub(crate) fn is_awake(&self, me: ThreadId, key: usize) -> bool {
        self.sched.task_wakes.woken == key || self.sched.threads[me].polling == key
    }

    /// The thread wakes the task of this place, if that is not [awake](Self::is_awake). The first who does is why it is polled.
    #[inline]
    pub(crate) fn task_woken(&mut self, me: ThreadId, at: usize) {
        let thread = &self.sched.threads[me];
        // A runtime that has asked what is ready, and found nothing or has read the clock since, goes through its timers. (Where
        // it has many threads, these are within a poll themselves: they began as blocking work.)
        let by_time = thread.polling == thread.asked_in && (thread.found_nothing || self.sched.clock_read_by == me);
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
        let before =
            Before { polling: thread.polling, task: thread.task, cause: thread.cause, birth: task.birth, is_main, at };
        thread.polling = key;
        thread.task = task.number;
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
        let (key, stood) = (thread.polling, thread.cause);
        (thread.polling, thread.task) = (polling, task);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_keeps_its_place_as_the_table_grows() {
        let mut wakes = Wakes::default();
        for key in 1..1_000_usize {
            let at = wakes.place(key << 7);
            wakes.tasks[at].number = key as u32;
        }
        assert_eq!(wakes.used, 999);
        assert_eq!(wakes.known(1_000 << 7), None);
        for key in 1..1_000_usize {
            let at = wakes.place(key << 7);
            assert_eq!(wakes.tasks[at].number, key as u32);
            assert_eq!(wakes.known(key << 7), Some(at));
        }
    }
}
