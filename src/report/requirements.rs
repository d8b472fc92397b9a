//! The injections that a failure takes, and those that it does not take, as shrinking established them.
//! The plan of a failure that was not shrunk is in `page.rs`.

use super::line::{Line, Tone, WIDTH, keep_start, wrap};
use super::measure::{count, plural};
use super::words::Lexicon;
use crate::failure::failing_run::FailingRun;
use crate::failure::shrunk::Shrunk;
use crate::fault::Injection;
use afterlife_sim::event::What;
use std::collections::{BTreeMap, BTreeSet};

/// Columns of the two labels and the gap after them.
const LABEL: usize = 20;
/// Each takes two lines, so that the page stays within thirty.
const TAKES_MAX: usize = 3;
const NEEDLESS_LINES_MAX: usize = 2;

/// The lines `it takes` and `it does not take`, if the plan was shrunk.
pub(super) fn takes(failure: &FailingRun, lexicon: &Lexicon<'_>) -> Option<Vec<Line>> {
    let shrunk = failure.shrunk.as_ref()?;
    let mut lines = Vec::new();
    let left = in_order_of_time(failure);
    let shown = if left.len() > TAKES_MAX { TAKES_MAX - 1 } else { left.len() };
    for (index, injection) in left.iter().take(shown).enumerate() {
        let (fault, trigger) = lexicon.injection(injection);
        let label = if index == 0 { "it takes" } else { "" };
        lines.extend(labelled(label, &format!("{fault}, {trigger}"), 2));
    }
    if left.is_empty() {
        lines.extend(labelled("it takes", "no faults", 1));
    }
    let more = left.len() - shown;
    let mut rest = Vec::new();
    rest.extend((more > 0).then(|| format!("{} more", count(more as u64))));
    rest.extend(
        (!shrunk.whole).then(|| format!("perhaps less: shrinking stopped after {}", plural(shrunk.replays, "replay"))),
    );
    if !rest.is_empty() {
        lines.extend(labelled("", &rest.join("; "), 1));
    }
    let needless = needless(failure, shrunk, lexicon);
    if !needless.is_empty() {
        let lines_max = if more > 0 { 1 } else { NEEDLESS_LINES_MAX };
        lines.extend(labelled("it does not take", &needless.join("; "), lines_max));
    }
    Some(lines)
}

/// The injections of the plan as they struck; those that did not strike come last.
fn in_order_of_time(failure: &FailingRun) -> Vec<&Injection> {
    let mut struck = BTreeMap::new();
    for (place, event) in failure.record.events.iter().enumerate() {
        if let What::Fault { injection, .. } = event.what {
            struck.entry(injection as usize).or_insert(place);
        }
    }
    let mut injections: Vec<_> = failure.finding.plan.injections.iter().enumerate().collect();
    injections.sort_by_key(|(index, _)| struck.get(index).copied().unwrap_or(usize::MAX));
    injections.into_iter().map(|(_, injection)| injection).collect()
}

/// The injections that made no difference, except further ones of a fault that it takes; and the seed if it made none.
pub(super) fn needless(failure: &FailingRun, shrunk: &Shrunk, lexicon: &Lexicon<'_>) -> Vec<String> {
    // The title is enough: the time and the figures made no difference.
    let fault = |injection: &Injection| lexicon.title(&injection.fault);
    let mut counted: Vec<(String, u64)> = Vec::new();
    let taken: BTreeSet<String> = failure.finding.plan.injections.iter().map(fault).collect();
    for fault in shrunk.not.iter().map(fault).filter(|title| !taken.contains(title)) {
        match counted.iter_mut().find(|(known, _)| *known == fault) {
            Some((_, times)) => *times += 1,
            None => counted.push((fault, 1)),
        }
    }
    let times = |(fault, times): (String, u64)| match times {
        1 => fault,
        times => format!("{fault}, {} times", count(times)),
    };
    let mut needless: Vec<String> = counted.into_iter().map(times).collect();
    let (tried, broke) = shrunk.seeds;
    if tried > 0 && tried == broke {
        needless.push(format!("this seed ({} of {} others break too)", count(broke), count(tried)));
    }
    needless
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
