//! The main job: every scenario in every build. Builds that are known to break must break, and sound ones must hold.
//! It is one campaign per build, and a table at the end. It has no search of its own.

use crate::cli::context::human;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::{RecordStore, SavedRecord};
use crate::failure::token::Token;
use crate::model::build::Build;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{Human, Line, Reporters, Row, Tone, elapsed, page, plural, reasons, table};
use crate::run::request::Ended;
use crate::runner::Executor;
use crate::scenario::definition::Scenario;
use crate::search::budget::Shard;
use crate::search::campaign::{self, CampaignOptions, CampaignOutcome, Reporter};
use std::io::Write;
use std::time::Instant;

/// A sound build gets a quarter of a whole campaign. Shipped builds break within dozens of runs, so this is still meaningful,
/// and the whole job ends within two minutes.
const SOUND_SHARE: u64 = 4;

/// The lines of a page that identify the failure: its title and the sentence.
const SHORT_LINES: usize = 2;

/// The number of different failures that a campaign goes through to find the expected one.
const FAILURES_MAX: usize = 10;

/// Runs the main job and prints the table.
pub(in crate::cli) fn main_job(
    scenarios: &[&Scenario],
    executor: &dyn Executor,
    store: &RecordStore,
    shrink: u64,
    reporter: &mut dyn Reporter,
) -> Result<Verdict, Refusal> {
    let begun = Instant::now();
    let mut job = MainJob { executor, store, shrink, human: human(), reporter };
    let mut rows = Vec::new();
    let mut verdict = Verdict::Held;
    for scenario in scenarios.iter().filter(|scenario| !scenario.is_opt_in()) {
        for build in scenario.declared_builds() {
            let (row, of_build) = job.build(scenario, *build)?;
            verdict = verdict.and(of_build);
            rows.push(row);
        }
    }
    let mut lines = table(&rows);
    lines.push(Line::default());
    let (tone, sign, title) = match rows.iter().filter(|row| !row.expected).count() as u64 {
        0 => (Tone::Good, "✓", "every build behaved as expected".to_owned()),
        wrong => (Tone::Bad, "✗", format!("{} did not behave as expected", plural(wrong, "build"))),
    };
    let took = format!(", in {}", elapsed(begun.elapsed()));
    lines.push(Line::of(tone, sign).put(Tone::Plain, " ").put(Tone::Strong, title).put(Tone::Faint, took));
    job.human.print(&lines);
    Ok(verdict)
}

struct MainJob<'a, W> {
    executor: &'a dyn Executor,
    store: &'a RecordStore,
    /// The most replays that shrinking a finding may cost.
    shrink: u64,
    human: Human<W>,
    /// The user's own reporter.
    reporter: &'a mut dyn Reporter,
}

impl<W: Write> MainJob<'_, W> {
    /// Runs one scenario in one build. The verdict is held if the build behaved as expected.
    fn build(&mut self, scenario: &Scenario, build: Build) -> Result<(Row, Verdict), Refusal> {
        let wanted = scenario.breaks_on(build);
        let options = options(scenario, build, wanted, self.shrink);
        self.human.show_pages(false);
        let mut catcher = Catcher { wanted, caught: None };
        let mut reporters = Reporters::new(vec![&mut self.human, &mut catcher, &mut *self.reporter]);
        let outcome = campaign::run(&options, self.executor, self.store, &mut reporters)?;
        self.human.show_pages(true);
        let caught = catcher.caught;
        let verdict = match &caught {
            Some((failure, saved)) => {
                self.print_failure(build == scenario.default_build(), failure, saved, &outcome)?
            }
            None => {
                self.human.print(&[without_finding(&outcome, wanted.is_some()), Line::default()]);
                outcome.verdict()
            }
        };
        let expected = match verdict {
            Verdict::Broke => wanted.is_some() && caught.is_some(),
            Verdict::Held => wanted.is_none(),
            _ => false,
        };
        let verdict = match verdict {
            Verdict::Nondeterministic => Verdict::Nondeterministic,
            _ if expected => Verdict::Held,
            _ => Verdict::Broke,
        };
        Ok((row(scenario, build, &outcome, caught.as_ref().map(|(failure, _)| failure), expected), verdict))
    }

    /// Prints the page of a failure, shortened for all builds but the default one, after replaying its token.
    fn print_failure(
        &mut self,
        is_default_build: bool,
        failure: &FailingRun,
        saved: &SavedRecord,
        outcome: &CampaignOutcome,
    ) -> Result<Verdict, Refusal> {
        let mut lines = page(failure, Some(saved), self.human.paste());
        if !is_default_build {
            lines.truncate(SHORT_LINES);
        }
        let (line, reproduced) = replayed(failure, self.executor)?;
        lines.push(line);
        for (other, _) in outcome.findings().filter(|(other, _)| other.signature != failure.finding.signature) {
            lines.push(Line::of(Tone::Faint, format!("  also found in run {}: {}", other.first_run, other.signature)));
        }
        lines.push(Line::default());
        self.human.print(&lines);
        Ok(if reproduced { Verdict::Broke } else { Verdict::Nondeterministic })
    }
}

