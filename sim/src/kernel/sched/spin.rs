//! Spinning: a process makes calls without any effect, again and again, while nothing reaches it.
//! It ends nothing; `spin_detection.rs` reports it once in each incarnation.
//!
//! Detection costs a call nothing: it runs only where a thread is preempted, at about one call in a thousand. Calls
//! without effect (nothing to read, nothing ready, a yield, no descriptor left) are counted where they return; probes,
//! and the calls by which a process wakes itself, do not count; the share of clock readings is estimated from the calls
//! at which threads are preempted, which are a fair sample.

/// The window of a process's time that is judged as a whole.
const WINDOW_NS: u64 = 1_000_000_000;

/// The weight of a call without effect, in readings of a clock: a yield takes 21 times as long, and a thread that polls
/// again and again for something that is not there is less likely to be measuring time.
const FRUITLESS_WORTH: u64 = 20;

/// The default bound of spinning in a window, in readings of a clock: a tenth of the window if the process does nothing
/// else. Calibrating a clock or measuring itself takes less.
pub const SPIN_MAX: u64 = 2_000_000;

/// One call in this many may have an effect, and the process still spins.
const CALLS_PER_MOVE: u64 = 16;

/// The calls of a thread between two preemptions.
#[derive(Clone, Copy)]
pub(crate) struct Stretch {
    /// The time of its end.
    pub(super) now_ns: u64,
    /// The process's arrivals by then.
    pub(super) arrivals: u64,
    pub(super) calls: u64,
    /// Calls without effect, and readings of a clock.
    pub(super) idle: (u64, u64),
}

/// The calls of a process in the present window.
#[derive(Default)]
pub(crate) struct Spin {
    since_ns: u64,
    /// The process's arrivals when the window began.
    arrivals: u64,
    calls: u64,
    idle: u64,
    worth: u64,
    reported: bool,
}

impl Spin {
    /// Adds a stretch. Returns the number of calls without effect in this window, if they exceed the bound for the
    /// first time.
    fn add(&mut self, stretch: Stretch, worth_max: u64) -> Option<u64> {
        let Stretch { now_ns, arrivals, calls, idle: (fruitless, clock) } = stretch;
        if arrivals != self.arrivals || now_ns.saturating_sub(self.since_ns) > WINDOW_NS {
            *self = Self { since_ns: now_ns, arrivals, reported: self.reported, ..Self::default() };
        }
        self.calls += calls;
        self.idle += fruitless + clock;
        self.worth += fruitless * FRUITLESS_WORTH + clock;
        let spins = self.worth >= worth_max && self.calls - self.idle.min(self.calls) <= self.calls / CALLS_PER_MOVE;
        (spins && !std::mem::replace(&mut self.reported, true)).then_some(self.idle)
    }
}

/// The arrivals of a process, bytes, connections, completions or signals, and its calls.
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

    /// The number of arrivals so far.
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

    /// Preempts every `each_ns`, with the calls since the last preemption.
    fn spun(preemptions: u64, each_ns: u64, calls: u64, idle: (u64, u64), arrives: impl Fn(u64) -> u64) -> Option<u64> {
        let mut spin = Spin::default();
        let stretch = |nth| Stretch { now_ns: nth * each_ns, arrivals: arrives(nth), calls, idle };
        (1..=preemptions).find_map(|nth| spin.add(stretch(nth), MAX))
    }

    #[test]
    fn readings_of_a_clock_alone_are_a_spin_when_there_are_too_many_in_a_second() {
        assert_eq!(spun(2_001, 50_000, 1_000, (0, 1_000), |_| 0), Some(MAX));
        assert_eq!(spun(100_000, 600_000, 1_000, (0, 1_000), |_| 0), None, "1 600 such stretches in a second");
    }

    #[test]
    fn calls_without_effect_weigh_more() {
        assert_eq!(spun(101, 1_000_000, 1_000, (1_000, 0), |_| 0), Some(MAX / FRUITLESS_WORTH));
    }

    #[test]
    fn a_process_that_works_in_between_does_not_spin() {
        assert_eq!(spun(1_000_000, 50_000, 1_000, (0, 900), |_| 0), None);
    }

    #[test]
    fn a_process_with_arrivals_does_not_spin() {
        assert_eq!(spun(1_000_000, 50_000, 1_000, (0, 1_000), |nth| nth / 1_000), None);
    }
}
