//! The `AFTERLIFE_*` environment variables, parsed.
//! It does not apply them: the command line overrides them, and they override the defaults.

use crate::failure::token::Token;
use crate::model::env::{RUNNER, SWITCH};
use crate::model::nearest::nearest;
use crate::model::refusal::Refusal;
use crate::run::log_filter::{Filter, LOG_NEXT};
use crate::search::budget::{DURATION_NEXT, SEEDS_NEXT, parse_duration, parse_seeds};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// The command that the user typed, for the commands that reports suggest. `cargo afterlife` sets it.
pub(crate) const CALLED: &str = "AFTERLIFE_CALLED";

/// Set by `cargo afterlife keep TOKEN`: a test that replays a token adds the run to its regressions.
pub(crate) const KEEP: &str = "AFTERLIFE_KEEP";

const PREFIX: &str = "AFTERLIFE_";

const KNOWN: [&str; 10] = [
    "AFTERLIFE_REPLAY",
    "AFTERLIFE_SEED",
    "AFTERLIFE_SEEDS",
    "AFTERLIFE_TIME",
    "AFTERLIFE_SEARCH",
    "AFTERLIFE_OUT",
    "AFTERLIFE_LOG",
    "AFTERLIFE_SHRINK",
    "AFTERLIFE_KEPT",
    SWITCH,
];

/// The parsed variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    /// `AFTERLIFE_REPLAY`: run this token and nothing else.
    pub(crate) replay: Option<String>,
    /// `AFTERLIFE_KEEP`: add the run of that token to the regressions.
    pub(crate) keep: bool,
    /// `AFTERLIFE_SEEDS`, or the one seed of `AFTERLIFE_SEED`.
    pub(crate) seeds: Option<Range<u64>>,
    /// `AFTERLIFE_TIME`: search for this long.
    pub(crate) time: Option<Duration>,
    /// `AFTERLIFE_OUT`: the folder for findings.
    pub(crate) out: Option<PathBuf>,
    /// `AFTERLIFE_LOG`: the lines of programs that a replay shows.
    pub(crate) log: Option<Filter>,
    /// `AFTERLIFE_KEPT`: the folder of regressions.
    pub(crate) regressions: Option<PathBuf>,
    /// `AFTERLIFE_SHRINK`: the most replays that shrinking a finding may cost.
    pub(crate) shrink: Option<u64>,
    /// `AFTERLIFE_CALLED`: the command that the user typed.
    pub(crate) called: Option<String>,
    /// The folder for findings where nothing names one, if it is not that of this program.
    pub(crate) usual_out: Option<PathBuf>,
    /// Warnings about unknown variables with our prefix, each with the likely name.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// The settings of this process.
    pub(crate) fn of_this_process() -> Result<Self, Refusal> {
        Self::read(std::env::vars_os().filter_map(|(name, value)| {
            // A name that is not UTF-8 is not ours. A value that is not UTF-8 does not parse, and the error shows it.
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        }))
    }

    /// The same in a workspace whose findings are in this folder, for a command that the user calls so.
    pub(crate) fn of_workspace(self, called: &str, out: PathBuf) -> Self {
        Self { called: Some(called.to_owned()), usual_out: Some(out), ..self }
    }

    /// The settings among these variables.
    pub(crate) fn read(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Refusal> {
        let mut settings = Self::default();
        let mut ours: Vec<_> = variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        ours.sort();
        for (name, value) in ours {
            let refused = |why: String, next: &str| Refusal::new(format!("{name}: {why}"), next);
            match name.as_str() {
                RUNNER => {}
                CALLED => settings.called = Some(value),
                KEEP => settings.keep = true,
                SWITCH => parse_switch(&value).map_err(|why| refused(why, SWITCH_NEXT))?,
                "AFTERLIFE_REPLAY" => {
                    value.parse::<Token>().map_err(|error| refused(error.to_string(), &error.next()))?;
                    settings.replay = Some(value);
                }
                "AFTERLIFE_OUT" => settings.out = Some(PathBuf::from(value)),
                "AFTERLIFE_KEPT" => settings.regressions = Some(PathBuf::from(value)),
                "AFTERLIFE_LOG" => {
                    settings.log = Some(Filter::read(&value).map_err(|why| refused(why, LOG_NEXT))?);
                }
                "AFTERLIFE_SEEDS" => {
                    settings.seeds = Some(parse_seeds(&value).map_err(|why| refused(why, SEEDS_NEXT))?);
                }
                "AFTERLIFE_SEED" => settings.seeds = Some(parse_seed(&value).map_err(|why| refused(why, SEED_NEXT))?),
                "AFTERLIFE_TIME" => {
                    settings.time = Some(parse_duration(&value).map_err(|why| refused(why, DURATION_NEXT))?);
                }
                "AFTERLIFE_SHRINK" => {
                    let replays = value
                        .trim()
                        .parse()
                        .map_err(|_| refused(format!("`{value}` is not a number of replays"), SHRINK_NEXT))?;
                    settings.shrink = Some(replays);
                }
                "AFTERLIFE_SEARCH" => parse_search(&value).map_err(|why| refused(why, SEARCH_NEXT))?,
                _ => settings.warnings.push(unknown(&name)),
            }
        }
        if settings.keep && settings.replay.is_none() {
            return Err(Refusal::new(
                format!("{KEEP} keeps the run of a token, and there is none"),
                "set AFTERLIFE_REPLAY to the token, or unset it",
            ));
        }
        Ok(settings)
    }
}

