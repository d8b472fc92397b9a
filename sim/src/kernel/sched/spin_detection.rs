//! Spin detection: what a thread did between two preemptions is added to its process's account.
//! It ends nothing; it reports a spin once in each incarnation.

use crate::event::What;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::spin::Stretch;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// A call of this thread had no effect.
    #[inline]
    pub(crate) fn count_fruitless(&mut self, me: ThreadId) {
        self.sched.threads[me].calls.fruitless += 1;
    }

    /// Leaves a call of this thread out: a probe, which is no call of the program's own, or a call by which the process wakes
    /// itself. Such calls have no effect, and a thread that only computes may make any number of them.
    #[inline]
    pub(crate) fn leave_uncounted(&mut self, me: ThreadId) {
        let was_preempted_here = self.sched.threads.calls_left() == self.sched.threads[me].calls.granted;
        let thread = &mut self.sched.threads[me];
        if was_preempted_here {
            thread.calls.stretch = None;
        } else {
            thread.calls.uncounted += 1;
        }
    }

    /// Judges a thread that is preempted here, at a call that reads a clock or at another: by the stretch before the last, because
    /// only after this call is it known whether the call counts.
    pub(crate) fn detect_spin(&mut self, me: ThreadId, at_clock: bool) {
        let thread = &mut self.sched.threads[me];
        let (uncounted, fruitless) =
            (std::mem::take(&mut thread.calls.uncounted), u64::from(std::mem::take(&mut thread.calls.fruitless)));
        let calls = u64::from(thread.calls.granted.saturating_sub(uncounted));
        // In the long run, the share of clock readings is their share among the calls at which threads are preempted.
        let clock = if at_clock { calls } else { 0 };
        let (now_ns, worth_max) = (self.sched.now_ns, self.settings.spin_max);
        let node = &mut self.process[thread.node];
        let this = Stretch { now_ns, arrivals: node.activity.arrivals(), calls, idle: (fruitless, clock) };
        let Some(last) = thread.calls.stretch.replace(this) else { return };
        if let Some(calls) = node.activity.add(last, worth_max) {
            self.emit(me, What::Spun { calls });
        }
    }
}
