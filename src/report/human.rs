//! Campaigns for a person at a terminal: a page per finding, and closing lines per campaign.

use super::account::{gaps, tested};
use super::line::{Line, Tone, WIDTH, keep_start, wrap};
use super::measure::{elapsed, plural, span};
use super::page::page;
use super::paste::Paste;
use super::progress::Progress;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::model::verdict::Verdict;
use crate::model::violation::Signature;
use crate::search::campaign::{CampaignOptions, CampaignOutcome, Counted, Nondeterminism, RegressionOutcome, Reporter};
use afterlife_sim::event::Digest;
use std::io::Write;

/// Prints pages and closing lines.
pub(crate) struct Human<W> {
    to: W,
    paste: Paste,
    progress: Box<dyn Progress>,
    /// Off while only the progress bar is wanted.
    pages: bool,
}

impl<W: Write> Human<W> {
    /// A reporter that prints to `to`.
    pub(crate) fn new(to: W, paste: Paste, progress: impl Progress + 'static) -> Self {
        Self { to, paste, progress: Box::new(progress), pages: true }
    }

    /// Turns pages and closing lines on or off. The progress bar stays.
    pub(crate) fn show_pages(&mut self, pages: bool) {
        self.pages = pages;
    }

    /// Prints lines.
    pub(crate) fn print(&mut self, lines: &[Line]) {
        let to = &mut self.to;
        self.progress.aside(&mut || {
            for line in lines {
                // Nobody reads a closed pipe.
                let _ = writeln!(to, "{line}");
            }
            let _ = to.flush();
        });
    }

    /// The commands that pages propose.
    pub(crate) fn paste(&self) -> &Paste {
        &self.paste
    }
}

impl<W: Write> Reporter for Human<W> {
    fn begin(&mut self, options: &CampaignOptions) {
        self.progress.begin(&format!("{} {}", options.scenario, options.build), options.runs());
    }

    fn progress(&mut self, runs: u64, findings: usize) {
        self.progress.set(runs, findings);
    }

    fn failure(&mut self, failure: &FailingRun, saved: &SavedRecord) {
        if self.pages {
            let mut lines = page(failure, Some(saved), &self.paste);
            lines.push(Line::default());
            self.print(&lines);
        }
    }

    fn end(&mut self, outcome: &CampaignOutcome) {
        self.progress.end();
        let mut lines = Vec::new();
        let differing = outcome.nondeterminism.as_ref();
        lines.extend(differing.into_iter().flat_map(|seed| differing_runs(outcome, seed, &self.paste)));
        if self.pages {
            lines.extend(regressions(outcome));
            lines.extend(repeats(outcome));
            lines.extend(gaps(outcome));
            lines.extend(closing(outcome));
            lines.extend(tested(outcome.account()));
        }
        self.print(&lines);
    }
}

/// Two runs of one seed that differ, without their events.
fn differing_runs(outcome: &CampaignOutcome, nondeterminism: &Nondeterminism, paste: &Paste) -> Vec<Line> {
    let side = |name: &str, (digest, broke): &(Digest, Option<Signature>)| {
        let broke = broke.as_ref().map_or("nothing broke".to_owned(), |signature| format!("broke {signature}"));
        Line::of(Tone::Plain, keep_start(&format!("  {name:<8} {digest}  {broke}"), WIDTH))
    };
    let (scenario, build, seed) = (&outcome.scenario, outcome.build, nondeterminism.seed);
    let title = format!("{scenario} {build}: two runs of seed {seed} differ");
    let mut lines = vec![Line::of(Tone::Bad, "✗").put(Tone::Plain, " ").put(Tone::Strong, title)];
    lines.push(side("first", &nondeterminism.first));
    lines.push(side("second", &nondeterminism.second));
    let check = paste.check(scenario, build, seed);
    lines.extend(check.map(|check| Line::of(Tone::Plain, format!("  check    {check}"))));
    lines.push(Line::default());
    lines
}

/// The regressions.
fn regressions(outcome: &CampaignOutcome) -> Vec<Line> {
    let mut lines = Vec::new();
    let held = outcome.regressions.iter().filter(|run| run.outcome == RegressionOutcome::Held).count() as u64;
    if held > 0 {
        let text = format!("{} {}", plural(held, "regression"), if held == 1 { "holds" } else { "hold" });
        lines.push(Line::of(Tone::Good, "✓").put(Tone::Plain, format!(" {text}")));
    }
    for run in &outcome.regressions {
        let result = match &run.outcome {
            RegressionOutcome::Held => continue,
            RegressionOutcome::Broke => "breaks again".to_owned(),
            RegressionOutcome::Unfit(why) => format!("no longer fits: {why}"),
        };
        let texts = wrap(&format!("{} {result}", run.regression.place), WIDTH - 2);
        for (index, text) in texts.into_iter().enumerate() {
            let line =
                if index == 0 { Line::of(Tone::Bad, "✗").put(Tone::Plain, " ") } else { Line::of(Tone::Plain, "  ") };
            lines.push(line.put(Tone::Plain, text));
        }
    }
    lines
}

/// Failures that occurred more than once.
fn repeats(outcome: &CampaignOutcome) -> Vec<Line> {
    let repeated = outcome.findings.iter().filter(|counted| counted.times > 1);
    let line = |counted: &Counted| {
        let text = format!("  seen in {}: {}", plural(counted.times, "run"), counted.finding.signature);
        Line::of(Tone::Plain, keep_start(&text, WIDTH))
    };
    repeated.map(line).collect()
}

/// The last lines of every campaign.
fn closing(outcome: &CampaignOutcome) -> Vec<Line> {
    let name = format!("{} {}", outcome.scenario, outcome.build);
    let findings = outcome.findings.len() as u64;
    let (tone, sign, title) = match outcome.verdict() {
        Verdict::Vacuous => (Tone::Bad, "✗", format!("{name} tested nothing in {}", plural(outcome.runs, "run"))),
        Verdict::Held => (Tone::Good, "✓", format!("{name} held in {}", plural(outcome.runs, "run"))),
        Verdict::Broke if findings > 0 => {
            (Tone::Bad, "✗", format!("{name}: {} in {}", plural(findings, "finding"), plural(outcome.runs, "run")))
        }
        _ => (Tone::Bad, "✗", format!("{name} failed after {}", plural(outcome.runs, "run"))),
    };
    let size = format!(
        "  {}, {} of virtual time, {} elapsed",
        plural(outcome.events, "event"),
        span(outcome.virtual_ns),
        elapsed(outcome.elapsed),
    );
    vec![Line::of(tone, sign).put(Tone::Plain, " ").put(Tone::Strong, title), Line::of(Tone::Faint, size)]
}
