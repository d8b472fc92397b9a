//! Which event led to which poll of an asynchronous task: who woke it, who spawned it, what it did last.
//! It calls nothing of a runtime's: `task_polls.rs` reports when a task is spawned, woken and polled, by an address that is only a key.

use crate::event::Seq;

/// Why a task is to be polled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// Nobody has woken it.
    None,
    /// Time has passed: it goes on from what it did before.
    Time,
    /// This happened on the way of whoever woke it first.
    Event(Seq),
}

/// A task, by the memory that it lives in.
#[derive(Clone, Copy)]
pub(super) struct Task {
    /// Where it lies in memory; 0 for a free place.
    pub(super) key: usize,
    /// Which task this is of those that lay there.
    pub(super) birth: u32,
    /// Its number in its process, in the order in which tasks were first polled; 0 before that.
    pub(super) number: u32,
    pub(super) wake: Wake,
    /// Where it stood when it was polled last.
    pub(super) last: Seq,
}

const FREE: Task = Task { key: 0, birth: 0, number: 0, wake: Wake::None, last: Seq::NONE };

/// Every known task. The table is looked up and never iterated, so that no address affects the run.
#[derive(Default)]
pub(crate) struct Wakes {
    /// Whether tasks are followed at all in this process.
    pub(crate) followed: bool,
    pub(super) tasks: Vec<Task>,
    used: usize,
    /// The task that was woken last and not polled since: a runtime reports the steps of one wake one by one.
    pub(super) woken: usize,
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
