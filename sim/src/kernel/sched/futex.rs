//! Futexes: the waiters of each address, in the order of their arrival.
//! It never reads the word itself: the interposed function compares it before a wait begins.

use crate::kernel::sched::thread::ThreadId;
use std::collections::{BTreeMap, VecDeque};

/// The mask of a wait or a wake without a mask of its own.
pub(crate) const MATCH_ANY: u32 = libc::FUTEX_BITSET_MATCH_ANY as u32;

/// The waiters of every address.
#[derive(Default)]
pub(crate) struct Futexes {
    waiters: BTreeMap<usize, VecDeque<Waiter>>,
}

struct Waiter {
    thread: ThreadId,
    /// Only wakes with one of these bits reach it.
    mask: u32,
}

impl Futexes {
    /// Adds a waiter that every wake reaches.
    pub(crate) fn wait(&mut self, address: usize, thread: ThreadId) {
        self.wait_for_bits(address, thread, MATCH_ANY);
    }

    /// Adds a waiter that a wake with one of these bits reaches.
    pub(crate) fn wait_for_bits(&mut self, address: usize, thread: ThreadId, mask: u32) {
        self.waiters.entry(address).or_default().push_back(Waiter { thread, mask });
    }

    /// Takes the first waiter at an address that a wake with these bits reaches.
    pub(crate) fn take(&mut self, address: usize, mask: u32) -> Option<ThreadId> {
        let queue = self.waiters.get_mut(&address)?;
        let index = queue.iter().position(|waiter| waiter.mask & mask != 0)?;
        let first = queue.remove(index)?;
        if queue.is_empty() {
            self.waiters.remove(&address);
        }
        Some(first.thread)
    }

    /// Removes a waiter that timed out or whose process ended.
    pub(crate) fn forget(&mut self, address: usize, thread: ThreadId) {
        if let Some(queue) = self.waiters.get_mut(&address) {
            queue.retain(|waiter| waiter.thread != thread);
            if queue.is_empty() {
                self.waiters.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_reaches_the_first_waiter_that_shares_a_bit_with_it() {
        let mut futexes = Futexes::default();
        futexes.wait_for_bits(8, ThreadId(1), 0b01);
        futexes.wait_for_bits(8, ThreadId(2), 0b10);
        futexes.wait(8, ThreadId(3));
        assert_eq!(futexes.take(8, 0b10), Some(ThreadId(2)));
        assert_eq!(futexes.take(8, 0b10), Some(ThreadId(3)));
        assert_eq!(futexes.take(8, 0b10), None);
        assert_eq!(futexes.take(8, MATCH_ANY), Some(ThreadId(1)));
    }
}
