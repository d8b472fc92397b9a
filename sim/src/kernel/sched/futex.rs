//! Futexes: who waits at which address, in the order of arrival.
//! It never looks at the word itself; the door compares it before a wait begins.

use crate::kernel::sched::thread::ThreadId;
use std::collections::{BTreeMap, VecDeque};

/// The waiters of every address.
#[derive(Default)]
pub(crate) struct Futexes {
    waiters: BTreeMap<usize, VecDeque<ThreadId>>,
}

impl Futexes {
    pub(crate) fn wait(&mut self, address: usize, thread: ThreadId) {
        self.waiters.entry(address).or_default().push_back(thread);
    }

    /// Takes the first waiter at an address.
    pub(crate) fn take(&mut self, address: usize) -> Option<ThreadId> {
        let queue = self.waiters.get_mut(&address)?;
        let first = queue.pop_front();
        if queue.is_empty() {
            self.waiters.remove(&address);
        }
        first
    }

    /// Forgets a waiter whose time ran out or whose process ended.
    pub(crate) fn forget(&mut self, address: usize, thread: ThreadId) {
        if let Some(queue) = self.waiters.get_mut(&address) {
            queue.retain(|waiter| *waiter != thread);
            if queue.is_empty() {
                self.waiters.remove(&address);
            }
        }
    }
}
