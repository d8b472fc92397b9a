//! What an audit of a log came to, in lines for a person: each violation with the lines of the log that tell it.
//! It decides nothing: the exit code comes from the same data, elsewhere.

use super::auditor::Audit;
use crate::model::violation::Violation;
use crate::report::{Lexicon, Line, Tone, WIDTH, count, heading, keep_start, plural, wide};
use afterlife_sim::event::Seq;

/// How many violations are told; the others are counted.
const TOLD_MAX: usize = 10;
/// How many unknown kinds of facts are named.
const UNKNOWN_MAX: usize = 5;
/// A site shortened further than this would name nothing.
const SITE_MIN: usize = 14;

/// An audit of the log of this name.
pub(crate) fn audited(audit: &Audit, log: &str) -> Vec<Line> {
    let lexicon = Lexicon::of(&audit.record);
    let mut lines = Vec::new();
    for violation in audit.violations.iter().take(TOLD_MAX) {
        lines.extend(heading(violation));
        lines.push(Line::default());
        lines.extend(steps(audit, violation, log, &lexicon));
        lines.push(Line::default());
    }
    if let Some(more @ 1..) = audit.violations.len().checked_sub(TOLD_MAX) {
        lines.push(Line::of(Tone::Plain, format!("  and {} more", count(more as u64))));
    }
    lines.extend(unknown(audit));
    lines.extend(closing(audit, log));
    lines
}

/// The lines of the log that a violation names, in their order.
fn steps(audit: &Audit, violation: &Violation, log: &str, lexicon: &Lexicon<'_>) -> Vec<Line> {
    let mut named: Vec<Seq> = violation.turning.iter().copied().chain([violation.at]).collect();
    named.sort_unstable();
    named.dedup();
    let file = log.rsplit('/').next().unwrap_or(log);
    let places: Vec<(usize, String)> = named
        .into_iter()
        .filter_map(|seq| usize::try_from(seq.0).ok())
        .filter_map(|index| Some((index, format!("{file}:{}", audit.line_of.get(index)?))))
        .collect();
    let widest = places.iter().map(|(_, place)| wide(place)).max().unwrap_or(0);
    let line = |(index, place): (usize, String)| {
        let event = audit.record.events.get(index)?;
        let words = lexicon.words(event);
        let (tone, sign) = if event.seq == violation.at { (Tone::Bad, "✗") } else { (Tone::Turn, "┃") };
        let line = Line::of(Tone::Plain, "    ").put(tone, sign).put(Tone::Faint, format!("  {place}")).to(9 + widest);
        let line = line.put(Tone::Plain, words.what).to(9 + widest + 24).put(Tone::Plain, words.note);
        Some(line.at_right(Tone::Faint, &words.site, SITE_MIN))
    };
    places.into_iter().filter_map(line).collect()
}

fn unknown(audit: &Audit) -> Option<Line> {
    let named: Vec<String> =
        audit.unknown.iter().take(UNKNOWN_MAX).map(|(kind, times)| format!("`{kind}` × {times}")).collect();
    if named.is_empty() {
        return None;
    }
    let text = format!("– kinds of facts that are not known: {}", named.join(", "));
    Some(Line::of(Tone::Turn, keep_start(&text, WIDTH)))
}

fn closing(audit: &Audit, log: &str) -> [Line; 2] {
    let facts = plural(audit.record.events.len() as u64, "fact");
    let (tone, sign, said) = match audit.violations.len() as u64 {
        0 => (Tone::Good, "✓", format!("{log}: every claim holds")),
        broke => (Tone::Bad, "✗", format!("{log}: {}", plural(broke, "violation"))),
    };
    let unreadable = match audit.unreadable {
        0 => String::new(),
        lines => format!(", {} without a JSON object", count(lines)),
    };
    let size = format!("  {}, {facts}{unreadable}", plural(audit.lines, "line"));
    [Line::of(tone, sign).put(Tone::Plain, " ").put(Tone::Strong, said), Line::of(Tone::Faint, size)]
}
