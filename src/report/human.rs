//! A campaign as a person reads it: a page for each finding, a line for each campaign.
//! What is printed here is all that is printed: no face hides what another shows.

use super::line::{Line, Tone, WIDTH, keep_start, wrap};
use super::measure::{count, elapsed, plural, span};
use super::page::page;
use super::paste::Paste;
use super::progress::Progress;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::Saved;
use crate::model::verdict::Verdict;
use crate::model::violation::Signature;
use crate::search::campaign::{CampaignOptions, Counted, Nondeterminism, Outcome, RegressionOutcome, Reporter};
use afterlife_sim::event::Digest;
use std::io::Write;

/// How many claims that never held are named before they are only counted.
const NEVER_MAX: usize = 6;

/// Prints for a person.
pub(crate) struct Human<W> {
    to: W,
    paste: Paste,
    progress: Progress,
    /// Whether pages are printed, or only what a table needs.
    pages: bool,
}

impl<W: Write> Human<W> {
    /// Prints there.
    pub(crate) fn new(to: W, paste: Paste, progress: Progress) -> Self {
        Self { to, paste, progress, pages: true }
    }

    /// Whether findings and campaigns are told from now on, or only the bar is shown.
    pub(crate) fn tell(&mut self, pages: bool) {
        self.pages = pages;
    }

    /// Prints these lines.
    pub(crate) fn print(&mut self, lines: &[Line]) {
        let to = &mut self.to;
        self.progress.aside(|| {
            for line in lines {
                // A reader that has left needs no report.
                let _ = writeln!(to, "{line}");
            }
            let _ = to.flush();
        });
    }

    /// What was printed to.
    pub(crate) fn into_inner(self) -> W {
        self.to
    }

    /// How to have things again.
    pub(crate) fn paste(&self) -> &Paste {
        &self.paste
    }
}

impl<W: Write> Reporter for Human<W> {
    fn begins(&mut self, options: &CampaignOptions) {
        let runs = options.until.is_none().then(|| options.runs());
        self.progress.begin(format!("{} {}", options.scenario, options.build), runs);
    }

    fn progress(&mut self, runs: u64, findings: usize) {
        self.progress.set(runs, findings);
    }

    fn failure(&mut self, failure: &FailingRun, saved: &Saved) {
        if self.pages {
            let mut lines = page(failure, Some(saved), &self.paste);
            lines.push(Line::default());
            self.print(&lines);
        }
    }

    fn ends(&mut self, outcome: &Outcome) {
        self.progress.end();
        let mut lines = Vec::new();
        lines.extend(
            outcome
                .nondeterminism
                .iter()
                .flat_map(|nondeterminism| told_two_ways(outcome, nondeterminism, &self.paste)),
        );
        if self.pages {
            lines.extend(regressions(outcome));
            lines.extend(repeats(outcome));
            lines.extend(never(outcome));
            lines.extend(closing(outcome));
        }
        self.print(&lines);
    }
}

/// Two runs of one seed that differ, as far as is known without their events.
pub(crate) fn told_two_ways(outcome: &Outcome, nondeterminism: &Nondeterminism, paste: &Paste) -> Vec<Line> {
    let way = |name: &str, (digest, broke): &(Digest, Option<Signature>)| {
        let broke = broke.as_ref().map_or("nothing broke".to_owned(), |signature| format!("broke {signature}"));
        Line::of(Tone::Plain, keep_start(&format!("  {name:<8} {digest}  {broke}"), WIDTH))
    };
    let title = format!("one seed ran two ways: {} of {} {}", nondeterminism.seed, outcome.scenario, outcome.build);
    let mut lines = vec![Line::of(Tone::Bad, "✗").put(Tone::Plain, " ").put(Tone::Strong, title)];
    lines.push(way("first", &nondeterminism.first));
    lines.push(way("again", &nondeterminism.second));
    let check = paste.check(&outcome.scenario, outcome.build, nondeterminism.seed);
    lines.extend(check.map(|check| Line::of(Tone::Plain, format!("  look     {check}"))));
    lines.push(Line::default());
    lines
}

