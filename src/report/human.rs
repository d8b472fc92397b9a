//! A campaign as a person reads it: a page for each finding, a line for each campaign.
//! What is printed here is all that is printed: no face hides what another shows.

use super::line::{Line, Tone, WIDTH, keep_start, wrap};
use super::measure::{count, elapsed, plural, span};
use super::page::page;
use super::paste::Paste;
use super::progress::Progress;
use crate::failure::failing_run::Found;
use crate::failure::record::Saved;
use crate::model::verdict::Verdict;
use crate::model::violation::Signature;
use crate::search::campaign::{CameTo, Counted, Face, Order, Outcome, TwoWays};
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

impl<W: Write> Face for Human<W> {
    fn begins(&mut self, order: &Order) {
        let runs = order.until.is_none().then(|| order.runs());
        self.progress.begin(format!("{} {}", order.scenario, order.build), runs);
    }

    fn progress(&mut self, runs: u64, findings: usize) {
        self.progress.set(runs, findings);
    }

    fn found(&mut self, found: &Found, saved: &Saved) {
        if self.pages {
            let mut lines = page(found, Some(saved), &self.paste);
            lines.push(Line::default());
            self.print(&lines);
        }
    }

    fn ends(&mut self, outcome: &Outcome) {
        self.progress.end();
        let mut lines = Vec::new();
        lines.extend(outcome.two_ways.iter().flat_map(|two_ways| told_two_ways(outcome, two_ways, &self.paste)));
        if self.pages {
            lines.extend(kept(outcome));
            lines.extend(repeats(outcome));
            lines.extend(never(outcome));
            lines.extend(closing(outcome));
        }
        self.print(&lines);
    }
}

/// Two runs of one seed that differ, as far as is known without their events.
pub(crate) fn told_two_ways(outcome: &Outcome, two_ways: &TwoWays, paste: &Paste) -> Vec<Line> {
    let way = |name: &str, (digest, broke): &(Digest, Option<Signature>)| {
        let broke = broke.as_ref().map_or("nothing broke".to_owned(), |signature| format!("broke {signature}"));
        Line::of(Tone::Plain, keep_start(&format!("  {name:<8} {digest}  {broke}"), WIDTH))
    };
    let title = format!("one seed ran two ways: {} of {} {}", two_ways.seed, outcome.scenario, outcome.build);
    let mut lines = vec![Line::of(Tone::Bad, "✗").put(Tone::Plain, " ").put(Tone::Strong, title)];
    lines.push(way("first", &two_ways.first));
    lines.push(way("again", &two_ways.second));
    let check = paste.check(&outcome.scenario, outcome.build, two_ways.seed);
    lines.extend(check.map(|check| Line::of(Tone::Plain, format!("  look     {check}"))));
    lines.push(Line::default());
    lines
}

/// The runs that were kept.
fn kept(outcome: &Outcome) -> Vec<Line> {
    let mut lines = Vec::new();
    let held = outcome.kept.iter().filter(|run| run.came_to == CameTo::Held).count() as u64;
    if held > 0 {
        let text = format!("{} {} now", plural(held, "kept run"), if held == 1 { "holds" } else { "hold" });
        lines.push(Line::of(Tone::Good, "✓").put(Tone::Plain, format!(" {text}")));
    }
    for run in &outcome.kept {
        let said = match &run.came_to {
            CameTo::Held => continue,
            CameTo::Broke => "breaks again".to_owned(),
            CameTo::Unfit(why) => format!("no longer fits: {why}"),
        };
        let texts = wrap(&format!("{} {said}", run.kept.place), WIDTH - 2);
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
    let found = outcome.findings.len() as u64;
    let (tone, sign, said) = match outcome.verdict() {
        Verdict::Held => (Tone::Good, "✓", format!("{name} held in {}", plural(outcome.runs, "run"))),
        Verdict::Broke if found > 0 => {
            (Tone::Bad, "✗", format!("{name}: {} in {}", plural(found, "finding"), plural(outcome.runs, "run")))
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
