//! The arguments of the command line. Their documentation is the text of `--help`.
//! Defaults that depend on a scenario or on the environment are in the commands.

use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::run::log_filter::Filter;
use crate::search::budget::{Shard, parse_duration, parse_moment, parse_seeds, parse_shard};
use crate::search::settings::parse_search;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// The most runner processes that `--jobs` accepts.
const JOBS_MAX: u64 = 1_024;

/// Finds what a distributed system does after it should be dead.
///
/// Without a command, it runs every scenario in every build and prints a table of the results.
#[derive(Debug, Parser)]
#[command(
    name = "afterlife",
    version,
    after_help = "Exit codes: 0 held, 1 an invariant broke, 2 usage, 3 two runs of one seed differ,\n\
                  4 nothing matched, 5 nothing was tested, 125 the record no longer fits this code"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Only scenarios that run on this engine: `native`, `turmoil` or `madsim`
    #[arg(long, global = true, value_name = "ENGINE")]
    pub(super) engine: Option<Engine>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a campaign over the scenarios whose name contains FILTER
    Run(Run),
    /// Replay a run in fresh processes and print its story
    Replay(Replay),
    /// Shrink the plan of a failing run and print its story
    Shrink(Shrink),
    /// Add a failing run to the regressions, which run first from then on
    Keep(What),
    /// Show the record of a finding, without running anything
    Show(Show),
    /// List the scenarios, or the engines
    List(List),
    /// Run seeds twice, in two processes, and compare all events
    Check(Check),
    /// Group the findings of several folders by signature, such as those of many nights and shards
    Triage(Triage),
    /// Check the claims on a log of JSON lines, as tracing-subscriber writes them, or on a record
    Audit(Audit),
    /// Count the runs that each known failure takes, and print a Markdown table
    Variants(Variants),
    /// Look for each known failure on this program's engine, and print a Markdown table of engines
    Engines(Engines),
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// List the engines and their capabilities instead
    #[arg(long)]
    pub(super) engines: bool,
}

#[derive(Args, Debug)]
pub(super) struct Variants {
    /// Part of a scenario's name; a full name selects only that scenario
    pub(super) filter: Option<String>,
    /// The number of campaigns, each with its own seeds
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) campaigns: u64,
    /// The number of runs after which a campaign gives up
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) runs: u64,
    /// The number of runner processes [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=JOBS_MAX))]
    pub(super) jobs: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Engines {
    /// Part of a scenario's name; a full name selects only that scenario
    pub(super) filter: Option<String>,
    /// The number of campaigns, each with its own seeds
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) campaigns: u64,
    /// The number of runs after which a campaign gives up
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) runs: u64,
    /// The number of runner processes [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=JOBS_MAX))]
    pub(super) jobs: Option<u64>,
    /// Print lines for `--beside` instead of the table
    #[arg(long)]
    pub(super) lines: bool,
    /// The lines of a build with another engine, as a further column; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) beside: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Triage {
    /// The folders with the findings [default: target/afterlife]
    #[arg(value_name = "DIR")]
    pub(super) folders: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Audit {
    /// The log, or the record or folder of a finding; `-` is standard input
    pub(super) log: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Run {
    /// Part of a scenario's name; a full name selects only that scenario
    pub(super) filter: Option<String>,
    /// The seeds: a range `0..10000`, a count, or `date` for today's seeds [default: the scenario's own]
    #[arg(long, value_name = "SEEDS", value_parser = parse_seeds)]
    pub(super) seeds: Option<Range<u64>>,
    /// The time to search, shared by the scenarios: `90s`, `2h`
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub(super) time: Option<Duration>,
    /// The search strategy: `random`
    #[arg(long, value_name = "SEARCH", value_parser = parse_search)]
    pub(super) search: Option<()>,
    /// One of the scenario's builds; `list` shows them [default: its first]
    #[arg(long, value_name = "BUILD")]
    pub(super) build: Option<Build>,
    /// The number of runner processes [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=JOBS_MAX))]
    pub(super) jobs: Option<u64>,
    /// The folder for findings [default: target/afterlife]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// End a campaign after this many different failures
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_failures: u64,
    /// The most replays that shrinking a finding may cost; 0 leaves plans as drawn [default: 200]
    #[arg(long, value_name = "N")]
    pub(super) shrink: Option<u64>,
    /// Run one share of the seeds: `2/4` is the second of four shards
    #[arg(long, value_name = "M/N", value_parser = parse_shard)]
    pub(super) shard: Option<Shard>,
    /// The report: `human`, `json`, `junit=PATH` or `github`; may be repeated [default: human]
    #[arg(long, value_name = "REPORT", value_parser = parse_report)]
    pub(super) report: Vec<Report>,
}

#[derive(Args, Debug)]
pub(super) struct What {
    /// A token, `last`, the beginning of an id, or a finding's folder or record
    pub(super) what: String,
    /// The folder with the findings [default: target/afterlife]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Shrink {
    #[command(flatten)]
    pub(super) what: What,
    /// The most replays that shrinking may cost [default: 200]
    #[arg(long, value_name = "N")]
    pub(super) shrink: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Replay {
    #[command(flatten)]
    pub(super) what: What,
    /// End the run at this virtual time, such as `0.44s`, and show its last events
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub(super) until: Option<u64>,
    /// Show the programs' output, printed and traced: `info`, `openraft=debug,stdout=off` [default: AFTERLIFE_LOG]
    #[arg(long, value_name = "FILTER", value_parser = Filter::read)]
    pub(super) log: Option<Filter>,
}

#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    pub(super) what: What,
    /// Show every socket at the violation, too; JSON always has them
    #[arg(long)]
    pub(super) sockets: bool,
    /// Show the recorded output of the programs, too: `info`, `openraft=warn,stdout=off`
    #[arg(long, value_name = "FILTER", value_parser = Filter::read)]
    pub(super) log: Option<Filter>,
    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
pub(super) struct Check {
    /// Part of a scenario's name; a full name selects only that scenario
    pub(super) filter: Option<String>,
    /// The number of seeds, from 0
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "seeds")]
    pub(super) pairs: u64,
    /// The seeds: a range `40..50`, or a count
    #[arg(long, value_name = "SEEDS", value_parser = parse_seeds)]
    pub(super) seeds: Option<Range<u64>>,
    /// One of the scenario's builds; `list` shows them [default: every build]
    #[arg(long, value_name = "BUILD")]
    pub(super) build: Option<Build>,
    /// Also end runs that bypass the virtual kernel by a raw system call or from inside the C library, and name the call
    #[arg(long)]
    pub(super) strict: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Pages and closing lines.
    Human,
    /// One object per line, the summary last.
    Json,
    /// JUnit XML in this file, beside another report.
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
            Some(_) => Err("`junit=` needs a file name".to_owned()),
            None => Err(format!("unknown report `{text}`")),
        },
    }
}

/// The next step after an unknown report.
pub(super) const REPORT_NEXT: &str = "write --report human, json, junit=PATH or github";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The page that the campaign printed
    Text,
    /// The lines of the record, one object each
    Json,
    /// A timeline for a browser, written beside the record
    Html,
}
