//! The clocks of each node: how far its own time is from the room's, and what a deadline in its own time means here.
//! It reads no real clock, and nothing waits here.

use crate::event::NodeId;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::process::node::Node;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

/// 2026-01-01T00:00:00Z, in nanoseconds since 1970: what a true wall clock shows when a run begins.
const REALTIME_START_NS: i64 = 1_767_225_600 * 1_000_000_000;
/// What a monotonic clock shows then: enough that a program may subtract a day from its first instant. madsim begins at 0.
const MONOTONIC_START_NS: i64 = if cfg!(madsim) { 0 } else { 1_000_000 * 1_000_000_000 };

/// Millionths of a nanosecond in one: clocks count in them, so that no change of rate rounds anything away.
const PARTS: i128 = 1_000_000;

/// The slowest and the fastest that a clock may run, in millionths gained: a tenth, and ten times.
const PPM: (i64, i64) = (-900_000, 9_000_000);

/// Which of a node's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Wall time since 1970. It can be set: it has an offset, and steps.
    Realtime,
    /// Time that only ever goes on, at the node's own rate.
    Monotonic,
    /// Processor time. Nothing is computed in no time here, so it goes as the room's time does.
    Processor,
}

impl Clock {
    /// The clock that the C library means by a number.
    pub(crate) fn of(number: libc::clockid_t) -> Self {
        match number {
            libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI | libc::CLOCK_REALTIME_ALARM => {
                Self::Realtime
            }
            libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID => Self::Processor,
            _ => Self::Monotonic,
        }
    }

    #[inline]
    fn start_ns(self) -> i64 {
        match self {
            Self::Realtime => REALTIME_START_NS,
            Self::Monotonic => MONOTONIC_START_NS,
            Self::Processor => 0,
        }
    }
}

/// When a wait ends, as one of the waiting node's own clocks will show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) clock: Clock,
    /// Nanoseconds; `i64::MAX` is never.
    pub(crate) shown_ns: i64,
}

impl Deadline {
    /// For ever.
    pub(crate) const NEVER: Self = Self { clock: Clock::Monotonic, shown_ns: i64::MAX };

    /// When this clock shows so much.
    pub(crate) fn at(clock: Clock, shown_ns: i64) -> Self {
        Self { clock, shown_ns }
    }
}

/// The clocks of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// Room time of the last change of the rate, and how much own time had gone by then, in millionths of a nanosecond.
    since_ns: u64,
    parts: i128,
    /// What the scenario says, and what faults add to it, in millionths gained.
    standing_ppm: i32,
    extra_ppm: i64,
    /// How far the wall clock is ahead of what it should show, beside what the rate does.
    offset_ns: i64,
}

impl Clocks {
    fn pace(&self) -> i128 {
        PARTS + i128::from((i64::from(self.standing_ppm) + self.extra_ppm).clamp(PPM.0, PPM.1))
    }

    fn parts_at(&self, now_ns: u64) -> i128 {
        self.parts + i128::from(now_ns.saturating_sub(self.since_ns)) * self.pace()
    }

    /// What a clock shows at this time of the room.
    fn shown_ns(&self, clock: Clock, now_ns: u64) -> i64 {
        if clock == Clock::Processor {
            return now_ns as i64;
        }
        let gone = (self.parts_at(now_ns) / PARTS) as i64;
        let offset = if clock == Clock::Realtime { self.offset_ns } else { 0 };
        clock.start_ns().saturating_add(gone).saturating_add(offset)
    }

    /// The first time of the room at which a clock shows this much.
    fn sim_ns(&self, deadline: Deadline) -> u64 {
        let offset = if deadline.clock == Clock::Realtime { self.offset_ns } else { 0 };
        let gone = i128::from(deadline.shown_ns) - i128::from(deadline.clock.start_ns()) - i128::from(offset);
        if deadline.clock == Clock::Processor {
            return gone.clamp(0, i128::from(u64::MAX)) as u64;
        }
        let missing = gone * PARTS - self.parts;
        let pace = self.pace();
        let after = if missing <= 0 { 0 } else { (missing + pace - 1) / pace };
        (i128::from(self.since_ns) + after).clamp(0, i128::from(u64::MAX)) as u64
    }

    /// From here on the clocks run at another rate; what they gained or lost stays.
    fn change_rate(&mut self, now_ns: u64, change: impl FnOnce(&mut Self)) {
        self.parts = self.parts_at(now_ns);
        self.since_ns = now_ns;
        change(self);
    }
}

impl Kernel {
    fn clocks(&self, me: ThreadId) -> &Clocks {
        &self.process[self.sched.threads[me].node].clocks
    }

    /// What a clock of the thread's node shows at this time of the room.
    #[inline]
    pub(crate) fn shown_ns(&self, me: ThreadId, clock: Clock, now_ns: u64) -> i64 {
        if self.process.clocks_differ {
            return self.clocks(me).shown_ns(clock, now_ns);
        }
        clock.start_ns() + now_ns as i64
    }

