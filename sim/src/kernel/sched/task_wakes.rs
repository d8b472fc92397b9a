//! The table of asynchronous tasks and their wakes: who woke each, who spawned it, its last event.
//! It calls no runtime: `task_polls.rs` reports spawns, wakes and polls, by an address that is only a key.

use crate::event::{NodeId, Seq};
use crate::kernel::sched::await_history::AwaitHistory;
use crate::kernel::sched::call_site::CallSite;

/// The reason for the next poll of a task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskWake {
    /// Nobody has woken it.
    None,
    /// Time has passed: the poll follows from the one before.
    Time,
    /// The last event of the thread that woke it first.
    Event(Seq),
}

/// A task, by the memory that it occupies.
#[derive(Clone, Copy)]
struct Task {
    /// Its address; 0 for a free slot.
    key: usize,
    /// The number of this task among those that were spawned at this address.
    birth: u32,
    /// Its number in its process, in the order of first polls; 0 before that.
    number: u32,
    wake: TaskWake,
    /// The last event of its last poll.
    last: Seq,
    /// The process that polls it: node and incarnation; incarnation 0 before the first poll, and after its end.
    process: (NodeId, u16),
    /// The end of its last poll.
    polled_ns: u64,
    /// The calls that registered its waker, and the one that spawned it. Recorded runs alone know them.
    awaits: AwaitHistory,
    spawned: CallSite,
}

/// A task that was polled and is not ready.
#[derive(Clone, Copy)]
pub(crate) struct PendingTask {
    /// Its address.
    pub(crate) key: usize,
    /// Its number in its process; 0 for the main future.
    pub(crate) number: u32,
    /// The last event of its last poll.
    pub(crate) last: Seq,
    /// The end of its last poll.
    pub(crate) polled_ns: u64,
    /// The calls that registered its waker, and the one that spawned it. Recorded runs alone know them.
    pub(crate) awaits: AwaitHistory,
    pub(crate) spawned: CallSite,
}

/// A task whose poll begins.
pub(super) struct Polled {
    pub(super) key: usize,
    pub(super) birth: u32,
    pub(super) number: u32,
    /// The event that led to the poll; none if it is unknown.
    pub(super) cause: Seq,
}

const FREE: Task = Task {
    key: 0,
    birth: 0,
    number: 0,
    wake: TaskWake::None,
    last: Seq::NONE,
    process: (NodeId::SIMULATION, 0),
    polled_ns: 0,
    awaits: AwaitHistory::EMPTY,
    spawned: CallSite(0),
};

/// All known tasks. Whatever goes through the table orders tasks by their numbers, so that no address affects the run.
#[derive(Default)]
pub(crate) struct TaskWakes {
    /// Tasks are followed in this process.
    followed: bool,
    tasks: Vec<Task>,
    used: usize,
    /// The task that was woken last and not polled since: a runtime reports one wake in several steps.
    woken: usize,
    /// Returns whether the task at an address, whose memory was not freed, has not ended.
    is_running: Option<fn(usize) -> bool>,
}

impl TaskWakes {
    const FIRST: usize = 64;

    /// Returns whether tasks are followed in this process.
    #[inline]
    pub(crate) fn are_followed(&self) -> bool {
        self.followed
    }

    pub(crate) fn set_followed(&mut self, followed: bool) {
        self.followed = followed;
    }

    /// Adds a task that was spawned at this address by this call, because of this event.
    pub(super) fn spawn(&mut self, key: usize, spawned: CallSite, cause: Seq) {
        let slot = self.slot(key);
        let task = &mut self.tasks[slot];
        *task = Task { key, birth: task.birth + 1, wake: TaskWake::Event(cause), spawned, ..FREE };
    }

    /// Returns whether this task was woken last, and not polled since.
    #[inline]
    pub(super) fn was_woken_last(&self, key: usize) -> bool {
        self.woken == key
    }

    /// Records a wake. Only the first one since the last poll counts.
    #[inline]
    pub(super) fn wake(&mut self, slot: usize, wake: TaskWake) {
        let task = &mut self.tasks[slot];
        if task.wake == TaskWake::None {
            task.wake = wake;
        }
        self.woken = task.key;
    }

    /// Begins a poll by this process; `number` is called at a task's first one.
    #[inline]
    pub(super) fn begin_poll(&mut self, slot: usize, process: (NodeId, u16), number: impl FnOnce() -> u32) -> Polled {
        let task = &mut self.tasks[slot];
        task.process = process;
        if self.woken == task.key {
            self.woken = 0;
        }
        if task.number == 0 {
            task.number = number();
        }
        let cause = match std::mem::replace(&mut task.wake, TaskWake::None) {
            TaskWake::Event(seq) if seq != Seq::NONE => seq,
            _ => task.last,
        };
        Polled { key: task.key, birth: task.birth, number: task.number, cause }
    }

