//! The clocks of a node: the difference between its own time and the simulation's.
//! It reads no real clock, and nothing waits here.

/// 2026-01-01T00:00:00Z, in nanoseconds since 1970: the reading of a true wall clock when a run begins.
pub(super) const REALTIME_START_NS: i64 = 1_767_225_600 * 1_000_000_000;
/// The monotonic clock's reading then: enough that a program may subtract a day from its first instant.
pub(crate) const MONOTONIC_START_NS: i64 = 1_000_000 * 1_000_000_000;

/// Millionths of a nanosecond in one: clocks count in them, so that no change of rate rounds anything away.
const PARTS: i128 = 1_000_000;

/// The slowest and the fastest that a clock may run, in millionths gained: a tenth, and ten times.
const PPM: (i64, i64) = (-900_000, 9_000_000);

/// A clock of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Wall time since 1970. It can be set: it has an offset, and steps.
    Realtime,
    /// Time that never goes back, at the node's own rate.
    Monotonic,
    /// Processor time. Nothing is computed in no time here, so it equals the simulation's time.
    Processor,
}

impl Clock {
    /// The clock of a `clockid_t`.
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
    pub(super) fn start_ns(self) -> i64 {
        match self {
            Self::Realtime => REALTIME_START_NS,
            Self::Monotonic => MONOTONIC_START_NS,
            Self::Processor => 0,
        }
    }
}

/// The end of a wait, as a reading of one of the waiting node's own clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) clock: Clock,
    /// Nanoseconds; `i64::MAX` is never.
    pub(crate) shown_ns: i64,
}

impl Deadline {
    /// Never.
    pub(crate) const NEVER: Self = Self { clock: Clock::Monotonic, shown_ns: i64::MAX };

    /// The moment at which this clock shows this much.
    pub(crate) fn at(clock: Clock, shown_ns: i64) -> Self {
        Self { clock, shown_ns }
    }
}

/// The clocks of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// Simulation time of the last change of the rate.
    since_ns: u64,
    /// Own time that had passed by then, in millionths of a nanosecond.
    parts: i128,
    /// The rate that the scenario sets, in millionths gained.
    standing_ppm: i32,
    /// The rate that faults add to it.
    extra_ppm: i64,
    /// The offset of the wall clock, apart from the effect of the rate.
    offset_ns: i64,
    /// The same for the monotonic clock.
    monotonic_offset_ns: i64,
}

impl Clocks {
    /// Sets the offset of the wall clock and the standing rate.
    pub(super) fn set(&mut self, now_ns: u64, offset_ns: i64, ppm: i32) {
        self.offset_ns = offset_ns;
        self.change_rate(now_ns, |clocks| clocks.standing_ppm = ppm);
    }

    /// Makes the wall clock jump.
    pub(super) fn step(&mut self, by_ns: i64) {
        self.offset_ns = self.offset_ns.saturating_add(by_ns);
    }

    /// Adds to the rate of the clocks.
    pub(super) fn speed_up(&mut self, now_ns: u64, ppm: i32) {
        self.change_rate(now_ns, |clocks| clocks.extra_ppm = clocks.extra_ppm.saturating_add(i64::from(ppm)));
    }

    /// Sets the offset of the monotonic clock.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn set_monotonic_offset(&mut self, offset_ns: i64) {
        self.monotonic_offset_ns = offset_ns;
    }

    fn pace(&self) -> i128 {
        PARTS + i128::from((i64::from(self.standing_ppm) + self.extra_ppm).clamp(PPM.0, PPM.1))
    }

    fn offset_of(&self, clock: Clock) -> i64 {
        match clock {
            Clock::Realtime => self.offset_ns,
            Clock::Monotonic => self.monotonic_offset_ns,
            Clock::Processor => 0,
        }
    }

    fn parts_at(&self, now_ns: u64) -> i128 {
        self.parts + i128::from(now_ns.saturating_sub(self.since_ns)) * self.pace()
    }

    /// The reading of a clock at this time of the simulation.
    pub(super) fn shown_ns(&self, clock: Clock, now_ns: u64) -> i64 {
        if clock == Clock::Processor {
            return now_ns as i64;
        }
        let gone = (self.parts_at(now_ns) / PARTS) as i64;
        let offset = self.offset_of(clock);
        clock.start_ns().saturating_add(gone).saturating_add(offset)
    }

    /// The first time of the simulation at which a clock shows this much.
    pub(super) fn sim_ns(&self, deadline: Deadline) -> u64 {
        let offset = self.offset_of(deadline.clock);
        let gone = i128::from(deadline.shown_ns) - i128::from(deadline.clock.start_ns()) - i128::from(offset);
        if deadline.clock == Clock::Processor {
            return gone.clamp(0, i128::from(u64::MAX)) as u64;
        }
        let missing = gone * PARTS - self.parts;
        let pace = self.pace();
        let after = if missing <= 0 { 0 } else { (missing + pace - 1) / pace };
        (i128::from(self.since_ns) + after).clamp(0, i128::from(u64::MAX)) as u64
    }

    /// Lets the clocks run at another rate from now on; their gain or loss so far stays.
    fn change_rate(&mut self, now_ns: u64, change: impl FnOnce(&mut Self)) {
        self.parts = self.parts_at(now_ns);
        self.since_ns = now_ns;
        change(self);
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
    fn a_fast_clock_gains_exactly_its_rate() {
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
            clocks.change_rate(step * 7_919 + 3, |clocks| clocks.extra_ppm = if step % 2 == 0 { 333 } else { -333 });
        }
        clocks.change_rate(1_000 * 7_919 + 3, |clocks| clocks.extra_ppm = 0);
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
    fn a_step_moves_the_wall_clock_alone_and_a_true_clock_shows_the_simulations_time() {
        let mut clocks = Clocks::default();
        assert_eq!(clocks.shown_ns(Clock::Realtime, 5), REALTIME_START_NS + 5);
        clocks.offset_ns = -7;
        assert_eq!(clocks.shown_ns(Clock::Realtime, 5), REALTIME_START_NS - 2);
        assert_eq!(clocks.shown_ns(Clock::Monotonic, 5), MONOTONIC_START_NS + 5);
        assert_eq!(clocks.shown_ns(Clock::Processor, 5), 5);
    }
}
