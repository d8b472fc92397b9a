//! The clocks of a scenario's nodes. Clock steps and drift as faults are in `fault`.

use crate::model::duration::nanoseconds;
use std::time::Duration;

/// A node's clocks: the offset of its wall clock when the run begins, and the rate of all its clocks. The default is the true time
/// and the true rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    offset_ns: i64,
    ppm: i32,
}

impl Clock {
    /// The offset of the wall clock when the run begins, in nanoseconds.
    pub(crate) fn offset_ns(self) -> i64 {
        self.offset_ns
    }

    /// The drift, in parts per million.
    pub(crate) fn ppm(self) -> i32 {
        self.ppm
    }

    /// A wall clock that is fast by this much.
    pub fn ahead(by: Duration) -> Self {
        Self { offset_ns: signed(by), ppm: 0 }
    }

    /// A wall clock that is slow by this much.
    pub fn behind(by: Duration) -> Self {
        Self { offset_ns: -signed(by), ppm: 0 }
    }

    /// Clocks that gain this many parts per million, or lose them if it is negative. 100 ppm is a poor crystal; Linux corrects up
    /// to 500 ppm. The default is 0.
    ///
    /// # Panics
    /// If `ppm` is not in -900 000 to 9 000 000, a tenth to ten times the true rate.
    #[track_caller]
    pub fn drifting(self, ppm: i32) -> Self {
        assert!(
            (-900_000..=9_000_000).contains(&ppm),
            "a drift of {ppm} ppm: write -900000 to 9000000, a tenth to ten times the true rate"
        );
        Self { ppm, ..self }
    }
}

/// Nanoseconds, at most 292 years.
fn signed(by: Duration) -> i64 {
    i64::try_from(nanoseconds(by)).unwrap_or(i64::MAX)
}
