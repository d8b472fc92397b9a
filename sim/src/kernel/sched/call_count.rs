//! The calls of one thread, as preemption and spin detection count them.

use crate::kernel::sched::spin::Stretch;

/// The calls of a thread since its last preemption.
pub(super) struct CallCount {
    /// Calls without any effect.
    fruitless: u32,
    /// Calls that spin detection leaves out.
    uncounted: u32,
    /// The stretch before the last preemption.
    stretch: Option<Stretch>,
    /// The number of calls that the last preemption granted.
    granted: u32,
    /// The number of calls until the next preemption; out of date while the thread runs.
    left: u32,
    preemptions: u64,
}

impl Default for CallCount {
    fn default() -> Self {
        Self { fruitless: 0, uncounted: 0, stretch: None, granted: 0, left: u32::MAX, preemptions: 0 }
    }
}

impl CallCount {
    /// The number of calls until the next preemption, as of the last time that the thread stopped.
    #[inline]
    pub(super) fn left(&self) -> u32 {
        self.left
    }

    /// The thread stops with so many calls left.
    #[inline]
    pub(super) fn set_left(&mut self, left: u32) {
        self.left = left;
    }

    /// The number of preemptions so far.
    pub(super) fn preemptions(&self) -> u64 {
        self.preemptions
    }

    /// Counts a preemption and grants the calls until the next one; `draw` computes them from the preemption's number.
    pub(super) fn grant(&mut self, draw: impl FnOnce(u64) -> u32) {
        self.preemptions += 1;
        self.left = draw(self.preemptions);
        self.granted = self.left;
    }

    /// A call had no effect.
    #[inline]
    pub(super) fn count_fruitless(&mut self) {
        self.fruitless += 1;
    }

    /// Leaves the present call out; the running thread has `calls_left` until its next preemption.
    #[inline]
    pub(super) fn leave_uncounted(&mut self, calls_left: u32) {
        let was_preempted_here = calls_left == self.granted;
        if was_preempted_here {
            self.stretch = None;
        } else {
            self.uncounted += 1;
        }
    }

    /// Ends the stretch of calls at a preemption, at a call that reads a clock or at another one. Returns the stretch
    /// before.
    pub(super) fn end_stretch(&mut self, now_ns: u64, arrivals: u64, at_clock: bool) -> Option<Stretch> {
        let (uncounted, fruitless) =
            (std::mem::take(&mut self.uncounted), u64::from(std::mem::take(&mut self.fruitless)));
        let calls = u64::from(self.granted.saturating_sub(uncounted));
        // In the long run, the share of clock readings is their share among the calls at which threads are preempted.
        let clock = if at_clock { calls } else { 0 };
        self.stretch.replace(Stretch { now_ns, arrivals, calls, idle: (fruitless, clock) })
    }
}
