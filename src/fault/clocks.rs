//! Faults of clocks: steps of a wall clock, and clocks that run fast or slow for a while.
//! Which of them strikes, and when, `draw` decides.

use super::draw::{Faults, Kind, ordered};
use super::plan::Fault;
use crate::model::duration::nanoseconds;
use std::time::Duration;

/// How far and how long clocks go wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct ClockFaults {
    step_ns: (u64, u64),
    ppm_max: u32,
    drift_ns: (u64, u64),
}

impl Faults {
    /// Wall clocks that jump by between these, forward or back, and stay there. Monotonic time goes on as it did.
    pub fn clock_steps(mut self, low: Duration, high: Duration) -> Self {
        self.clocks.step_ns = ordered(low, high);
        self.allow(Kind::ClockStep)
    }

    /// Clocks that run fast or slow by up to so many millionths for a while; what they gained or lost stays.
    ///
    /// # Panics
    /// If a second could become less than a tenth of one.
    pub fn clock_drift(mut self, ppm_max: u32, for_at_most: Duration) -> Self {
        assert!(ppm_max <= 900_000, "a drift of {ppm_max} millionths: at most 900000, a tenth of the true rate");
        self.clocks.ppm_max = ppm_max;
        self.clocks.drift_ns = (nanoseconds(for_at_most) / 10, nanoseconds(for_at_most));
        self.allow(Kind::ClockDrift)
    }
}

impl ClockFaults {
    /// Draws a step; `between` answers a numbered question with a number from a range.
    pub(super) fn step(&self, node: u16, between: &impl Fn(u64, (u64, u64)) -> u64) -> Fault {
        let by_ns = i64::try_from(between(30, self.step_ns)).unwrap_or(i64::MAX);
        Fault::StepClock { node, by_ns: if between(31, (0, 1)) == 1 { -by_ns } else { by_ns } }
    }

    /// Draws a drift.
    pub(super) fn drift(&self, node: u16, between: &impl Fn(u64, (u64, u64)) -> u64) -> Fault {
        let ppm = between(32, (0, 2 * u64::from(self.ppm_max))) as i64 - i64::from(self.ppm_max);
        Fault::SkewClock { node, ppm: ppm as i32, for_ns: between(33, self.drift_ns) }
    }
}