fn options(scenario: &Scenario, build: Build, wanted: Option<&'static str>, shrink: u64) -> CampaignOptions {
    let runs = if wanted.is_some() { scenario.seed_count() } else { scenario.seed_count().div_ceil(SOUND_SHARE) };
    CampaignOptions {
        scenario: scenario.name().to_owned(),
        build,
        engine: scenario.engine(),
        seeds: 0..runs,
        until: None,
        failures_max: if wanted.is_some() { FAILURES_MAX } else { 1 },
        regressions: Vec::new(),
        shard: Shard::default(),
        wanted,
        shrink,
        full: scenario.seed_count(),
    }
}

/// Replays the printed token, to check that it reproduces the failure.
fn replayed(failure: &FailingRun, executor: &dyn Executor) -> Result<(Line, bool), Refusal> {
    let token: Token = failure.finding.token.parse()?;
    let reply = executor.fresh(&token.request(false))?;
    let reproduced = reply.digest == failure.finding.digest
        && reply.violations.first().is_some_and(|violation| violation.signature() == failure.finding.signature);
    let line = if reproduced {
        let same = match failure.ended {
            Ended::Whole => plural(failure.totals.events, "event"),
            _ => "end".to_owned(),
        };
        let run = failure.finding.first_run;
        Line::of(Tone::Plain, format!("  found in run {run}; its token reproduced the same {same} in a fresh process"))
    } else {
        Line::of(Tone::Bad, format!("  its token does not reproduce the run: the digest is {}", reply.digest))
    };
    Ok((line, reproduced))
}

fn without_finding(outcome: &CampaignOutcome, breaks: bool) -> Line {
    let name = format!("{} {}", outcome.scenario, outcome.build);
    let runs = plural(outcome.runs, "run");
    let (tone, sign, title) = match (outcome.verdict(), breaks) {
        (Verdict::Held, false) => (Tone::Good, "✓", format!("{name} held in {runs}")),
        (Verdict::Held, true) => {
            (Tone::Bad, "✗", format!("{name}: nothing found in {runs}, but this build must break"))
        }
        (Verdict::Nondeterministic, _) => {
            (Tone::Bad, "✗", format!("{name}: two runs of one seed differ, after {runs}"))
        }
        _ => (Tone::Bad, "✗", format!("{name}: nothing was tested in {runs}: {}", reasons(outcome))),
    };
    let size = format!("; {}, {} elapsed", plural(outcome.events, "event"), elapsed(outcome.elapsed));
    Line::of(tone, sign).put(Tone::Plain, " ").put(Tone::Strong, title).put(Tone::Faint, size)
}

fn row(
    scenario: &Scenario,
    build: Build,
    outcome: &CampaignOutcome,
    failure: Option<&FailingRun>,
    expected: bool,
) -> Row {
    Row {
        system: scenario.name().to_owned(),
        build,
        claim: failure.map(|failure| failure.finding.violation.invariant.clone()),
        runs: failure.map_or(outcome.runs, |failure| failure.finding.first_run),
        injections: failure.and_then(FailingRun::injections),
        issue: scenario.upstream_issue().to_owned(),
        token: failure.map(|failure| failure.finding.token.clone()),
        expected,
    }
}

/// A reporter that keeps the failure that the main job prints.
struct Catcher {
    /// The expected invariant; any, if the build should hold.
    wanted: Option<&'static str>,
    caught: Option<(FailingRun, SavedRecord)>,
}

impl Reporter for Catcher {
    fn failure(&mut self, failure: &FailingRun, saved: &SavedRecord) {
        if self.wanted.is_none_or(|wanted| wanted == failure.finding.violation.invariant) {
            self.caught = Some((failure.clone(), saved.clone()));
        }
    }
}