    /// What the wall clock of a node shows, in nanoseconds since 1970.
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

    /// The room's time at which this deadline of a thread comes, unless its clocks change; if they do while the thread
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
        thread.own_deadline = deadline;
        thread.own_sim_ns = sim_ns;
        sim_ns
    }

    /// Whether a deadline of the thread's has come.
    #[inline]
    pub(crate) fn has_come(&mut self, me: ThreadId, deadline: Deadline) -> bool {
        self.deadline_of(me, deadline) <= self.sched.now_ns
    }

    /// The room's time at which a deadline of a node, and of none of its threads, comes.
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
    pub(crate) fn speed_clock(&mut self, node: NodeId, ppm: i32) {
        self.change_clocks(node, |clocks, now_ns| {
            clocks.change_rate(now_ns, |clocks| clocks.extra_ppm = clocks.extra_ppm.saturating_add(i64::from(ppm)));
        });
    }

    fn change_clocks(&mut self, node: NodeId, change: impl FnOnce(&mut Clocks, u64)) {
        let Some(Node { clocks, threads, .. }) = self.process.node_mut(node) else { return };
        change(clocks, self.sched.now_ns);
        let (clocks, threads) = (*clocks, threads.clone());
        self.process.clocks_differ = true;
        for id in threads {
            let thread = &self.sched.threads[id];
            let waits = matches!(thread.state, State::Waiting(wait) if wait != Wait::Device);
            if waits && thread.deadline_ns() != u64::MAX && thread.deadline_ns() == thread.own_sim_ns {
                let sim_ns = clocks.sim_ns(thread.own_deadline);
                self.sched.threads[id].own_sim_ns = sim_ns;
                if let Some(due) = self.sched.threads.move_deadline(id, sim_ns) {
                    self.sched.deadlines.at(due.max(self.sched.now_ns), Due::Thread(id));
                }
            }
        }
        self.timers_see_change(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(ppm: i32, at_ns: u64) -> Clocks {
        let mut clocks = Clocks::default();
        clocks.change_rate(at_ns, |clocks| clocks.standing_ppm = ppm);
        clocks
    }

    #[test]
    fn a_fast_clock_gains_exactly_what_its_rate_says() {
        let clocks = running(100, 0);
        let day = 86_400_000_000_000;
        let gone = clocks.shown_ns(Clock::Monotonic, day) - MONOTONIC_START_NS;
        assert_eq!(gone - day as i64, 8_640_000_000, "100 millionths of a day");
        assert_eq!(clocks.shown_ns(Clock::Realtime, day) - REALTIME_START_NS, gone);
    }

    #[test]
    fn a_thousand_changes_of_rate_round_nothing_away() {
        let mut clocks = Clocks::default();
        for step in 0..1_000 {
            // At odd times, so that each change falls between two own nanoseconds.
            clocks.change_rate(step * 7_919 + 3, |it| it.extra_ppm = if step % 2 == 0 { 333 } else { -333 });
        }
        clocks.change_rate(1_000 * 7_919 + 3, |it| it.extra_ppm = 0);
        assert_eq!(clocks.shown_ns(Clock::Monotonic, 10_000_000_000) - MONOTONIC_START_NS, 10_000_000_000);
    }

    #[test]
    fn a_deadline_comes_at_the_first_moment_at_which_its_clock_shows_it() {
        for ppm in [-900_000, -1, 0, 1, 77, 9_000_000] {
            let mut clocks = running(ppm, 12_345);
            clocks.offset_ns = -5_000_000_000;
            for clock in [Clock::Realtime, Clock::Monotonic] {
                for ns in [1, 999, 1_000_003, 77_777_777_777] {
                    let shown_ns = clocks.shown_ns(clock, 20_000) + ns;
                    let sim_ns = clocks.sim_ns(Deadline::at(clock, shown_ns));
                    assert!(clocks.shown_ns(clock, sim_ns) >= shown_ns, "{ppm} {clock:?} {ns}");
                    assert!(clocks.shown_ns(clock, sim_ns - 1) < shown_ns, "{ppm} {clock:?} {ns}");
                }
            }
        }
    }

    #[test]
    fn a_step_moves_the_wall_clock_alone_and_a_true_clock_shows_the_room() {
        let mut clocks = Clocks::default();
        assert_eq!(clocks.shown_ns(Clock::Realtime, 5), REALTIME_START_NS + 5);
        clocks.offset_ns = -7;
        assert_eq!(clocks.shown_ns(Clock::Realtime, 5), REALTIME_START_NS - 2);
        assert_eq!(clocks.shown_ns(Clock::Monotonic, 5), MONOTONIC_START_NS + 5);
        assert_eq!(clocks.shown_ns(Clock::Processor, 5), 5);
    }
}
