//! The time of a node: readings of its clocks, and its deadlines in the simulation's time.
//! It reads no real clock, and nothing waits here.

use crate::event::NodeId;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::process::node::Node;
use crate::kernel::sched::clock::{Clock, Clocks, Deadline, REALTIME_START_NS};
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    fn clocks(&self, me: ThreadId) -> &Clocks {
        &self.process[self.sched.threads[me].node].clocks
    }

    /// The reading of a clock of the thread's node at this time of the simulation.
    #[inline]
    pub(crate) fn shown_ns(&self, me: ThreadId, clock: Clock, now_ns: u64) -> i64 {
        if self.process.clocks_differ {
            return self.clocks(me).shown_ns(clock, now_ns);
        }
        clock.start_ns() + now_ns as i64
    }

    /// The reading of a node's wall clock, in nanoseconds since 1970.
    pub(crate) fn wall_ns(&self, node: NodeId) -> i64 {
        if self.process.clocks_differ {
            return self.process[node].clocks.shown_ns(Clock::Realtime, self.sched.now_ns);
        }
        REALTIME_START_NS + self.sched.now_ns as i64
    }

    /// The deadline of a wait that begins now and lasts so long on the thread's node; `u64::MAX` lasts for ever.
    #[inline]
    pub(crate) fn deadline_in(&self, me: ThreadId, ns: u64) -> Deadline {
        // A relative wait counts monotonic time, whatever clock it names: that is what Linux does.
        let shown = self.shown_ns(me, Clock::Monotonic, self.sched.now_ns);
        Deadline::at(Clock::Monotonic, shown.saturating_add_unsigned(ns))
    }

    /// The simulation's time at which this deadline of a thread comes, unless its clocks change; if they do while the thread
    /// waits for it, the wait is moved. Ask again at each step of a wait.
    #[inline]
    pub(crate) fn deadline_of(&mut self, me: ThreadId, deadline: Deadline) -> u64 {
        if deadline.shown_ns == i64::MAX {
            return u64::MAX;
        }
        let sim_ns = if self.process.clocks_differ {
            self.clocks(me).sim_ns(deadline)
        } else {
            // What has passed falls due at once; nothing asks how long ago.
            (deadline.shown_ns - deadline.clock.start_ns()).max(0) as u64
        };
        let thread = &mut self.sched.threads[me];
        thread.wait.own_deadline = deadline;
        thread.wait.own_sim_ns = sim_ns;
        sim_ns
    }

    /// Whether a deadline of the thread's has come.
    #[inline]
    pub(crate) fn has_come(&mut self, me: ThreadId, deadline: Deadline) -> bool {
        self.deadline_of(me, deadline) <= self.sched.now_ns
    }

    /// The simulation's time at which a deadline of a node, and of none of its threads, comes.
    pub(crate) fn node_deadline(&self, node: NodeId, deadline: Deadline) -> u64 {
        if deadline.shown_ns == i64::MAX { u64::MAX } else { self.process[node].clocks.sim_ns(deadline) }
    }

    /// Sets a node's clocks, before its first start.
    pub(crate) fn set_clocks(&mut self, node: NodeId, offset_ns: i64, ppm: i32) {
        if (offset_ns, ppm) != (0, 0) {
            self.change_clocks(node, |clocks, now_ns| {
                clocks.offset_ns = offset_ns;
                clocks.change_rate(now_ns, |clocks| clocks.standing_ppm = ppm);
            });
        }
    }

    /// A node's wall clock jumps.
    pub(crate) fn step_clock(&mut self, node: NodeId, by_ns: i64) {
        self.change_clocks(node, |clocks, _| clocks.offset_ns = clocks.offset_ns.saturating_add(by_ns));
        self.timers_see_step(node);
    }

    /// A node's clocks run so much faster from here on.
    pub(crate) fn skew_clock(&mut self, node: NodeId, ppm: i32) {
        self.change_clocks(node, |clocks, now_ns| {
            clocks.change_rate(now_ns, |clocks| clocks.extra_ppm = clocks.extra_ppm.saturating_add(i64::from(ppm)));
        });
    }

    pub(crate) fn change_clocks(&mut self, node: NodeId, change: impl FnOnce(&mut Clocks, u64)) {
        let Some(Node { clocks, threads, .. }) = self.process.node_mut(node) else { return };
        change(clocks, self.sched.now_ns);
        let (clocks, threads) = (*clocks, threads.clone());
        self.process.clocks_differ = true;
        for id in threads {
            let thread = &self.sched.threads[id];
            let waits = matches!(thread.state, State::Waiting(wait) if wait != Wait::Device);
            if waits && thread.wait.deadline_ns != u64::MAX && thread.wait.deadline_ns == thread.wait.own_sim_ns {
                let sim_ns = clocks.sim_ns(thread.wait.own_deadline);
                self.sched.threads[id].wait.own_sim_ns = sim_ns;
                if let Some(due) = self.sched.threads.move_deadline(id, sim_ns) {
                    self.sched.deadlines.at(due.max(self.sched.now_ns), Due::Thread(id));
                }
            }
        }
        self.timers_see_change(node);
    }
}
