//! The result of an audit as text: each violation, with the lines of the log behind it.

use super::auditor::Audit;
use crate::model::violation::Violation;
use crate::report::{Lexicon, Line, Tone, WIDTH, count, heading, keep_start, plural, wide};
use afterlife_sim::event::Seq;

/// The number of violations printed; the others are counted.
const VIOLATIONS_MAX: usize = 10;
/// The number of unknown kinds of facts that are named.
const UNKNOWN_MAX: usize = 5;
/// A site cut any shorter would be useless.
const SITE_MIN: usize = 14;

/// The lines for an audit of the log with this name.
pub(crate) fn audited(audit: &Audit, log: &str) -> Vec<Line> {
    let lexicon = Lexicon::of(&audit.record);
    let mut lines = Vec::new();
    for violation in audit.violations.iter().take(VIOLATIONS_MAX) {
        lines.extend(heading(violation));
        lines.push(Line::default());
        lines.extend(steps(audit, violation, log, &lexicon));
        lines.push(Line::default());
    }
    if let Some(more @ 1..) = audit.violations.len().checked_sub(VIOLATIONS_MAX) {
        lines.push(Line::of(Tone::Plain, format!("  and {} more", count(more as u64))));
    }
    if let Some(own) = &audit.of_the_run {
        lines.extend(heading(own));
        lines.push(Line::default());
        lines.push(Line::of(
            Tone::Faint,
            "  found by the run; an audit cannot check it again: `afterlife show` has its story",
        ));
        lines.push(Line::default());
    }
    lines.extend(unknown(audit));
    lines.extend(closing(audit, log));
    lines
}

/// The lines of the log that a violation names, in order.
fn steps(audit: &Audit, violation: &Violation, log: &str, lexicon: &Lexicon<'_>) -> Vec<Line> {
    let mut named: Vec<Seq> = violation.turning.iter().copied().chain([violation.at]).collect();
    named.sort_unstable();
    named.dedup();
    let file = log.rsplit('/').next().unwrap_or(log);
    let locations: Vec<(usize, String)> = named
        .into_iter()
        .filter_map(|seq| usize::try_from(seq.0).ok())
        .filter_map(|index| Some((index, format!("{file}:{}", audit.line_of.get(index)?))))
        .collect();
    let widest = locations.iter().map(|(_, location)| wide(location)).max().unwrap_or(0);
    let line = |(index, location): (usize, String)| {
        let event = audit.record.events.get(index)?;
        let words = lexicon.words(event);
        let (tone, sign) = if event.seq == violation.at { (Tone::Bad, "✗") } else { (Tone::Turn, "┃") };
        let line =
            Line::of(Tone::Plain, "    ").put(tone, sign).put(Tone::Faint, format!("  {location}")).to(9 + widest);
        let line = line.put(Tone::Plain, words.what).to(9 + widest + 24).put(Tone::Plain, words.note);
        Some(line.at_right(Tone::Faint, &words.site, SITE_MIN))
    };
    locations.into_iter().filter_map(line).collect()
}

fn unknown(audit: &Audit) -> Option<Line> {
    let named: Vec<String> =
        audit.unknown.iter().take(UNKNOWN_MAX).map(|(kind, times)| format!("`{kind}` × {times}")).collect();
    if named.is_empty() {
        return None;
    }
    let text = format!("– unknown kinds of facts: {}", named.join(", "));
    Some(Line::of(Tone::Turn, keep_start(&text, WIDTH)))
}

fn closing(audit: &Audit, log: &str) -> [Line; 2] {
    let facts = plural(audit.record.events.len() as u64, "fact");
    let (tone, sign, title) = match audit.violations.len() as u64 {
        0 if audit.of_the_run.is_some() => (
            Tone::Bad,
            "✗",
            format!("{log}: the claims that an audit checks hold; the record's own finding is another"),
        ),
        0 => (Tone::Good, "✓", format!("{log}: every claim holds")),
        broke => (Tone::Bad, "✗", format!("{log}: {}", plural(broke, "violation"))),
    };
    let unreadable = match audit.unreadable {
        0 => String::new(),
        lines => format!(", {} without JSON", count(lines)),
    };
    let not_utf8 = match audit.not_utf8 {
        None => String::new(),
        Some((1, line)) => format!(", line {line} not all UTF-8"),
        Some((lines, first)) => format!(", {} not all UTF-8 (the first is line {first})", count(lines)),
    };
    let of_others = match audit.of_too_many_nodes {
        0 => String::new(),
        facts => format!(", {} of too many nodes left out", plural(facts, "fact")),
    };
    let size = format!("  {}, {facts}{unreadable}{not_utf8}{of_others}", plural(audit.lines, "line"));
    [Line::of(tone, sign).put(Tone::Plain, " ").put(Tone::Strong, title), Line::of(Tone::Faint, size)]
}
