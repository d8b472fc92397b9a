//! Days and times of the Gregorian calendar, in UTC. It knows no time zones and no leap seconds.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_S: i64 = 86_400;

/// The day of a time: `2026-11-30`. `None` before 1970 and after 9999.
pub(crate) fn day(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let (year, month, day) = date_of(i64::try_from(seconds).ok()? / DAY_S);
    (year <= 9_999).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// The nanoseconds since 1970 of an RFC 3339 timestamp: `2026-11-30T12:00:00.25Z`, `2026-11-30 13:00:00+01:00`.
pub(crate) fn parse_timestamp_ns(text: &str) -> Option<u64> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (hour, rest) = number(rest.strip_prefix(['T', 't', ' '])?, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = number(rest.strip_prefix(':')?, 2)?;
    // 60 is a leap second, which is told as the one before.
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction_ns, zone) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let seconds = day_of(year, month, day) * DAY_S + hour * 3_600 + minute * 60 + second.min(59) - offset_s(zone)?;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(fraction_ns)
}

/// A number of so many digits, and the text after it.
fn number(text: &str, digits: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| is_number)?, rest))
}

/// The nanoseconds of a fraction, whose point has been read, and the text after it. Digits beyond the ninth do not count.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
    Some((nine.parse().ok()?, rest)).filter(|_| !digits.is_empty())
}

/// The seconds by which a zone is ahead of UTC: `Z`, `+01:00`.
fn offset_s(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = number(zone.strip_prefix(['+', '-'])?, 2)?;
    let (minutes, rest) = number(rest.strip_prefix(':')?, 2)?;
    (rest.is_empty() && hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970-01-01 to this date. Years begin in March here, so that a leap day is the last of its year.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // The 719 468 days from 0000-03-01 to 1970-01-01.
    year * 365 + leap_days + day_of_year - 719_468
}

/// The year, month and day of this many days after 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    // A year has 365.2425 days on average; the estimate is late by a year at most.
    let mut year = 1970 + days * 400 / 146_097 + 1;
    while day_of(year, 1, 1) > days {
        year -= 1;
    }
    let mut month = 12;
    while day_of(year, month, 1) > days {
        month -= 1;
    }
    (year, month, days - day_of(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn days_have_their_dates() {
        let at = |days: u64| day(UNIX_EPOCH + Duration::from_secs(days * 86_400 + 86_399));
        let expected = [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_787, "2026-11-30")];
        for (days, date) in expected {
            assert_eq!(at(days).as_deref(), Some(date));
        }
        for days in 0..200_000 {
            let (year, month, day) = date_of(days);
            assert_eq!(day_of(year, month, day), days);
            assert!((1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day));
        }
        assert_eq!(day(UNIX_EPOCH - Duration::from_secs(1)), None);
        assert_eq!(at(2_932_896).as_deref(), Some("9999-12-31"));
        assert_eq!(at(2_932_897), None);
    }

    #[test]
    fn timestamps_are_read_with_their_fractions_and_zones() {
        let ns = parse_timestamp_ns;
        assert_eq!(ns("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(ns("2026-11-30T12:00:00.25Z"), Some(1_796_040_000_250_000_000));
        assert_eq!(ns("2026-11-30T13:00:00.250000000999+01:00"), ns("2026-11-30t12:00:00.25z"));
        assert_eq!(ns("2026-11-30 06:30:00-05:30"), ns("2026-11-30T12:00:00Z"));
        for text in [
            "",
            "2026-11-30",
            "2026-11-30T12:00:00",
            "2026-11-30T12:00:00.Z",
            "2026-13-30T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "2026-11-30T24:00:00Z",
            "+026-11-30T12:00:00Z",
            "2026-11-30T12:00:00+1",
            "1969-12-31T23:59:59Z",
            "2026-11-30T12:00:00ZZ",
            "９026-11-30T12:00:00Z",
        ] {
            assert_eq!(ns(text), None, "{text}");
        }
    }
}
