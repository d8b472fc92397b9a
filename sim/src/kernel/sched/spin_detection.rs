//! Spin detection: the calls of a thread between two preemptions are added to its process's account.
//! It ends nothing; it reports a spin once in each incarnation.

use crate::event::What;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// Counts a call of this thread that had no effect.
    #[inline]
    pub(crate) fn count_fruitless(&mut self, me: ThreadId) {
        self.sched[me].calls_mut().count_fruitless();
    }

    /// Leaves a call of this thread out: a probe, which is not a call of the program's own, or a call by which the
    /// process wakes itself. Such calls have no effect, and a thread that only computes may make any number of them.
    #[inline]
    pub(crate) fn leave_uncounted(&mut self, me: ThreadId) {
        let calls_left = self.sched.calls_left();
        self.sched[me].calls_mut().leave_uncounted(calls_left);
    }

    /// Judges a thread that is preempted here, at a call that reads a clock or at another: by the stretch before the
    /// last, since it is known only after this call whether the call counts.
    pub(crate) fn detect_spin(&mut self, me: ThreadId, at_clock: bool) {
        let now_ns = self.sched.now_ns();
        let node = self.sched[me].node();
        let activity = self.process[node].activity_mut();
        let Some(last) = self.sched[me].calls_mut().end_stretch(now_ns, activity.arrivals(), at_clock) else { return };
        if let Some(calls) = activity.add(last, self.settings.spin_max) {
            self.emit(me, What::Spun { calls });
        }
    }
}
