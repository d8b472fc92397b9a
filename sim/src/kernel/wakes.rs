//! Which event led to which poll of an asynchronous task: who woke it, who spawned it, what it did last.
//! It calls nothing of a runtime's: it is told when a task is spawned, woken and polled, by an address that is only a key.

use super::thread::ThreadId;
use super::world::World;
use crate::event::Seq;

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
}

impl Wakes {
    const FIRST: usize = 64;

    /// The place of a task, new or known. Places are tried one after the other, from the one that its key leads to.
    #[inline]
    fn at(&mut self, key: usize) -> usize {
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
}

impl World {
    /// The thread spawns a task there, because of what it did last.
    pub(crate) fn task_spawned(&mut self, me: ThreadId, key: usize) {
        let cause = self.threads[me].cause;
        let at = self.wakes.at(key);
        let task = &mut self.wakes.tasks[at];
        *task = Task { key, birth: task.birth + 1, number: 0, wake: Wake::Event(cause), last: Seq::NONE };
    }

    /// The thread wakes a task. The first who does is why it is polled; a task that wakes itself just goes on.
    #[inline]
    pub(crate) fn task_woken(&mut self, me: ThreadId, key: usize) {
        let thread = &self.threads[me];
        if thread.polling == key {
            return;
        }
        // A runtime that has asked what is ready, and found nothing or has read the clock since, goes through its timers. (Where
        // it has many threads, these are within a poll themselves: they began as blocking work.)
        let by_time = thread.polling == thread.asked_in && (thread.found_nothing || self.clock_read_by == me);
        let wake = if by_time { Wake::Time } else { Wake::Event(thread.cause) };
        let at = self.wakes.at(key);
        let task = &mut self.wakes.tasks[at];
        if task.wake == Wake::None {
            task.wake = wake;
        }
    }

    /// The thread begins to poll a task, or the main future of its process, which has no number.
    #[inline]
    pub(crate) fn poll_begins(&mut self, me: ThreadId, key: usize, is_main: bool) -> Before {
        let at = self.wakes.at(key);
        let task = &mut self.wakes.tasks[at];
        let thread = &mut self.threads[me];
        if task.number == 0 && !is_main {
            let node = &mut self.nodes[usize::from(thread.node.0)];
            node.tasks += 1;
            task.number = node.tasks;
        }
        let before =
            Before { polling: thread.polling, task: thread.task, cause: thread.cause, birth: task.birth, is_main };
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
        let Before { polling, task, cause, birth, is_main } = *before;
        let thread = &mut self.threads[me];
        let (key, stood) = (thread.polling, thread.cause);
        (thread.polling, thread.task) = (polling, task);
        // A main future may be over, and what its thread then does follows from it.
        if !is_main {
            thread.cause = cause;
        }
        let at = self.wakes.at(key);
        let polled = &mut self.wakes.tasks[at];
        // It may be gone by now, and another one where it lay.
        if polled.birth == birth {
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
            let at = wakes.at(key << 7);
            wakes.tasks[at].number = key as u32;
        }
        assert_eq!(wakes.used, 999);
        for key in 1..1_000_usize {
            let at = wakes.at(key << 7);
            assert_eq!(wakes.tasks[at].number, key as u32);
        }
    }
}
