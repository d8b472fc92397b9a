//! The main job: every system in every build, shipped and patched until they break, sound until it has held.
//! It is a campaign for each and a table at the end; it has no search of its own.

use crate::failure::failing_run::FailingRun;
use crate::failure::record::{RecordStore, Saved};
use crate::failure::token::Token;
use crate::model::build::Build;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{Human, Line, Row, Tone, elapsed, page, plural, table};
use crate::run::request::Ended;
use crate::runner::Executor;
use crate::scenario::definition::Scenario;
use crate::search::budget::Shard;
use crate::search::campaign::{self, CampaignOptions, Outcome, Reporter};
use std::io::Write;
use std::time::Instant;

/// A sound build runs a quarter of what its author takes for a whole campaign: shipped builds break within dozens of runs, so
/// that this many say something, and the whole job ends within two minutes.
const SOUND_SHARE: u64 = 4;

/// Of a page, what names the failure: its title and what happened.
const SHORT_LINES: usize = 2;

/// How many different failures a hunt goes through until it meets the one that it looks for.
const FAILURES_MAX: usize = 10;

/// Hunts in all of these, and tells what came of it.
pub(in crate::cli) fn hunt<W: Write>(
    scenarios: &[&Scenario],
    executor: &dyn Executor,
    store: &RecordStore,
    shrink: u64,
    human: &mut Human<W>,
) -> Result<Verdict, Refusal> {
    let begun = Instant::now();
    let mut rows = Vec::new();
    let mut verdict = Verdict::Held;
    for scenario in scenarios.iter().filter(|scenario| !scenario.apart) {
        for build in scenario.builds {
            let (row, came_to) = one(scenario, *build, executor, store, shrink, human)?;
            verdict = verdict.and(came_to);
            rows.push(row);
        }
    }
    let mut lines = table(&rows);
    lines.push(Line::default());
    let took = elapsed(begun.elapsed());
    lines.push(match rows.iter().filter(|row| !row.expected).count() {
        0 => Line::of(Tone::Good, "✓")
            .put(Tone::Plain, " ")
            .put(Tone::Strong, "every build did as expected")
            .put(Tone::Faint, format!(", in {took}")),
        wrong => {
            let title = format!("{} did not do as expected", plural(wrong as u64, "build"));
            Line::of(Tone::Bad, "✗")
                .put(Tone::Plain, " ")
                .put(Tone::Strong, title)
                .put(Tone::Faint, format!(", in {took}"))
        }
    });
    human.print(&lines);
    Ok(verdict)
}

fn one<W: Write>(
    scenario: &Scenario,
    build: Build,
    executor: &dyn Executor,
    store: &RecordStore,
    shrink: u64,
    human: &mut Human<W>,
) -> Result<(Row, Verdict), Refusal> {
    let wanted = scenario.breaks_on(build);
    let runs = if wanted.is_some() { scenario.seeds } else { scenario.seeds.div_ceil(SOUND_SHARE) };
    let options = CampaignOptions {
        scenario: scenario.name.to_owned(),
        build,
        engine: scenario.engine(),
        seeds: 0..runs,
        until: None,
        failures_max: if wanted.is_some() { FAILURES_MAX } else { 1 },
        regressions: Vec::new(),
        shard: Shard::default(),
        wanted,
        shrink,
        full: scenario.seeds,
    };
    human.tell(false);
    let mut catcher = Catcher { human, wanted, caught: None };
    let outcome = campaign::run(&options, executor, store, &mut catcher)?;
    let caught = catcher.caught;
    human.tell(true);

    let mut came_to = outcome.verdict();
    if let Some((failure, saved)) = &caught {
        let mut lines = page(failure, Some(saved), human.paste());
        if build != Build::Shipped {
            lines.truncate(SHORT_LINES);
        }
        let (line, replayed) = replayed(failure, executor)?;
        lines.push(line);
        for other in outcome.findings.iter().filter(|other| other.finding.signature != failure.finding.signature) {
            let (run, signature) = (other.finding.first_run, &other.finding.signature);
            lines.push(Line::of(Tone::Faint, format!("  on the way, run {run}: {signature}")));
        }
        lines.push(Line::default());
        human.print(&lines);
        came_to = if replayed { Verdict::Broke } else { Verdict::Nondeterministic };
    } else {
        human.print(&[without_finding(&outcome, wanted.is_some()), Line::default()]);
    }
    let expected = match came_to {
        Verdict::Broke => wanted.is_some() && caught.is_some(),
        Verdict::Held => wanted.is_none(),
        _ => false,
    };
    let verdict = match came_to {
        Verdict::Nondeterministic => Verdict::Nondeterministic,
        _ if expected => Verdict::Held,
        _ => Verdict::Broke,
    };
    Ok((row(scenario, build, &outcome, caught.as_ref().map(|(failure, _)| failure), expected), verdict))
}

