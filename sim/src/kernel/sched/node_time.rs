//! The time of a node: readings of its clocks, and its deadlines in the simulation's time.
//! It reads no real clock, and nothing waits here.

use crate::event::NodeId;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::clock::{Clock, Clocks, Deadline};
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    fn clocks(&self, me: ThreadId) -> &Clocks {
        self.process[self.sched[me].node()].clocks()
    }

    /// The reading of a clock of the thread's node at this time of the simulation.
    #[inline]
    pub(crate) fn shown_ns(&self, me: ThreadId, clock: Clock, now_ns: u64) -> i64 {
        if self.process.clocks_differ() {
            return self.clocks(me).shown_ns(clock, now_ns);
        }
        clock.start_ns() + now_ns as i64
    }

    /// The reading of a node's wall clock, in nanoseconds since 1970.
    pub(crate) fn wall_ns(&self, node: NodeId) -> i64 {
        self.node_time_ns(node, Clock::Realtime)
    }

    /// The reading of one of a node's clocks.
    pub(crate) fn node_time_ns(&self, node: NodeId, clock: Clock) -> i64 {
        if self.process.clocks_differ() {
            return self.process[node].clocks().shown_ns(clock, self.sched.now_ns());
        }
        clock.start_ns() + self.sched.now_ns() as i64
    }

    /// The deadline of a wait of this length that begins now on the thread's node; `u64::MAX` is never.
    #[inline]
    pub(crate) fn deadline_in(&self, me: ThreadId, ns: u64) -> Deadline {
        // As on Linux, a relative wait counts monotonic time, whichever clock it names.
        let shown = self.shown_ns(me, Clock::Monotonic, self.sched.now_ns());
        Deadline::at(Clock::Monotonic, shown.saturating_add_unsigned(ns))
    }

    /// The simulation's time at which this deadline of a thread comes, unless its clocks change; if they do while the
    /// thread waits for it, the wait is moved. Call this at each step of a wait.
    #[inline]
    pub(crate) fn deadline_of(&mut self, me: ThreadId, deadline: Deadline) -> u64 {
        if deadline.shown_ns == i64::MAX {
            return u64::MAX;
        }
        let sim_ns = if self.process.clocks_differ() {
            self.clocks(me).sim_ns(deadline)
        } else {
            // A deadline that has passed falls due at once; how long ago it passed does not matter.
            (deadline.shown_ns - deadline.clock.start_ns()).max(0) as u64
        };
        self.sched[me].wait_end_mut().set_own(deadline, sim_ns);
        sim_ns
    }

    /// Returns whether a deadline of the thread has come.
    #[inline]
    pub(crate) fn has_come(&mut self, me: ThreadId, deadline: Deadline) -> bool {
        self.deadline_of(me, deadline) <= self.sched.now_ns()
    }

    /// The simulation's time at which a deadline comes that belongs to a node, and to none of its threads.
    pub(crate) fn node_deadline(&self, node: NodeId, deadline: Deadline) -> u64 {
        if deadline.shown_ns == i64::MAX { u64::MAX } else { self.process[node].clocks().sim_ns(deadline) }
    }

    /// Sets a node's clocks, before its first start.
    pub(crate) fn set_clocks(&mut self, node: NodeId, offset_ns: i64, ppm: i32) {
        if (offset_ns, ppm) != (0, 0) {
            self.change_clocks(node, |clocks, now_ns| clocks.set(now_ns, offset_ns, ppm));
        }
    }

    /// Makes a node's wall clock jump.
    pub(crate) fn step_clock(&mut self, node: NodeId, by_ns: i64) {
        self.change_clocks(node, |clocks, _| clocks.step(by_ns));
        self.timers_see_step(node);
    }

    /// Makes a node's clocks run faster by this much from now on.
    pub(crate) fn skew_clock(&mut self, node: NodeId, ppm: i32) {
        self.change_clocks(node, |clocks, now_ns| clocks.speed_up(now_ns, ppm));
    }

    /// Changes a node's clocks, and moves the deadlines that depend on them.
    pub(crate) fn change_clocks(&mut self, node: NodeId, change: impl FnOnce(&mut Clocks, u64)) {
        let now_ns = self.sched.now_ns();
        let Some(clocks) = self.process.change_clocks(node, |clocks| change(clocks, now_ns)) else { return };
        for id in self.process[node].threads().to_vec() {
            let thread = &self.sched[id];
            let waits = matches!(thread.state(), State::Waiting(wait) if wait != Wait::Device);
            if waits && let Some(own) = thread.wait_end().own() {
                let sim_ns = clocks.sim_ns(own);
                self.sched[id].wait_end_mut().set_own(own, sim_ns);
                self.sched.move_wait(id, sim_ns);
            }
        }
        self.timers_see_change(node);
    }
}
