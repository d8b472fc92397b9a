//! The ranges from which bounds of faults are drawn, checked when a scenario gives them.

use crate::model::duration::nanoseconds;
use std::time::Duration;

/// A range of durations in nanoseconds, the shorter one first.
#[track_caller]
pub(super) fn ordered(low: Duration, high: Duration) -> (u64, u64) {
    assert!(low <= high, "a range from {low:?} to {high:?} runs backwards: give the shorter one first");
    (nanoseconds(low), nanoseconds(high))
}

/// A tenth of a duration up to all of it, in nanoseconds.
pub(super) fn up_to(longest: Duration) -> (u64, u64) {
    (nanoseconds(longest) / 10, nanoseconds(longest))
}

/// A rate in thousandths.
#[track_caller]
pub(super) fn rate(per_mille: u16) -> u16 {
    assert!((1..=1_000).contains(&per_mille), "a rate of {per_mille} in a thousand: it must be 1 to 1000");
    per_mille
}
