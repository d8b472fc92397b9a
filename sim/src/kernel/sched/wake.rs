//! Futex wakes: the waiters of an address go on, because of what the waking thread did.

use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::futex::MATCH_ANY;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// Wakes at most `count` threads that wait at an address. Returns how many there were.
    pub(crate) fn wake_waiters(&mut self, me: ThreadId, address: usize, count: u32) -> u32 {
        self.wake_waiters_for_bits(me, address, count, MATCH_ANY)
    }

    /// The same, but only threads that wait for one of these bits.
    pub(crate) fn wake_waiters_for_bits(&mut self, me: ThreadId, address: usize, count: u32, mask: u32) -> u32 {
        let cause = self.sched.threads[me].cause;
        let mut woken = 0;
        while woken < count
            && let Some(thread) = self.sched.futexes.take(address, mask)
        {
            self.sched.threads.wake(thread, cause, &self.sched.choices);
            woken += 1;
            let other = self.sched.threads[thread].node;
            if let Some(relay) = &mut self.process.signals.relay
                && relay.by == me
                && other != self.sched.threads[me].node
            {
                relay.stray = Some(other);
            }
        }
        woken
    }
}
