//! Futexes: who waits at which address, in the order of arrival.
//! It never looks at the word itself; the door compares it before a wait begins.

use crate::kernel::dispatch::Kernel;
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

impl Kernel {
    /// Wakes so many of those who wait at an address, because of what its caller does; how many there were.
    pub(crate) fn wake_waiters(&mut self, me: ThreadId, address: usize, count: u32) -> u32 {
        let cause = self.sched.threads[me].cause;
        let mut woken = 0;
        while woken < count
            && let Some(thread) = self.sched.futexes.take(address)
        {
            self.sched.threads.wake(thread, cause, &self.sched.choices);
            woken += 1;
            let other = self.sched.threads[thread].node;
            if let Some(told) = &mut self.process.signals.told
                && told.by == me
                && other != self.sched.threads[me].node
            {
                told.stray = Some(other);
            }
        }
        woken
    }
}
