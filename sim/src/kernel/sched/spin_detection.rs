//! Spin detection: what a thread did between two preemptions is added to its process's account.
//! It ends nothing; it reports a spin once in each incarnation.

use crate::event::What;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::spin::Stretch;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// A door that this thread passes came to nothing.
    #[inline]
    pub(crate) fn count_fruitless(&mut self, me: ThreadId) {
        self.sched.threads[me].calls.fruitless += 1;
    }

    /// The door that this thread passes is left out of account: a probe, which is no call of the program's, or a call by which the
    /// process wakes itself. It moves nothing, and whoever only computes may pass as many of them as he likes.
    #[inline]
    pub(crate) fn leave_uncounted(&mut self, me: ThreadId) {
        let was_cut_off_here = self.sched.threads.calls_left() == self.sched.threads[me].calls.granted;
        let thread = &mut self.sched.threads[me];
        if was_cut_off_here {
            thread.calls.stretch = None;
        } else {
            thread.calls.uncounted += 1;
        }
    }

    /// Looks at what a thread was at that is cut off here, at a door that reads a clock or at another: at the stretch before the
    /// last, for only when it has passed this door it is known whether that counts.
    pub(crate) fn detect_spin(&mut self, me: ThreadId, at_clock: bool) {
        let thread = &mut self.sched.threads[me];
        let (nowhere, vain) =
            (std::mem::take(&mut thread.calls.uncounted), u64::from(std::mem::take(&mut thread.calls.fruitless)));
        let calls = u64::from(thread.calls.granted.saturating_sub(nowhere));
        // A share of the doors as large as that of the clock's among the doors at which threads are cut off, in the long run.
        let clock = if at_clock { calls } else { 0 };
        let (now_ns, worth_max) = (self.sched.now_ns, self.settings.spin_max);
        let node = &mut self.process[thread.node];
        let this = Stretch { now_ns, arrivals: node.activity.arrivals(), calls, idle: (vain, clock) };
        let Some(last) = thread.calls.stretch.replace(this) else { return };
        if let Some(calls) = node.activity.add(last, worth_max) {
            self.emit(me, What::Spun { calls });
        }
    }
}
