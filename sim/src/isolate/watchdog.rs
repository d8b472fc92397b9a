//! The watchdog of a child: it tells a process that spins, and one that sleeps for real, from one that works, waits its turn
//! or is stopped. It looks and counts; it sends no signal.

use super::vitals::{State, Vitals};
use std::time::Duration;

/// The time between two looks at a child that shows no sign of life. A look counts for no longer than this, so that a
/// watchdog that was itself stopped accuses nobody.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// The processor time between two looks up to which a process counts as idle.
const IDLE: Duration = Duration::from_millis(1);

/// The bounds after which a child without a sign of life is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The processor time that it may use.
    pub cpu: Duration,
    /// The real time that it may sleep, while it is neither stopped nor kept waiting by the machine.
    pub asleep: Duration,
}

/// A child that shows no sign of life, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifeless {
    /// It uses the processor.
    Spins,
    /// It waits for something real, such as a lock.
    Sleeps,
}

/// Watches one child.
pub(super) struct Watchdog {
    bounds: Bounds,
    beats: u64,
    used: Duration,
    asleep: Duration,
    last: Option<Vitals>,
}

impl Watchdog {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, beats: 0, used: Duration::ZERO, asleep: Duration::ZERO, last: None }
    }

    /// Records a sign of life: the child has sent output.
    pub(super) fn alive(&mut self) {
        *self = Self { beats: self.beats, ..Self::new(self.bounds) };
    }

    /// Looks at the child: its signs of life so far, and its vitals if there is none since the last look.
    pub(super) fn look(&mut self, beats: u64, vitals: impl FnOnce() -> Vitals) -> Option<Lifeless> {
        if beats != self.beats {
            self.beats = beats;
            self.alive();
            return None;
        }
        let now = vitals();
        // The first look only begins the count.
        if let Some(last) = self.last.replace(now) {
            self.count(last, now);
        }
        if self.used >= self.bounds.cpu {
            Some(Lifeless::Spins)
        } else if self.asleep >= self.bounds.asleep {
            Some(Lifeless::Sleeps)
        } else {
            None
        }
    }

    fn count(&mut self, last: Vitals, now: Vitals) {
        let used = match (last.cpu, now.cpu) {
            (Some(last), Some(now)) => now.saturating_sub(last),
            // A system without this clock. A stopped process is still not accused.
            _ if now.state == State::Runs => LOOK,
            _ => Duration::ZERO,
        };
        self.used += used;
        match now.state {
            State::Sleeps if used <= IDLE => self.asleep += LOOK,
            // Whoever stopped it, or keeps it from running, ends that some time.
            State::Stopped | State::Waits => {}
            State::Sleeps | State::Runs => {
                if used > IDLE {
                    self.asleep = Duration::ZERO;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { cpu: Duration::from_secs(5), asleep: Duration::from_secs(5) };

    /// Looks at a child in this state that uses so much processor time between two looks; the number of looks until it is
    /// accused.
    fn accused(watchdog: &mut Watchdog, state: State, used: Duration, looks_max: u32) -> Option<(u32, Lifeless)> {
        let base = watchdog.last.and_then(|last| last.cpu).unwrap_or_default();
        (1..=looks_max).find_map(|look| {
            let cpu = Some(base + used * look);
            watchdog.look(7, || Vitals { cpu, state }).map(|lifeless| (look, lifeless))
        })
    }

    #[test]
    fn a_process_that_uses_the_processor_spins_after_its_bound() {
        let mut watchdog = Watchdog::new(BOUNDS);
        // Two looks for the first sign of life and the first count, and 5 s of 250 ms each.
        assert_eq!(accused(&mut watchdog, State::Runs, LOOK, 100), Some((22, Lifeless::Spins)));
    }

    #[test]
    fn a_starved_process_spins_after_the_same_processor_time() {
        let mut watchdog = Watchdog::new(BOUNDS);
        assert_eq!(accused(&mut watchdog, State::Runs, LOOK / 10, 1_000), Some((202, Lifeless::Spins)));
    }

    #[test]
    fn a_process_that_sleeps_is_told_from_one_that_spins() {
        let mut watchdog = Watchdog::new(BOUNDS);
        assert_eq!(accused(&mut watchdog, State::Sleeps, Duration::ZERO, 100), Some((22, Lifeless::Sleeps)));
    }

    #[test]
    fn a_stopped_or_waiting_process_is_not_accused_and_its_sleep_before_counts_on() {
        let mut watchdog = Watchdog::new(BOUNDS);
        assert_eq!(accused(&mut watchdog, State::Sleeps, Duration::ZERO, 12), None);
        for state in [State::Stopped, State::Waits] {
            assert_eq!(accused(&mut watchdog, state, Duration::ZERO, 1_000), None);
        }
        assert_eq!(accused(&mut watchdog, State::Sleeps, Duration::ZERO, 100), Some((10, Lifeless::Sleeps)));
    }

    #[test]
    fn a_sign_of_life_begins_the_count_again() {
        let mut watchdog = Watchdog::new(BOUNDS);
        assert_eq!(accused(&mut watchdog, State::Runs, LOOK, 21), None);
        watchdog.alive();
        assert_eq!(accused(&mut watchdog, State::Runs, LOOK, 20), None);
        assert_eq!(watchdog.look(8, || unreachable!("a sign of life needs no look")), None);
        assert_eq!(watchdog.used, Duration::ZERO);
    }

    #[test]
    fn a_process_that_works_now_and_then_is_not_asleep() {
        let mut watchdog = Watchdog::new(BOUNDS);
        assert_eq!(accused(&mut watchdog, State::Sleeps, Duration::from_millis(2), 1_000), None);
    }
}