/// The runs that were kept.
fn regressions(outcome: &Outcome) -> Vec<Line> {
    let mut lines = Vec::new();
    let held = outcome.regressions.iter().filter(|run| run.outcome == RegressionOutcome::Held).count() as u64;
    if held > 0 {
        let text = format!("{} {} now", plural(held, "kept run"), if held == 1 { "holds" } else { "hold" });
        lines.push(Line::of(Tone::Good, "✓").put(Tone::Plain, format!(" {text}")));
    }
    for run in &outcome.regressions {
        let said = match &run.outcome {
            RegressionOutcome::Held => continue,
            RegressionOutcome::Broke => "breaks again".to_owned(),
            RegressionOutcome::Unfit(why) => format!("no longer fits: {why}"),
        };
        let texts = wrap(&format!("{} {said}", run.regression.place), WIDTH - 2);
        for (index, text) in texts.into_iter().enumerate() {
            let line =
                if index == 0 { Line::of(Tone::Bad, "✗").put(Tone::Plain, " ") } else { Line::of(Tone::Plain, "  ") };
            lines.push(line.put(Tone::Plain, text));
        }
    }
    lines
}

/// Failures that came up more than once.
fn repeats(outcome: &Outcome) -> Vec<Line> {
    let again = outcome.findings.iter().filter(|known| known.times > 1);
    let line = |known: &Counted| {
        let text = format!("  {} broke so: {}", plural(known.times, "run"), known.finding.signature);
        Line::of(Tone::Plain, keep_start(&text, WIDTH))
    };
    again.map(line).collect()
}

/// What no run saw.
fn never(outcome: &Outcome) -> Vec<Line> {
    let Some((first, rest)) = outcome.never.split_first() else { return Vec::new() };
    let (tone, sign, said) = if outcome.tested_nothing() {
        (Tone::Bad, "✗", "nothing was tested:")
    } else {
        (Tone::Turn, "–", "not seen so far:")
    };
    let named = std::iter::once(first)
        .chain(rest.iter().take(NEVER_MAX - 1))
        .map(|claim| format!("\"{claim}\""))
        .collect::<Vec<_>>();
    let more = outcome.never.len().saturating_sub(NEVER_MAX);
    let more = if more > 0 { format!(" and {} more", count(more as u64)) } else { String::new() };
    let text = format!("{said} in {} never {}{more}", plural(outcome.runs, "run"), named.join(", "));
    let mut lines = Vec::new();
    for (index, text) in wrap(&text, WIDTH - 2).into_iter().enumerate() {
        let line = if index == 0 { Line::of(tone, sign).put(Tone::Plain, " ") } else { Line::of(Tone::Plain, "  ") };
        lines.push(line.put(Tone::Plain, text));
    }
    lines
}

/// What every campaign ends with.
fn closing(outcome: &Outcome) -> [Line; 2] {
    let name = format!("{} {}", outcome.scenario, outcome.build);
    let findings = outcome.findings.len() as u64;
    let (tone, sign, said) = match outcome.verdict() {
        Verdict::Held => (Tone::Good, "✓", format!("{name} held in {}", plural(outcome.runs, "run"))),
        Verdict::Broke if findings > 0 => {
            (Tone::Bad, "✗", format!("{name}: {} in {}", plural(findings, "finding"), plural(outcome.runs, "run")))
        }
        _ => (Tone::Bad, "✗", format!("{name} failed after {}", plural(outcome.runs, "run"))),
    };
    let size = format!(
        "  {}, {} of its time, {} of ours",
        plural(outcome.events, "event"),
        span(outcome.virtual_ns),
        elapsed(outcome.elapsed),
    );
    [Line::of(tone, sign).put(Tone::Plain, " ").put(Tone::Strong, said), Line::of(Tone::Faint, size)]
}
