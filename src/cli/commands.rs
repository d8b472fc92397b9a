//! The commands: each gathers what it needs and hands over to what does the work.
//! Nothing is decided here that a test of the command line alone could not see.

use super::arguments::{Check, Command, Engines, Format, Replay, Show, Shrink, Variants, What};
use super::campaigns::run_campaigns;
use super::keep::keep;
use super::select;
use crate::cli::main_job::hunt;
use crate::failure::failing_run::Found;
use crate::failure::record::{RecordError, Saved, Shelf, Written};
use crate::failure::token::Token;
use crate::model::build::Build;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{
    Human, Line, Paste, Progress, Tone, WIDTH, alike, audited, count, differs, engines, keep_start, page, plural,
    replayed, sockets, timeline, traced, wrap, written_elsewhere,
};
use crate::run::request::Request;
use crate::runner::{Executor, Launch, Pool, RunnerError};
use crate::scenario::sim::Scenario;
use crate::search::campaign;
use crate::search::check::check;
use crate::search::engines;
use crate::search::record_log::with_log;
use crate::search::replay::{Replayed, Wanted, replay};
use crate::search::settings::Settings;
use crate::search::shrink;
use crate::search::variants::{expose, markdown};
use crate::watch::audit;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// What a timeline is called, in the folder of its finding.
const TIMELINE: &str = "timeline.html";

/// Carries out a command; none means the hunt, or the replay that the environment asks for.
pub(super) fn carry_out(
    scenarios: &[Scenario],
    command: Option<Command>,
    settings: &Settings,
) -> Result<Verdict, Refusal> {
    match (command, &settings.replay) {
        (Some(Command::Run(run)), _) => run_campaigns(scenarios, &run, settings),
        (Some(Command::Replay(replay)), _) => replay_run(scenarios, &replay, settings),
        (Some(Command::Shrink(shrink)), _) => shrink_run(scenarios, &shrink, settings),
        (Some(Command::Keep(what)), _) => keep(scenarios, &what, settings),
        (Some(Command::Show(show)), _) => show_finding(&show, settings),
        (Some(Command::List(list)), _) if list.engines => list_engines(),
        (Some(Command::List(_)), _) => list(scenarios),
        (Some(Command::Check(check)), _) => check_pairs(scenarios, &check),
        (Some(Command::Triage(triage)), _) => super::triage::triage(&triage.folders),
        (Some(Command::Audit(audit)), _) => audit_log(&audit.log),
        (Some(Command::Variants(variants)), _) => table_of_variants(scenarios, &variants),
        (Some(Command::Engines(engines)), _) => table_of_engines(scenarios, &engines),
        (None, Some(token)) => {
            let what = What { what: token.clone(), out: None };
            replay_run(scenarios, &Replay { what, until: None, log: None }, settings)
        }
        (None, None) => {
            let shelf = shelf(None, settings)?;
            let shrink = settings.shrink.unwrap_or(shrink::REPLAYS_MAX);
            hunt(&select::matching(scenarios, None)?, &pool(None)?, &shelf, shrink, &mut human())
        }
    }
}

/// The token that is meant; with what is known of it, the record that its run is to fit, and who wrote that.
fn meant(
    scenarios: &[Scenario],
    what: &What,
    settings: &Settings,
) -> Result<(Token, Option<(Found, Written)>), Refusal> {
    // A token needs no record, and is replayed as it is even if there is one: the code may have changed since.
    let (token, recorded) = if Token::is_meant(&what.what) {
        (select::token(scenarios, &what.what)?, None)
    } else {
        let place = Shelf::at(root(what.out.clone(), settings)).find(&what.what)?;
        // A record that other code wrote, and this cannot even read, is as little to this code as one that it runs otherwise.
        let unfit = |error: RecordError| {
            let verdict = if error.is_of_other_code() { Verdict::Unfit } else { Verdict::Refused };
            Refusal::from(error).ending(verdict)
        };
        let (found, _) = Shelf::read(&place).map_err(unfit)?;
        (own(&found)?, Some((found, Shelf::written(&place)?)))
    };
    select::named(scenarios, &token)?;
    Ok((token, recorded))
}

/// The token of a finding, if it is one of a run of ours.
pub(super) fn own(found: &Found) -> Result<Token, Refusal> {
    if found.is_ours() {
        return Ok(found.finding.token.parse()?);
    }
    let why =
        format!("{} was watched in a simulation that is not afterlife's, which alone has its runs", found.scenario);
    Err(Refusal::new(why, &found.finding.token))
}

