//! Durations in nanoseconds, and as text.

use std::time::Duration;

/// A duration in whole nanoseconds, at most `u64::MAX` of them (584 years).
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A duration for a sentence: `30 s`, `1.4 ms`, `250 µs`.
pub(crate) fn span(ns: u64) -> String {
    let (unit_ns, unit): (u64, &str) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let tenths = (u128::from(ns) * 10 + u128::from(unit_ns) / 2) / u128::from(unit_ns);
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {unit}"),
        (whole, tenth) => format!("{whole}.{tenth} {unit}"),
    }
}

/// A moment of a run in seconds, to the millisecond: `0.440`.
pub(crate) fn moment(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_at_most_one_decimal() {
        let shown: Vec<String> = [999, 1_400, 1_400_000, 30_000_000_000, 2_950_000_000].map(span).into();
        assert_eq!(shown, ["999 ns", "1.4 µs", "1.4 ms", "30 s", "3 s"]);
    }
}
