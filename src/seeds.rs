//! How many runs, and for how long: `0..10000`, `500`, `2h`.
//! It reads what a person writes; it runs nothing.

use std::ops::Range;
use std::time::Duration;

/// The seeds of `0..10000` or `500`.
pub(crate) fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |part: &str| {
        let digits = part.trim().replace('_', "");
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = plain.then(|| digits.parse::<u64>().ok()).flatten();
        number.ok_or_else(|| format!("`{text}` is not a range of seeds"))
    };
    let range = match text.split_once("..") {
        Some((from, to)) => number(from)?..number(to)?,
        None => 0..number(text)?,
    };
    if range.is_empty() {
        return Err(format!("`{text}` holds no seed"));
    }
    Ok(range)
}

/// The duration of `2h`, `90s`, `1h30m`, `500ms`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let unreadable = || format!("`{text}` is not a duration");
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(unreadable());
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(unreadable)?;
        let count: u64 = rest[..digits].parse().map_err(|_| unreadable())?;
        let unit_end = rest[digits..].find(|letter: char| letter.is_ascii_digit()).map_or(rest.len(), |at| at + digits);
        let unit_ms = match &rest[digits..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(unreadable()),
        };
        let part_ms = count.checked_mul(unit_ms).ok_or_else(unreadable)?;
        total = total.checked_add(Duration::from_millis(part_ms)).ok_or_else(unreadable)?;
        rest = &rest[unit_end..];
    }
    if total.is_zero() {
        return Err(format!("`{text}` is no time at all"));
    }
    Ok(total)
}

/// What to write instead of a range that cannot be read.
pub(crate) const SEEDS_NEXT: &str = "write a range like 0..10000, or a number like 500 for the first 500 seeds";

/// What to write instead of a duration that cannot be read.
pub(crate) const DURATION_NEXT: &str = "write a number and a unit: 90s, 20m, 2h, 1h30m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_the_first_so_many_seeds() {
        assert_eq!(parse_seeds("500"), Ok(0..500));
        assert_eq!(parse_seeds("7..10_000"), Ok(7..10_000));
    }

    #[test]
    fn a_range_that_is_none_is_named() {
        assert_eq!(parse_seeds("5..2"), Err("`5..2` holds no seed".into()));
        assert_eq!(parse_seeds("0"), Err("`0` holds no seed".into()));
        for text in ["x", "", "..", "1..", "-3", "+3", "1..2..3", "99999999999999999999"] {
            assert_eq!(parse_seeds(text), Err(format!("`{text}` is not a range of seeds")));
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "2", "h", "2 hours", "99999999999999999999h"] {
            assert_eq!(parse_duration(text), Err(format!("`{text}` is not a duration")));
        }
        assert_eq!(parse_duration("0s"), Err("`0s` is no time at all".into()));
    }
}