    /// Ends a poll at this time, whose last event was `last`. The table may have grown meanwhile, and another task may lie at the
    /// address.
    #[inline]
    pub(super) fn end_poll(&mut self, slot: usize, key: usize, birth: u32, last: Seq, now_ns: u64) {
        let slot = if self.tasks[slot].key == key { Some(slot) } else { self.known(key) };
        if let Some(polled) = slot.map(|slot| &mut self.tasks[slot]).filter(|polled| polled.birth == birth) {
            (polled.last, polled.polled_ns) = (last, now_ns);
        }
    }

    /// Notes the call that registers a task's waker, the first one in its poll or a later one.
    pub(super) fn awaits(&mut self, key: usize, site: CallSite, now_ns: u64, is_first: bool) {
        if let Some(slot) = self.known(key) {
            self.tasks[slot].awaits.add(site, now_ns, is_first);
        }
    }

    /// The memory of a task is freed.
    pub(crate) fn freed(&mut self, key: usize) {
        if let Some(slot) = self.known(key) {
            self.tasks[slot].process.1 = 0;
        }
    }

    /// The main future of a process has ended.
    pub(crate) fn main_ended(&mut self, process: (NodeId, u16)) {
        let main = self.tasks.iter_mut().filter(|task| task.process == process && task.number == 0);
        main.for_each(|task| task.process.1 = 0);
    }

    /// The main future and the tasks of a process that were polled and not freed since, by number.
    pub(crate) fn of_process(&self, process: (NodeId, u16)) -> Vec<PendingTask> {
        let own = self.tasks.iter().filter(|task| task.key != 0 && task.process == process);
        let mut pending: Vec<_> = own
            .map(|task| {
                let Task { key, number, last, polled_ns, awaits, spawned, .. } = *task;
                PendingTask { key, number, last, polled_ns, awaits, spawned }
            })
            .collect();
        pending.sort_by_key(|task| task.number);
        pending
    }

    /// Returns whether this task has not ended: `None` if that is unknown.
    pub(crate) fn is_running(&self, key: usize) -> Option<bool> {
        self.is_running.map(|is_running| is_running(key))
    }

    /// Sets the function that looks at a task whose memory was not freed.
    pub(crate) fn set_is_running(&mut self, is_running: Option<fn(usize) -> bool>) {
        self.is_running = is_running;
    }

    /// The slot of a task that is known. It allocates nothing.
    #[inline]
    pub(crate) fn known(&self, key: usize) -> Option<usize> {
        let mask = self.tasks.len().checked_sub(1)?;
        let mut slot = start(key, mask);
        loop {
            match self.tasks[slot & mask].key {
                found if found == key => return Some(slot & mask),
                0 => return None,
                _ => slot += 1,
            }
        }
    }

    /// The slot of a task, new or known. Slots are tried one after the other, from the one that the key hashes to.
    pub(crate) fn slot(&mut self, key: usize) -> usize {
        if 4 * (self.used + 1) > 3 * self.tasks.len() {
            self.widen();
        }
        let mask = self.tasks.len() - 1;
        let mut slot = start(key, mask);
        while self.tasks[slot].key != key {
            if self.tasks[slot].key == 0 {
                self.tasks[slot].key = key;
                self.used += 1;
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    #[cold]
    fn widen(&mut self) {
        let wider = vec![FREE; (2 * self.tasks.len()).max(Self::FIRST)];
        let before = std::mem::replace(&mut self.tasks, wider);
        let mask = self.tasks.len() - 1;
        for task in before.into_iter().filter(|task| task.key != 0) {
            let mut slot = start(task.key, mask);
            while self.tasks[slot].key != 0 {
                slot = (slot + 1) & mask;
            }
            self.tasks[slot] = task;
        }
    }
}

/// The first slot to try for a key. The low bits are mixed away: they are the alignment of tasks.
#[inline]
fn start(key: usize, mask: usize) -> usize {
    ((key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_again_as_the_table_grows() {
        let mut wakes = TaskWakes::default();
        for key in 1..1_000_usize {
            let slot = wakes.slot(key << 7);
            wakes.tasks[slot].number = key as u32;
        }
        assert_eq!(wakes.used, 999);
        assert_eq!(wakes.known(1_000 << 7), None);
        for key in 1..1_000_usize {
            let slot = wakes.slot(key << 7);
            assert_eq!(wakes.tasks[slot].number, key as u32);
            assert_eq!(wakes.known(key << 7), Some(slot));
        }
    }
}
