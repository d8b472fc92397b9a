//! What a finding takes and what it does not: the injections that are left when its plan was shrunk, and those that went.
//! It shows what replays established; a plan that was not shrunk is told elsewhere.

use super::line::{Line, Tone, WIDTH, keep_start, wrap};
use super::measure::{count, plural};
use super::words::Lexicon;
use crate::failure::failing_run::FailingRun;
use crate::failure::shrunk::Shrunk;
use crate::fault::Injection;

/// Columns of the two labels, with what separates them from their text.
const LABEL: usize = 15;
/// Two lines each, as the page has room for.
const TAKES_MAX: usize = 3;
const NOT_LINES_MAX: usize = 2;

/// The lines `it takes` and `it does not`, if the plan was shrunk.
pub(super) fn takes(failure: &FailingRun, lexicon: &Lexicon<'_>) -> Option<Vec<Line>> {
    let shrunk = failure.shrunk.as_ref()?;
    let mut lines = Vec::new();
    let left = &failure.finding.plan.injections;
    let shown = if left.len() > TAKES_MAX { TAKES_MAX - 1 } else { left.len() };
    for (index, injection) in left.iter().take(shown).enumerate() {
        let (fault, trigger) = lexicon.injection(injection);
        let label = if index == 0 { "it takes" } else { "" };
        lines.extend(labelled(label, &format!("{fault}, {trigger}"), 2));
    }
    if left.is_empty() {
        lines.extend(labelled("it takes", "no fault at all", 1));
    }
    let more = left.len() - shown;
    let mut rest = Vec::new();
    rest.extend((more > 0).then(|| format!("{} more", count(more as u64))));
    rest.extend((!shrunk.whole).then(|| format!("perhaps less: {} did not show it", plural(shrunk.replays, "replay"))));
    if !rest.is_empty() {
        lines.extend(labelled("", &rest.join("; "), 1));
    }
    let not = not(shrunk, lexicon);
    if !not.is_empty() {
        let lines_max = if more > 0 { 1 } else { NOT_LINES_MAX };
        lines.extend(labelled("it does not", &not.join("; "), lines_max));
    }
    Some(lines)
}

/// What made no difference, in words.
pub(super) fn not(shrunk: &Shrunk, lexicon: &Lexicon<'_>) -> Vec<String> {
    // Who went is enough: when and for how long made no difference.
    let fault = |injection: &Injection| lexicon.title(&injection.fault);
    let mut counted: Vec<(String, u64)> = Vec::new();
    for fault in shrunk.not.iter().map(fault) {
        match counted.iter_mut().find(|(known, _)| *known == fault) {
            Some((_, times)) => *times += 1,
            None => counted.push((fault, 1)),
        }
    }
    let times = |(fault, times): (String, u64)| match times {
        1 => fault,
        times => format!("{fault}, {} times", count(times)),
    };
    let mut not: Vec<String> = counted.into_iter().map(times).collect();
    let (tried, broke) = shrunk.seeds;
    if tried > 0 && tried == broke {
        not.push(format!("this seed ({} of {} others break so too)", count(broke), count(tried)));
    }
    not
}

fn labelled(label: &str, text: &str, lines_max: usize) -> Vec<Line> {
    let mut texts = wrap(text, WIDTH - LABEL);
    if texts.len() > lines_max {
        let rest = texts.split_off(lines_max - 1).join(" ");
        texts.push(keep_start(&rest, WIDTH - LABEL));
    }
    let mut label = label;
    let line = |text| {
        Line::of(Tone::Plain, "  ").put(Tone::Faint, std::mem::take(&mut label)).to(LABEL).put(Tone::Plain, text)
    };
    texts.into_iter().map(line).collect()
}
