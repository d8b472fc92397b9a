//! What a scenario says about the clocks of its nodes.
//! Steps and drift as faults are in `fault`; what a clock shows is the room's business.

use crate::model::duration::nanoseconds;
use std::time::Duration;

/// A node's clocks: how far its wall clock is off when the run begins, and how fast both its clocks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    pub(crate) offset_ns: i64,
    pub(crate) ppm: i32,
}

impl Clock {
    /// A wall clock that shows this much too late a time.
    pub fn ahead(by: Duration) -> Self {
        Self { offset_ns: signed(by), ppm: 0 }
    }

    /// A wall clock that shows this much too early a time.
    pub fn behind(by: Duration) -> Self {
        Self { offset_ns: -signed(by), ppm: 0 }
    }

    /// Clocks that gain this many millionths (or lose them, if negative): 100 is a poor crystal, 500 is what Linux will
    /// still correct.
    ///
    /// # Panics
    /// If a second would become less than a tenth of one, or more than ten.
    pub fn drifting(self, ppm: i32) -> Self {
        assert!(
            (-900_000..=9_000_000).contains(&ppm),
            "a clock that gains {ppm} millionths: say -900000 to 9000000, a tenth to ten times the true rate"
        );
        Self { ppm, ..self }
    }
}

/// As far as a signed number of nanoseconds goes: 292 years.
fn signed(by: Duration) -> i64 {
    i64::try_from(nanoseconds(by)).unwrap_or(i64::MAX)
}