/// Shrinks a run that breaks, and writes down what is left.
fn shrink_run(scenarios: &[Scenario], shrink: &Shrink, settings: &Settings) -> Result<Verdict, Refusal> {
    let (token, recorded) = meant(scenarios, &shrink.what, settings)?;
    let pool = pool(None)?;
    let shelf = shelf(shrink.what.out.clone(), settings)?;
    let replays_max = shrink.shrink.or(settings.shrink).unwrap_or(shrink::REPLAYS_MAX);
    let mut human = human();
    let wanted = Wanted { recorded: recorded.as_ref().map(|(found, _)| found), ..Wanted::default() };
    let outcome = match replay(&pool, &token, wanted)? {
        Replayed::Broke(found) => match campaign::shrink(&pool, *found, replays_max)? {
            Ok(found) => {
                let found = with_log(&pool, found)?;
                let saved = shelf.save(&found);
                human.print(&page(&found, Some(&saved), &Paste::of_this_program()));
                return Ok(Verdict::Broke);
            }
            Err(two_ways) => Replayed::TwoWays([two_ways.first.0, two_ways.second.0]),
        },
        other => other,
    };
    let lines = replayed(&outcome, &token, human.paste(), None);
    human.print(&lines);
    Ok(outcome.verdict())
}

fn replay_run(
    scenarios: &[Scenario],
    Replay { what, until, log }: &Replay,
    settings: &Settings,
) -> Result<Verdict, Refusal> {
    let (token, recorded) = meant(scenarios, what, settings)?;
    let log = log.as_ref().or(settings.log.as_ref());
    let wanted = Wanted { recorded: recorded.as_ref().map(|(found, _)| found), log, until_ns: *until };
    let outcome = replay(&pool(Some(1))?, &token, wanted)?;
    let mut human = human();
    let mut lines = replayed(&outcome, &token, human.paste(), log);
    if let (Replayed::RecordUnfit { .. }, Some((_, written))) = (&outcome, &recorded) {
        lines.extend(written_elsewhere(&written.elsewhere()));
    }
    human.print(&lines);
    Ok(outcome.verdict())
}

fn show_finding(show: &Show, settings: &Settings) -> Result<Verdict, Refusal> {
    let place = Shelf::at(root(show.what.out.clone(), settings)).find(&show.what.what)?;
    match show.format {
        Format::Text => {
            let (found, saved) = Shelf::read(&place)?;
            let mut lines = page(&found, Some(&saved), &Paste::of_this_program());
            if show.sockets {
                lines.extend(sockets(&found));
            }
            lines.extend(show.log.iter().flat_map(|filter| traced(&found.record, filter)));
            human().print(&lines);
        }
        Format::Json => Shelf::copy(&place, &mut std::io::stdout().lock())?,
        Format::Html => {
            let (found, saved) = Shelf::read(&place)?;
            let replay = match found.is_ours() {
                true => Paste::of_this_program().replay(&found.finding.token),
                false => found.finding.token.clone(),
            };
            let written = saved.write_beside(TIMELINE, &timeline(&found, &replay))?;
            human().print(&[Line::of(Tone::Plain, written.display().to_string())]);
        }
    }
    Ok(Verdict::Held)
}

fn list(scenarios: &[Scenario]) -> Result<Verdict, Refusal> {
    let mut lines = Vec::new();
    for scenario in select::matching(scenarios, None)? {
        let builds: Vec<_> = scenario.builds.iter().map(|build| build.name()).collect();
        let size = format!("{}; {} runs", builds.join(", "), count(scenario.seeds));
        lines.push(Line::of(Tone::Strong, scenario.name).at_right(Tone::Plain, &size, 0));
        lines
            .extend(wrap(scenario.about, WIDTH - 2).into_iter().map(|text| Line::of(Tone::Plain, format!("  {text}"))));
        if !scenario.issue.is_empty() {
            lines.push(Line::of(Tone::Faint, format!("  {}", keep_start(scenario.issue, WIDTH - 2))));
        }
    }
    human().print(&lines);
    Ok(Verdict::Held)
}

fn list_engines() -> Result<Verdict, Refusal> {
    human().print(&engines());
    Ok(Verdict::Held)
}

fn check_pairs(scenarios: &[Scenario], arguments: &Check) -> Result<Verdict, Refusal> {
    let chosen = select::matching(scenarios, arguments.filter.as_deref())?;
    let launch = Launch::of_this_program().map_err(RunnerError::Start)?;
    let pool = Pool::new(if arguments.strict { launch.strict() } else { launch }, 1);
    let mut human = human();
    let mut checked = false;
    let mut verdict = Verdict::Held;
    for scenario in &chosen {
        for build in select::builds(scenario, arguments.build) {
            checked = true;
            let seeds = arguments.seeds.clone().unwrap_or(0..arguments.pairs);
            let pairs = seeds.end - seeds.start;
            if arguments.strict
                && let Some(escape) = escape(&pool, scenario, build, seeds.clone())?
            {
                verdict = verdict.and(Verdict::Broke);
                human
                    .print(&wrap(&escape, WIDTH).into_iter().map(|line| Line::of(Tone::Bad, line)).collect::<Vec<_>>());
                continue;
            }
            let difference =
                seeds.map(|seed| request(scenario, build, seed)).find_map(|request| check(&pool, &request).transpose());
            let lines = match difference.transpose()? {
                None => vec![alike(scenario.name, build, pairs)],
                Some(difference) => {
                    verdict = verdict.and(Verdict::TwoWays);
                    differs(scenario.name, build, &difference)
                }
            };
            human.print(&lines);
        }
    }
    match (checked, arguments.build) {
        (false, Some(build)) => Err(select::no_such_build(&chosen, build)),
        _ => Ok(verdict),
    }
}

