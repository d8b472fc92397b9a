//! The end of a thread's wait: its deadline, in the simulation's time and in the node's own, and whether it timed out.
//!
//! A thread has at most one deadline in the queue that matters. A wait that ends later leaves an earlier one there,
//! which is ignored, or set anew, when it falls due.

use crate::kernel::sched::clock::Deadline;

/// The effect of a deadline that fell due.
pub(crate) enum Timeout {
    /// None: the deadline no longer mattered.
    Nothing,
    /// The thread's wait times out.
    Now,
    /// The thread waits until this later time.
    Later(u64),
}

/// The end of the present or last wait.
pub(super) struct WaitEnd {
    timed_out: bool,
    /// The beginning of the wait, in the simulation's time.
    began_ns: u64,
    /// The deadline in the node's own time.
    own_deadline: Deadline,
    /// The same in the simulation's time, when it was last computed.
    own_sim_ns: u64,
    /// The end of the wait, in the simulation's time.
    deadline_ns: u64,
    /// The deadline that is set for the thread in the queue.
    armed_ns: u64,
}

impl Default for WaitEnd {
    fn default() -> Self {
        Self {
            timed_out: false,
            began_ns: 0,
            own_deadline: Deadline::NEVER,
            own_sim_ns: u64::MAX,
            deadline_ns: u64::MAX,
            armed_ns: u64::MAX,
        }
    }
}

impl WaitEnd {
    /// Returns whether the last wait timed out.
    #[inline]
    pub(super) fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// The wait ends by time.
    #[inline]
    pub(super) fn time_out(&mut self) {
        self.timed_out = true;
    }

    /// The wait ends otherwise.
    #[inline]
    pub(super) fn end(&mut self) {
        self.timed_out = false;
    }

    /// A wait begins. Returns the deadline to set, if the one in force would come too late.
    #[inline]
    pub(super) fn begin(&mut self, now_ns: u64, deadline_ns: u64) -> Option<u64> {
        (self.timed_out, self.began_ns) = (false, now_ns);
        self.move_to(deadline_ns)
    }

    /// The wait ends at another time. Returns the deadline to set, if the one in force would come too late.
    #[inline]
    pub(super) fn move_to(&mut self, deadline_ns: u64) -> Option<u64> {
        self.deadline_ns = deadline_ns;
        self.arm()
    }

    #[inline]
    fn arm(&mut self) -> Option<u64> {
        let earlier = self.deadline_ns < self.armed_ns;
        if earlier {
            self.armed_ns = self.deadline_ns;
        }
        earlier.then_some(self.deadline_ns)
    }

    /// The beginning of the present or last wait.
    pub(super) fn began_ns(&self) -> u64 {
        self.began_ns
    }

    /// The end of the present or last wait by time; `u64::MAX` if it has none.
    pub(super) fn deadline_ns(&self) -> u64 {
        self.deadline_ns
    }

    /// A deadline of the thread falls due, which may be waiting.
    #[inline]
    pub(super) fn due(&mut self, now_ns: u64, waits: bool) -> Timeout {
        if now_ns >= self.armed_ns {
            self.armed_ns = u64::MAX;
        }
        if !waits || self.deadline_ns == u64::MAX {
            return Timeout::Nothing;
        }
        if self.deadline_ns <= now_ns {
            return Timeout::Now;
        }
        self.arm().map_or(Timeout::Nothing, Timeout::Later)
    }

    /// The thread waits for this deadline of its node's own clocks, which comes at this time of the simulation.
    #[inline]
    pub(super) fn set_own(&mut self, deadline: Deadline, sim_ns: u64) {
        (self.own_deadline, self.own_sim_ns) = (deadline, sim_ns);
    }

    /// The deadline of the node's own clocks that ends the wait, if one does.
    pub(super) fn own(&self) -> Option<Deadline> {
        (self.deadline_ns != u64::MAX && self.deadline_ns == self.own_sim_ns).then_some(self.own_deadline)
    }
}
