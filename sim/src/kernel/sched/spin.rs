//! Who goes round: a process that passes doors that move nothing, again and again, while nothing reaches it.
//! It ends nothing; it tells of it once in each life.
//!
//! It costs a door nothing: it looks only where a thread is cut off, one door in about a thousand. Doors that came to nothing
//! (nothing to read, nothing ready, a yield, no descriptor left) are counted where they do; probes, and the calls by which a process
//! wakes itself, are left out of account; how many read a clock is reckoned from the doors at
//! which threads are cut off, which are a fair sample.

/// How much of a process's time is looked at together.
const WINDOW_NS: u64 = 1_000_000_000;

/// What a door that came to nothing weighs, in readings of a clock: a yield takes 21 times as long, and whoever asks again
/// and again for what is not there is less likely to be measuring time.
const VAIN_WORTH: u64 = 20;

/// How much a process may go round in a window unless a scenario says otherwise, in readings of a clock: a tenth of the window
/// if it does nothing else, and what calibrates a clock or measures itself is done by then.
pub const SPIN_MAX: u64 = 2_000_000;

/// Of so many doors one may move something, and the others still go round.
const CALLS_PER_MOVE: u64 = 16;

/// What a thread passed between two cuts.
#[derive(Clone, Copy)]
pub(crate) struct Stretch {
    /// When it ended.
    pub(super) now_ns: u64,
    /// How much had reached the process by then.
    pub(super) arrivals: u64,
    pub(super) calls: u64,
    /// Doors that came to nothing, and readings of a clock.
    pub(super) idle: (u64, u64),
}

/// What a process has been at, of late.
#[derive(Default)]
pub(crate) struct Spin {
    since_ns: u64,
    /// How much had reached the process, bytes, connections, completions or signals, when the window began.
    arrivals: u64,
    calls: u64,
    idle: u64,
    worth: u64,
    told: bool,
}

impl Spin {
    /// A thread has passed `doors` doors since it was cut off last, of which `idle` moved nothing. Returns how many moved
    /// nothing in this window, if that is too much for the first time.
    fn add(&mut self, stretch: Stretch, worth_max: u64) -> Option<u64> {
        let Stretch { now_ns, arrivals, calls, idle: (vain, clock) } = stretch;
        if arrivals != self.arrivals || now_ns.saturating_sub(self.since_ns) > WINDOW_NS {
            *self = Self { since_ns: now_ns, arrivals, told: self.told, ..Self::default() };
        }
        self.calls += calls;
        self.idle += vain + clock;
        self.worth += vain * VAIN_WORTH + clock;
        let goes_round =
            self.worth >= worth_max && self.calls - self.idle.min(self.calls) <= self.calls / CALLS_PER_MOVE;
        (goes_round && !std::mem::replace(&mut self.told, true)).then_some(self.idle)
    }
}

/// What reached a process, and what it did meanwhile.
#[derive(Default)]
pub(crate) struct Activity {
    arrivals: u64,
    spin: Spin,
}

impl Activity {
    /// Something reached the process: bytes, a connection, a completion or a signal.
    #[inline]
    pub(crate) fn arrived(&mut self, count: u64) {
        self.arrivals += count;
    }

    /// How much has reached the process.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Adds a stretch of a thread; see [`Spin::add`].
    pub(crate) fn add(&mut self, stretch: Stretch, worth_max: u64) -> Option<u64> {
        self.spin.add(stretch, worth_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = SPIN_MAX;

    /// Cuts every `each_ns`, with the doors since the last.
    fn spun(preemptions: u64, each_ns: u64, calls: u64, idle: (u64, u64), arrives: impl Fn(u64) -> u64) -> Option<u64> {
        let mut spin = Spin::default();
        let stretch = |cut| Stretch { now_ns: cut * each_ns, arrivals: arrives(cut), calls, idle };
        (1..=preemptions).find_map(|cut| spin.add(stretch(cut), MAX))
    }

    #[test]
    fn readings_of_a_clock_and_nothing_else_go_round_when_there_are_too_many_in_a_second() {
        assert_eq!(spun(2_001, 50_000, 1_000, (0, 1_000), |_| 0), Some(MAX));
        assert_eq!(spun(100_000, 600_000, 1_000, (0, 1_000), |_| 0), None, "1 600 such stretches in a second");
    }

    #[test]
    fn doors_that_come_to_nothing_weigh_more() {
        assert_eq!(spun(101, 1_000_000, 1_000, (1_000, 0), |_| 0), Some(MAX / VAIN_WORTH));
    }

    #[test]
    fn what_is_at_work_between_does_not_go_round() {
        assert_eq!(spun(1_000_000, 50_000, 1_000, (0, 900), |_| 0), None);
    }

    #[test]
    fn what_something_reaches_does_not_go_round() {
        assert_eq!(spun(1_000_000, 50_000, 1_000, (0, 1_000), |cut| cut / 1_000), None);
    }
}
