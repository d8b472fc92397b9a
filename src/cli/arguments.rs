//! The arguments, as clap reads them.
//! It holds no defaults that depend on a scenario or on the environment: the commands do.

use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::run::log_filter::Filter;
use crate::search::budget::{Shard, parse_duration, parse_moment, parse_seeds, parse_shard};
use crate::search::settings::parse_search;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// How many runner processes a machine of any size may be asked for.
const JOBS_MAX: u64 = 1_024;

/// Finds what a distributed system does after it should be dead.
///
/// Without a command it hunts: every system in every build, and a table of what broke.
#[derive(Debug, Parser)]
#[command(
    name = "afterlife",
    version,
    after_help = "Exit codes: 0 held, 1 an invariant broke, 2 usage, 3 one seed ran two ways,\n\
                  4 nothing matched, 125 the record no longer fits this code"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Only scenarios that run on this engine in this program: `native`, `turmoil`, `madsim`
    #[arg(long, global = true, value_name = "ENGINE")]
    pub(super) engine: Option<Engine>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a campaign over the scenarios whose name contains FILTER
    Run(Run),
    /// Have a run again in fresh processes and tell its story
    Replay(Replay),
    /// Make the plan of a run that breaks smaller, and tell its story
    Shrink(Shrink),
    /// Keep a run that broke beside the code, as one line of a file: it is run first from then on
    Keep(What),
    /// Show what a finding left on disk, without running anything
    Show(Show),
    /// List the scenarios
    List(List),
    /// Run seeds twice, in two processes, and compare every event
    Check(Check),
    /// Group the findings in these folders by what broke: artifacts of many nights and shards
    Triage(Triage),
    /// Check the claims on a log that a program wrote, as tracing-subscriber writes JSON lines, or on a record
    Audit(Audit),
    /// Measure how many runs each known way to break takes, and print the table as Markdown
    Variants(Variants),
    /// Look for each known way to break on the engine of this program, and print a table of engines as Markdown
    Engines(Engines),
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// The engines instead, and what each can do
    #[arg(long)]
    pub(super) engines: bool,
}