/// Replays the token as it is printed, to see that it does what it says.
fn replayed(failure: &FailingRun, executor: &dyn Executor) -> Result<(Line, bool), Refusal> {
    let token: Token = failure.finding.token.parse()?;
    let reply = executor.fresh(&token.request(false))?;
    let again = reply.digest == failure.finding.digest
        && reply.violations.first().is_some_and(|violation| violation.signature() == failure.finding.signature);
    let line = if again {
        let same = match failure.ended {
            Ended::Whole => plural(failure.totals.events, "event"),
            _ => "end".to_owned(),
        };
        let text = format!("  run {}; its token in a fresh process: the same {same}", failure.finding.first_run);
        Line::of(Tone::Plain, text)
    } else {
        Line::of(Tone::Bad, format!("  its token replays another run, digest {}", reply.digest))
    };
    Ok((line, again))
}

fn without_finding(outcome: &Outcome, breaks: bool) -> Line {
    let name = format!("{} {}", outcome.scenario, outcome.build);
    let runs = plural(outcome.runs, "run");
    let (tone, sign, title) = match (outcome.verdict(), breaks) {
        (Verdict::Held, false) => (Tone::Good, "✓", format!("{name} held in {runs}")),
        (Verdict::Held, true) => (Tone::Bad, "✗", format!("{name}: nothing found in {runs}, and something is there")),
        (Verdict::Nondeterministic, _) => (Tone::Bad, "✗", format!("{name}: one seed ran two ways, after {runs}")),
        _ => (Tone::Bad, "✗", format!("{name}: nothing was tested in {runs}: never {}", outcome.never.join(", "))),
    };
    let size = format!("; {}, {} of ours", plural(outcome.events, "event"), elapsed(outcome.elapsed));
    Line::of(tone, sign).put(Tone::Plain, " ").put(Tone::Strong, title).put(Tone::Faint, size)
}

fn row(scenario: &Scenario, build: Build, outcome: &Outcome, failure: Option<&FailingRun>, expected: bool) -> Row {
    Row {
        system: scenario.name.to_owned(),
        build,
        claim: failure.map(|failure| failure.finding.violation.invariant.clone()),
        runs: failure.map_or(outcome.runs, |failure| failure.finding.first_run),
        injections: failure.and_then(FailingRun::injections),
        issue: scenario.issue.to_owned(),
        token: failure.map(|failure| failure.finding.token.clone()),
        expected,
    }
}

/// A face that keeps the finding for the hunt to tell.
struct Catcher<'a, W> {
    human: &'a mut Human<W>,
    /// The invariant that is looked for; any, if none is expected to break.
    wanted: Option<&'static str>,
    caught: Option<(FailingRun, Saved)>,
}

impl<W: Write> Reporter for Catcher<'_, W> {
    fn begins(&mut self, options: &CampaignOptions) {
        self.human.begins(options);
    }

    fn progress(&mut self, runs: u64, findings: usize) {
        self.human.progress(runs, findings);
    }

    fn failure(&mut self, failure: &FailingRun, saved: &Saved) {
        if self.wanted.is_none_or(|wanted| wanted == failure.finding.violation.invariant) {
            self.caught = Some((failure.clone(), saved.clone()));
        }
    }

    fn ends(&mut self, outcome: &Outcome) {
        self.human.ends(outcome);
    }
}
