//! The budget of a campaign, parsed from text: seeds, shards, durations and moments.
//! It runs nothing.

use crate::model::refusal::Refusal;
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The number of seeds per day under `date`: more than one night can run.
const SEEDS_A_DAY: u64 = 1_000_000_000;

const DAY_S: u64 = 86_400;

/// One of several campaigns that split the seeds between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    number: u64,
    of: u64,
}

impl Default for Shard {
    fn default() -> Self {
        Self { number: 1, of: 1 }
    }
}

impl Shard {
    /// Returns whether a seed belongs to this shard.
    pub(crate) fn has(self, seed: u64) -> bool {
        seed % self.of == self.number - 1
    }

    /// The number of these seeds that belong to this shard.
    pub(crate) fn count(self, seeds: &Range<u64>) -> u64 {
        let below = |end: u64| end / self.of + u64::from(end % self.of >= self.number);
        below(seeds.end) - below(seeds.start)
    }
}

/// Parses a shard: `2/4` is the second of four.
pub(crate) fn parse_shard(text: &str) -> Result<Shard, String> {
    let number = |part: &str| part.trim().parse::<u64>().ok();
    match text.split_once('/').map(|(first, of)| (number(first), number(of))) {
        Some((Some(number), Some(of))) if (1..=of).contains(&number) => Ok(Shard { number, of }),
        Some((Some(number), Some(of))) => Err(format!("there is no shard {number} of {of}")),
        _ => Err(format!("`{text}` is not a shard")),
    }
}

/// Today's seeds, by UTC. Each day has its own, and a seed identifies its run as always.
fn seeds_of_today() -> Range<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    seeds_of_day(now.as_secs() / DAY_S)
}

/// The names of the settings that choose seeds and end a campaign, for a refusal.
pub(crate) struct Limit {
    /// The setting with the seeds: `--seeds`.
    pub(crate) seeds: &'static str,
    /// The next step: a setting that ends the campaign.
    pub(crate) next: &'static str,
}

/// Refuses all seeds of a day where no time ends the campaign: they would take months.
pub(crate) fn check_ends(seeds: &Range<u64>, time: Option<Duration>, limit: &Limit) -> Result<(), Refusal> {
    let is_day = seeds.start.is_multiple_of(SEEDS_A_DAY) && seeds.end - seeds.start == SEEDS_A_DAY;
    if time.is_some() || !is_day || seeds.start == 0 {
        return Ok(());
    }
    let why = format!("{} date has a thousand million seeds, and nothing ends the campaign before", limit.seeds);
    Err(Refusal::new(why, limit.next))
}

fn seeds_of_day(day: u64) -> Range<u64> {
    day * SEEDS_A_DAY..(day + 1) * SEEDS_A_DAY
}

/// Parses seeds: `0..10000`, `500` or `date`.
pub(crate) fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    if text == "date" {
        return Ok(seeds_of_today());
    }
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
        return Err(format!("`{text}` is an empty range"));
    }
    Ok(range)
}

/// Parses a duration: `2h`, `90s`, `1h30m`, `500ms`.
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
        return Err(format!("`{text}` is a duration of zero"));
    }
    Ok(total)
}

/// Parses a moment of a run, in nanoseconds: `0.44s`, `440ms`, `2m` or `0.44`.
pub(crate) fn parse_moment(text: &str) -> Result<u64, String> {
    let unreadable = || format!("`{text}` is not a moment");
    let text_of = text.trim();
    let number = text_of.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text_of.len());
    let unit_ns: u64 = match text_of[number..].trim() {
        "" | "s" => 1_000_000_000,
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(unreadable()),
    };
    let (whole, part) = text_of[..number].split_once('.').unwrap_or((&text_of[..number], ""));
    if (whole.is_empty() && part.is_empty()) || part.len() > 9 || part.contains('.') {
        return Err(unreadable());
    }
    let digits = part.len() as u32;
    let read = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<u64>().ok() };
    let whole_ns = read(whole).and_then(|whole| whole.checked_mul(unit_ns));
    // At most nine digits of at most an hour, so it fits.
    let part_ns = read(part).map(|part| u128::from(part) * u128::from(unit_ns) / 10_u128.pow(digits));
    let part_ns = part_ns.and_then(|part_ns| u64::try_from(part_ns).ok());
    let moment = whole_ns.zip(part_ns).and_then(|(whole_ns, part_ns)| whole_ns.checked_add(part_ns));
    moment.ok_or_else(unreadable)
}