#[derive(Args, Debug)]
pub(super) struct Variants {
    /// Part of a scenario's name; a whole name means only that scenario
    pub(super) filter: Option<String>,
    /// How many campaigns, each with seeds of its own
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) campaigns: u64,
    /// After how many runs a campaign gives up
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) runs: u64,
    /// How many runner processes [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=JOBS_MAX))]
    pub(super) jobs: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Engines {
    /// Part of a scenario's name; a whole name means only that scenario
    pub(super) filter: Option<String>,
    /// How many campaigns, each with seeds of its own
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) campaigns: u64,
    /// After how many runs a campaign gives up
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) runs: u64,
    /// How many runner processes [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=JOBS_MAX))]
    pub(super) jobs: Option<u64>,
    /// Lines for a build with another engine instead of the table
    #[arg(long)]
    pub(super) lines: bool,
    /// Lines of a build with another engine, to stand beside; may be said again
    #[arg(long, value_name = "FILE")]
    pub(super) beside: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Triage {
    /// Where findings were written
    #[arg(required = true, value_name = "DIR")]
    pub(super) folders: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Audit {
    /// The log, or the record or folder of a finding; `-` is the standard input
    pub(super) log: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Run {
    /// Part of a scenario's name; a whole name means only that scenario
    pub(super) filter: Option<String>,
    /// Which seeds: `0..10000`, a number for the first so many, or `date` for those of today [default: the scenario's own]
    #[arg(long, value_name = "SEEDS", value_parser = parse_seeds)]
    pub(super) seeds: Option<Range<u64>>,
    /// How long, shared between the scenarios: `90s`, `2h`
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub(super) time: Option<Duration>,
    /// How to search: `random`
    #[arg(long, value_name = "SEARCH", value_parser = parse_search)]
    pub(super) search: Option<()>,
    /// `shipped`, `patched` or `sound` [default: the scenario's first]
    #[arg(long, value_name = "BUILD")]
    pub(super) build: Option<Build>,
    /// How many runner processes [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=JOBS_MAX))]
    pub(super) jobs: Option<u64>,
    /// Where findings are written [default: target/afterlife]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Stop a campaign after so many different failures
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_failures: u64,
    /// How many replays the shrinking of a finding may cost; 0 tells plans as they were drawn [default: 200]
    #[arg(long, value_name = "N")]
    pub(super) shrink: Option<u64>,
    /// One of several campaigns that share the seeds between them: `2/4` is the second of four
    #[arg(long, value_name = "M/N", value_parser = parse_shard)]
    pub(super) shard: Option<Shard>,
    /// For whom: `human`, `json`, `junit=PATH`, `github`; may be said again [default: human]
    #[arg(long, value_name = "REPORT", value_parser = parse_report)]
    pub(super) report: Vec<Report>,
}

#[derive(Args, Debug)]
pub(super) struct What {
    /// A token, `last`, the beginning of an id, or a finding's folder or record
    pub(super) what: String,
    /// Where findings were written [default: target/afterlife]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Shrink {
    #[command(flatten)]
    pub(super) what: What,
    /// How many replays it may cost [default: 200]
    #[arg(long, value_name = "N")]
    pub(super) shrink: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Replay {
    #[command(flatten)]
    pub(super) what: What,
    /// End the run at this moment of its time, `0.44s`, and show what happened last
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub(super) until: Option<u64>,
    /// Show what the programs printed and traced: `info`, `openraft=debug,stdout=off` [default: AFTERLIFE_LOG]
    #[arg(long, value_name = "FILTER", value_parser = Filter::read)]
    pub(super) log: Option<Filter>,
}

#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    pub(super) what: What,
    /// Every socket of each process at the moment of the violation, too; JSON always has them
    #[arg(long)]
    pub(super) sockets: bool,
    /// What the programs printed and traced, too, as far as the record has it: `info`, `openraft=warn,stdout=off`
    #[arg(long, value_name = "FILTER", value_parser = Filter::read)]
    pub(super) log: Option<Filter>,
    /// As what
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
pub(super) struct Check {
    /// Part of a scenario's name; a whole name means only that scenario
    pub(super) filter: Option<String>,
    /// How many seeds, from 0
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "seeds")]
    pub(super) pairs: u64,
    /// Which seeds: `40..50`, or a number for the first so many
    #[arg(long, value_name = "SEEDS", value_parser = parse_seeds)]
    pub(super) seeds: Option<Range<u64>>,
    /// `shipped`, `patched` or `sound` [default: each that the scenario has]
    #[arg(long, value_name = "BUILD")]
    pub(super) build: Option<Build>,
    /// Also end runs in which something passes by the doors (a system call by instruction, or of the C library's
    /// own), and name it
    #[arg(long)]
    pub(super) strict: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Pages and lines.
    Human,
    /// One object a line, the summary last.
    Json,
    /// JUnit XML in this file, beside the others.
    Junit(PathBuf),
    /// Annotations, and a summary of the step.
    Github,
}

fn parse_report(text: &str) -> Result<Report, String> {
    match text {
        "human" => Ok(Report::Human),
        "json" => Ok(Report::Json),
        "github" => Ok(Report::Github),
        _ => match text.strip_prefix("junit=") {
            Some(path) if !path.is_empty() => Ok(Report::Junit(PathBuf::from(path))),
            Some(_) => Err("`junit=` wants a file".to_owned()),
            None => Err(format!("there is no report `{text}`")),
        },
    }
}

/// What to write instead of a report that there is not.
pub(super) const REPORT_NEXT: &str = "write --report human, json, junit=PATH or github";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The page that the campaign printed
    Text,
    /// The record's own lines: one object each
    Json,
    /// A timeline to be opened in a browser, written beside the record
    Html,
}