/// Writes the table of variants to the standard output, and what is done to the standard error.
fn table_of_variants(scenarios: &[Scenario], arguments: &Variants) -> Result<Verdict, Refusal> {
    let chosen = select::matching(scenarios, arguments.filter.as_deref())?;
    if chosen.iter().all(|scenario| scenario.variants.is_empty()) {
        return Err(Refusal::new("these scenarios name no variants", "give some to `Scenario::variants`")
            .ending(Verdict::NothingMatched));
    }
    let mut tell = |scenario: &Scenario, build: Build, campaign: u64| {
        anstream::eprintln!("{} {build}: campaign {campaign} of {}", scenario.name, arguments.campaigns);
    };
    let (campaigns, runs_max) = (arguments.campaigns, arguments.runs);
    let table = expose(&chosen, &pool(arguments.jobs)?, campaigns, runs_max, &mut tell)?;
    anstream::print!("{}", markdown(&table, runs_max));
    Ok(Verdict::Held)
}

/// Writes what each engine finds to the standard output, and what is done to the standard error.
fn table_of_engines(scenarios: &[Scenario], arguments: &Engines) -> Result<Verdict, Refusal> {
    let chosen = select::matching(scenarios, arguments.filter.as_deref())?;
    let mut all = Vec::new();
    for path in &arguments.beside {
        all.extend(engines::read(path)?);
    }
    let mut tell = |scenario: &Scenario, build: Build, campaign: u64| {
        let (name, engine) = (scenario.name, scenario.engine());
        anstream::eprintln!("{name} {build} on {engine}: campaign {campaign} of {}", arguments.campaigns);
    };
    let (campaigns, runs_max) = (arguments.campaigns, arguments.runs);
    let own = engines::across(&chosen, &pool(arguments.jobs)?, campaigns, runs_max, &mut tell)?;
    all.splice(0..0, own);
    anstream::print!("{}", if arguments.lines { engines::lines(&all) } else { engines::markdown(&all) });
    Ok(Verdict::Held)
}

/// What passes by the doors in one of these runs, if anything does.
fn escape(pool: &Pool, scenario: &Scenario, build: Build, seeds: Range<u64>) -> Result<Option<String>, Refusal> {
    for seed in seeds {
        let reply = pool.fresh(&request(scenario, build, seed))?;
        let told = reply.violations.into_iter().find(|violation| violation.invariant == "no-missing-door");
        if let Some(violation) = told {
            return Ok(Some(format!("{}, {build}, seed {seed}: {}", scenario.name, violation.sentence)));
        }
    }
    Ok(None)
}

fn request(scenario: &Scenario, build: Build, seed: u64) -> Request {
    Token { scenario: scenario.name.to_owned(), build, engine: scenario.engine(), seed, plan: None }.request(true)
}

pub(super) fn read(what: &What, settings: &Settings) -> Result<(Found, Saved), Refusal> {
    let shelf = Shelf::at(root(what.out.clone(), settings));
    Ok(Shelf::read(&shelf.find(&what.what)?)?)
}

pub(super) fn shelf(out: Option<PathBuf>, settings: &Settings) -> Result<Shelf, Refusal> {
    Ok(Shelf::open(root(out, settings))?)
}

fn root(out: Option<PathBuf>, settings: &Settings) -> PathBuf {
    out.or_else(|| settings.out.clone()).unwrap_or_else(Shelf::usual_root)
}

pub(super) fn pool(jobs: Option<u64>) -> Result<Pool, Refusal> {
    let jobs = jobs.unwrap_or_else(|| available_parallelism().map_or(1, |processors| processors.get() as u64));
    Ok(Pool::new(Launch::of_this_program().map_err(RunnerError::Start)?, jobs))
}

pub(super) fn human() -> Human<impl Write> {
    Human::new(anstream::stdout(), Paste::of_this_program(), Progress::on_terminal())
}

/// Checks the claims on a log.
fn audit_log(log: &Path) -> Result<Verdict, Refusal> {
    let refused = |error: std::io::Error| {
        Refusal::new(format!("{}: {error}", log.display()), "give a file of JSON lines, or `-` for the standard input")
    };
    if Shelf::is_record(log) {
        return tell_audit(&audit::audit_record(log)?, log);
    }
    let audit = if log.as_os_str() == "-" {
        audit::audit(std::io::stdin().lock())
    } else {
        std::fs::File::open(log).and_then(|file| audit::audit(std::io::BufReader::new(file)))
    };
    tell_audit(&audit.map_err(refused)?, log)
}

fn tell_audit(audit: &audit::Audit, log: &Path) -> Result<Verdict, Refusal> {
    if audit.record.events.is_empty() {
        let lines = plural(audit.lines, "line");
        return Err(Refusal::new(
            format!("no fact is told in {lines} of {}", log.display()),
            "build with the probe's feature `tracing` and let its events through (target afterlife, level TRACE)",
        ));
    }
    let broke = !audit.violations.is_empty();
    human().print(&audited(audit, &log.display().to_string()));
    Ok(if broke { Verdict::Broke } else { Verdict::Held })
}