/// The next step for an invalid range of seeds.
pub(crate) const SEEDS_NEXT: &str = "write a range such as 0..10000, a count such as 500, or date for today's seeds";

/// The next step for an invalid shard.
pub(crate) const SHARD_NEXT: &str = "write M/N: 2/4 is the second of four shards";

/// The next step for an invalid moment.
pub(crate) const MOMENT_NEXT: &str = "write a number and a unit, such as 0.44s, 440ms or 2m";

/// The next step for an invalid duration.
pub(crate) const DURATION_NEXT: &str = "write a number and a unit, such as 90s, 20m, 2h or 1h30m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_exact_to_the_nanosecond() {
        let moments = ["0.44s", "440ms", "0.440", ".5", "2m", "1.000000001s", "7ns", "0"];
        let ns = [440_000_000, 440_000_000, 440_000_000, 500_000_000, 120_000_000_000, 1_000_000_001, 7, 0];
        assert_eq!(moments.map(|text| parse_moment(text).expect("it is a moment")), ns);
        for text in ["", ".", "s", "1.2.3s", "-1s", "1.0000000001s", "1 day", "999999999999999h"] {
            assert!(parse_moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_single_number_is_a_count_of_seeds_from_zero() {
        assert_eq!(parse_seeds("500"), Ok(0..500));
        assert_eq!(parse_seeds("7..10_000"), Ok(7..10_000));
    }

    #[test]
    fn an_invalid_range_is_quoted() {
        assert_eq!(parse_seeds("5..2"), Err("`5..2` is an empty range".into()));
        assert_eq!(parse_seeds("0"), Err("`0` is an empty range".into()));
        for text in ["x", "", "..", "1..", "-3", "+3", "1..2..3", "99999999999999999999"] {
            assert_eq!(parse_seeds(text), Err(format!("`{text}` is not a range of seeds")));
        }
    }

    #[test]
    fn every_seed_is_in_one_shard() {
        for of in 1..7 {
            let shards: Vec<Shard> = (1..=of).map(|number| Shard { number, of }).collect();
            assert!((0..50).all(|seed| shards.iter().filter(|shard| shard.has(seed)).count() == 1));
            for seeds in [0..1, 0..50, 13..29, 7..8] {
                let counts: Vec<u64> = shards.iter().map(|shard| shard.count(&seeds)).collect();
                let met = shards.iter().map(|shard| seeds.clone().filter(|seed| shard.has(*seed)).count() as u64);
                assert_eq!(counts, met.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn an_invalid_shard_is_explained() {
        assert_eq!(parse_shard("2/4"), Ok(Shard { number: 2, of: 4 }));
        for (text, why) in
            [("0/4", "there is no shard 0 of 4"), ("5/4", "there is no shard 5 of 4"), ("2", "`2` is not a shard")]
        {
            assert_eq!(parse_shard(text), Err(why.into()));
        }
    }

    #[test]
    fn the_seeds_of_a_day_need_a_time() {
        let (today, limit) = (seeds_of_day(20_000), Limit { seeds: "--seeds", next: "add a time: --for 2h" });
        let refusal = check_ends(&today, None, &limit).expect_err("it would not end");
        assert_eq!(refusal.next, "add a time: --for 2h");
        assert_eq!(check_ends(&today, Some(Duration::from_secs(1)), &limit), Ok(()));
        assert_eq!(check_ends(&(0..10_000), None, &limit), Ok(()));
    }

    #[test]
    fn each_day_has_its_own_seeds() {
        assert_eq!(seeds_of_day(20_000).end, seeds_of_day(20_001).start);
        assert!(parse_seeds("date").is_ok_and(|seeds| seeds.start >= seeds_of_day(20_000).start));
        assert_eq!(parse_seeds("dates"), Err("`dates` is not a range of seeds".into()));
    }

    #[test]
    fn durations_are_parsed_with_their_units() {
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "2", "h", "2 hours", "99999999999999999999h"] {
            assert_eq!(parse_duration(text), Err(format!("`{text}` is not a duration")));
        }
        assert_eq!(parse_duration("0s"), Err("`0s` is a duration of zero".into()));
    }
}
