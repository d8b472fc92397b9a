//! The grammar of the command line: words to arguments, and clap's errors to two-line refusals.
//! It does not check the names that arguments contain.

use super::arguments::{Arguments, REPORT_NEXT};
use crate::model::nearest::nearest;
use crate::model::refusal::Refusal;
use crate::model::visible::visible;
use crate::run::log_filter::LOG_NEXT;
use crate::search::budget::{DURATION_NEXT, MOMENT_NEXT, SEEDS_NEXT, SHARD_NEXT};
use crate::search::settings::{SEARCH_NEXT, SHRINK_NEXT};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use std::error::Error as _;
use std::ffi::OsString;
use std::num::ParseIntError;
use std::path::Path;

/// A command line, parsed.
#[derive(Debug)]
pub(super) enum Read {
    /// A command.
    Arguments(Box<Arguments>),
    /// The text of `--help` or `--version`.
    Answer(String),
}

/// Parses the words, the program's own name first.
pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Read, Refusal> {
    match Arguments::try_parse_from(words) {
        Ok(arguments) => Ok(Read::Arguments(Box::new(arguments))),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp => Ok(Read::Answer(error.render().ansi().to_string())),
            ErrorKind::DisplayVersion => Ok(Read::Answer(version(|name| std::env::var(name).ok()))),
            _ => Err(refusal(&error)),
        },
    }
}

/// The text of `--version`: the program with scenarios, and the afterlife in it. Cargo and `cargo afterlife` set the variables of the
/// program's package; started in another way, a program knows only its file.
fn version(variable: impl Fn(&str) -> Option<String>) -> String {
    let afterlife = concat!("afterlife ", env!("CARGO_PKG_VERSION"));
    let file = std::env::current_exe().ok();
    let file = file.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let program = match (variable("CARGO_PKG_NAME"), variable("CARGO_PKG_VERSION")) {
        (Some(name), Some(version)) => format!("{name} {version}"),
        _ => file.unwrap_or_else(|| "this program".to_owned()),
    };
    format!("{} ({afterlife})\n", visible(&program))
}

fn refusal(error: &clap::Error) -> Refusal {
    Refusal::new(why(error), next(error))
}

fn why(error: &clap::Error) -> String {
    if let (ErrorKind::ValueValidation, Some(source)) = (error.kind(), error.source()) {
        let flag = flag(error).unwrap_or_default();
        return match error.get(ContextKind::InvalidValue).map(strings).as_deref() {
            Some([value]) if source.is::<ParseIntError>() => format!("{flag}: `{value}` is not a whole number"),
            _ => format!("{flag}: {source}"),
        };
    }
    let whole = error.render().to_string();
    let first = whole.strip_prefix("error: ").unwrap_or(&whole);
    first
        .split("\n\n")
        .next()
        .unwrap_or(first)
        .lines()
        .filter(|line| !line.contains("[possible values"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn next(error: &clap::Error) -> String {
    if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        match flag(error).as_deref() {
            Some("--seeds") => return SEEDS_NEXT.to_owned(),
            Some("--for") => return DURATION_NEXT.to_owned(),
            Some("--until") => return MOMENT_NEXT.to_owned(),
            Some("--log") => return LOG_NEXT.to_owned(),
            Some("--search") => return SEARCH_NEXT.to_owned(),
            Some("--build") => return "see `list` for the builds of each scenario".to_owned(),
            Some("--engine") => {
                return "write --engine native, --engine turmoil or --engine madsim; see `list --engines`".to_owned();
            }
            Some("--shard") => return SHARD_NEXT.to_owned(),
            Some("--report") => return REPORT_NEXT.to_owned(),
            Some("--shrink") => return SHRINK_NEXT.to_owned(),
            Some("--jobs" | "--pairs" | "--max-failures") => return "write a whole number, at least 1".to_owned(),
            _ => {}
        }
    }
    let known = |kind| error.get(kind).map(strings).filter(|names| !names.is_empty());
    if let Some(meant) = known(ContextKind::SuggestedSubcommand).or_else(|| known(ContextKind::SuggestedArg)) {
        return format!("did you mean {}?", meant.join(", "));
    }
    if let Some(values) = known(ContextKind::ValidValue) {
        return format!("write one of {}", values.join(", "));
    }
    if let (ErrorKind::InvalidSubcommand, Some(word)) = (error.kind(), known(ContextKind::InvalidSubcommand)) {
        let commands = Arguments::command();
        let names = commands.get_subcommands().map(|command| command.get_name());
        if let Some(meant) = nearest(&word.concat(), names).first() {
            return format!("did you mean {meant}?");
        }
    }
    "see --help".to_owned()
}

/// The flag of the error: `--seeds` of `--seeds <SEEDS>`.
fn flag(error: &clap::Error) -> Option<String> {
    let named = strings(error.get(ContextKind::InvalidArg)?).into_iter().next()?;
    named.split_whitespace().next().map(str::to_owned)
}

fn strings(value: &ContextValue) -> Vec<String> {
    match value {
        ContextValue::String(text) => vec![text.clone()],
        ContextValue::Strings(texts) => texts.clone(),
        ContextValue::StyledStr(text) => vec![text.to_string()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_program_with_the_scenarios() {
        let cargo = |name: &str| Some(if name.ends_with("NAME") { "orders" } else { "2.3.4" }.to_owned());
        assert_eq!(version(cargo), format!("orders 2.3.4 (afterlife {})\n", env!("CARGO_PKG_VERSION")));
        assert!(version(|_| None).starts_with("afterlife-"), "the name of this test's file: {}", version(|_| None));
    }
}
