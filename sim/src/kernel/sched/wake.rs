//! Futex wakes: the waiters of an address can run, because of the waking thread's last event.

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
        let (own, cause) = (self.sched[me].node(), self.sched[me].cause());
        let mut woken = 0;
        while woken < count
            && let Some(thread) = self.sched.take_futex_waiter(address, mask)
        {
            self.sched.wake(thread, cause);
            woken += 1;
            let other = self.sched[thread].node();
            if other != own {
                self.process.signals_mut().relay_strays(me, other);
            }
        }
        woken
    }
}
