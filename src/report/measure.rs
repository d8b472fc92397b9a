//! Numbers as text: `2 911`, `1.4 ms`, `0.440`.
//! All arithmetic is in integers. Digits are cut off, never rounded up.

use std::time::Duration;

/// A count with its thousands separated: `2 911`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 run`, `2 911 runs`.
pub(crate) fn plural(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A span of time: `1.4 ms`, `30 s`, `2 min 5 s`.
pub(crate) fn span(ns: u64) -> String {
    let scaled = |unit_ns: u64, unit: &str| {
        let (whole, tenth) = (ns / unit_ns, ns % unit_ns / (unit_ns / 10).max(1));
        if whole >= 10 || tenth == 0 { format!("{} {unit}", count(whole)) } else { format!("{whole}.{tenth} {unit}") }
    };
    let pair = |seconds: u64, big_s: u64, big: &str, small_s: u64, small: &str| match seconds % big_s / small_s {
        0 => format!("{} {big}", count(seconds / big_s)),
        rest => format!("{} {big} {rest} {small}", count(seconds / big_s)),
    };
    match (ns, ns / 1_000_000_000) {
        (0..1_000, _) => format!("{ns} ns"),
        (1_000..1_000_000, _) => scaled(1_000, "µs"),
        (_, 0) => scaled(1_000_000, "ms"),
        (_, 1..60) => scaled(1_000_000_000, "s"),
        (_, seconds @ 60..3_600) => pair(seconds, 60, "min", 1, "s"),
        (_, seconds) => pair(seconds, 3_600, "h", 60, "min"),
    }
}

pub(super) use crate::model::duration::moment;

/// The moments of neighbouring rows, in seconds: to the millisecond, and to the microsecond where a neighbour has the same
/// millisecond and another microsecond. The points of all are in one column if the rows are aligned at the right.
pub(super) fn moments(times_ns: &[u64]) -> Vec<String> {
    let close = |one: u64, other: u64| one / 1_000_000 == other / 1_000_000 && one / 1_000 != other / 1_000;
    let neighbours = |at: usize| at.checked_sub(1).into_iter().chain([at + 1]).filter_map(|at| times_ns.get(at));
    let is_fine = |at: usize| neighbours(at).any(|neighbour| close(times_ns[at], *neighbour));
    let padding = if (0..times_ns.len()).any(is_fine) { "    " } else { "" };
    let text = |(at, ns): (usize, &u64)| match is_fine(at) {
        true => format!("{} {:03}", moment(*ns), ns / 1_000 % 1_000),
        false => moment(*ns) + padding,
    };
    times_ns.iter().enumerate().map(text).collect()
}

/// Elapsed real time: `0.8 s`, `4 min 10 s`.
pub(crate) fn elapsed(time: Duration) -> String {
    span(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// A size: `8 MiB`, `1.5 GiB`, `700 B`.
pub(super) fn bytes(size: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    let unit = (size.ilog2() / 10) as usize;
    let tenths = (u128::from(size) * 10) >> (10 * unit);
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {}", UNITS[unit - 1]),
        (whole, tenth) => format!("{whole}.{tenth} {}", UNITS[unit - 1]),
    }
}

/// The name of an error number that a disk returns: `EIO`.
pub(super) fn errno_name(errno: i32) -> String {
    let name = match errno {
        2 => "ENOENT",
        5 => "EIO",
        28 => "ENOSPC",
        30 => "EROFS",
        other => return format!("error {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1 000", "1 234 567"]);
        assert_eq!([1, 2].map(|number| plural(number, "run")), ["1 run", "2 runs"]);
    }

    #[test]
    fn spans_have_two_places_at_most() {
        let spans = [0, 999, 1_400_000, 431_000_000, 30_000_000_000, 9_990_000_000, 125_000_000_000, 7_260_000_000_000];
        let read = ["0 ns", "999 ns", "1.4 ms", "431 ms", "30 s", "9.9 s", "2 min 5 s", "2 h 1 min"];
        assert_eq!(spans.map(span), read);
    }

    #[test]
    fn sizes_are_in_powers_of_two() {
        let sizes = [0, 1_023, 1_024, 1_536, 8 << 20, u64::MAX];
        assert_eq!(sizes.map(bytes), ["0 B", "1023 B", "1 KiB", "1.5 KiB", "8 MiB", "15.9 EiB"]);
    }

    #[test]
    fn moments_are_to_the_millisecond() {
        assert_eq!([0, 440_999_999, 61_000_000_000].map(moment), ["0.000", "0.440", "61.000"]);
    }

    #[test]
    fn moments_are_to_the_microsecond_where_milliseconds_do_not_tell_them_apart() {
        assert_eq!(moments(&[1_000_000, 2_000_000, 2_000_999]), ["0.001", "0.002", "0.002"]);
        let times = [4_575_000_000, 4_576_012_000, 4_576_340_000, 12_000_000_000, 12_000_000_000];
        assert_eq!(moments(&times), ["4.575    ", "4.576 012", "4.576 340", "12.000    ", "12.000    "]);
        assert!(moments(&[]).is_empty());
    }
}