/// Checks the name of a search. There is only one so far.
pub(crate) fn parse_search(text: &str) -> Result<(), String> {
    if text == "random" { Ok(()) } else { Err(format!("unknown search `{text}`")) }
}

/// Checks the kind of context switch. The runner reads the variable itself.
fn parse_switch(text: &str) -> Result<(), String> {
    if matches!(text, "user-space" | "futex") {
        Ok(())
    } else {
        Err(format!("`{text}` is not a kind of context switch"))
    }
}

const SWITCH_NEXT: &str = "write user-space (the default) or futex";

/// The next step for an unknown search.
pub(crate) const SEARCH_NEXT: &str = "write random, the only search so far";

/// The next step for an invalid number of replays.
pub(crate) const SHRINK_NEXT: &str = "write the maximum number of replays for a finding, or 0 to leave plans as drawn";

const SEED_NEXT: &str = "write one number, or use AFTERLIFE_SEEDS for a range";

fn parse_seed(text: &str) -> Result<Range<u64>, String> {
    let seed = text.trim().parse::<u64>().ok();
    let past = seed.and_then(|seed| seed.checked_add(1));
    seed.zip(past).map(|(seed, past)| seed..past).ok_or_else(|| format!("`{text}` is not a seed"))
}

fn unknown(name: &str) -> String {
    match nearest(name, KNOWN).first() {
        Some(meant) => format!("unknown variable {name}; did you mean {meant}?"),
        None => format!("unknown variable {name}; the known ones are {}", KNOWN.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Refusal> {
        Settings::read(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn known_variables_are_read_and_others_are_ignored() {
        let settings = read(&[("PATH", "/bin"), ("AFTERLIFE_SEEDS", "3..9"), ("AFTERLIFE_TIME", "2m"), (RUNNER, "1")]);
        let expected = Settings { seeds: Some(3..9), time: Some(Duration::from_secs(120)), ..Settings::default() };
        assert_eq!(settings, Ok(expected));
    }

    #[test]
    fn one_seed_is_a_range_of_one() {
        assert_eq!(read(&[("AFTERLIFE_SEED", "47")]).map(|settings| settings.seeds), Ok(Some(47..48)));
    }

    #[test]
    fn a_mistyped_variable_gives_a_warning_with_the_nearest_name() {
        let settings =
            read(&[("AFTERLIFE_REPLYA", "x"), ("AFTERLIFE_X_Y_Z_COLOUR", "x")]).expect("both only give warnings");
        insta::assert_snapshot!(settings.warnings.join("\n"), @r"
        unknown variable AFTERLIFE_REPLYA; did you mean AFTERLIFE_REPLAY?
        unknown variable AFTERLIFE_X_Y_Z_COLOUR; did you mean AFTERLIFE_LOG?
        ");
    }

    #[test]
    fn an_invalid_value_is_refused_with_its_variable() {
        let said = |name: &str, value: &str| read(&[(name, value)]).expect_err("the value is wrong").to_string();
        insta::assert_snapshot!(said("AFTERLIFE_SEEDS", "5..2"), @r"
        error: AFTERLIFE_SEEDS: `5..2` is an empty range
          next: write a range such as 0..10000, a count such as 500, or date for today's seeds
        ");
        insta::assert_snapshot!(said("AFTERLIFE_SEED", "x"), @r"
        error: AFTERLIFE_SEED: `x` is not a seed
          next: write one number, or use AFTERLIFE_SEEDS for a range
        ");
        insta::assert_snapshot!(said("AFTERLIFE_TIME", "soon"), @r"
        error: AFTERLIFE_TIME: `soon` is not a duration
          next: write a number and a unit, such as 90s, 20m, 2h or 1h30m
        ");
        insta::assert_snapshot!(said("AFTERLIFE_SHRINK", "-1"), @r"
        error: AFTERLIFE_SHRINK: `-1` is not a number of replays
          next: write the maximum number of replays for a finding, or 0 to leave plans as drawn
        ");
        insta::assert_snapshot!(said("AFTERLIFE_SWITCH", "hand"), @r"
        error: AFTERLIFE_SWITCH: `hand` is not a kind of context switch
          next: write user-space (the default) or futex
        ");
        insta::assert_snapshot!(said("AFTERLIFE_REPLAY", "banana"), @r"
        error: AFTERLIFE_REPLAY: `banana` is not a token
          next: a token looks like a2-raft-master-47-AgQBAAkD; `last`, an id and a path also work
        ");
        insta::assert_snapshot!(said("AFTERLIFE_SEARCH", "directed"), @r"
        error: AFTERLIFE_SEARCH: unknown search `directed`
          next: write random, the only search so far
        ");
    }
}
