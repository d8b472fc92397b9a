//! Records grouped by signature: the number in each group, the clearest record, and the command that replays it.

use super::line::{Line, Tone, WIDTH, keep_start, wrap};
use super::measure::plural;
use super::paste::Paste;
use crate::failure::failing_run::FailingRun;
use crate::failure::regressions::here;
use std::path::PathBuf;

/// The lines for `groups`, each with its clearest record first, and for the records that could not be read.
pub(crate) fn triaged(groups: &[Vec<(FailingRun, PathBuf)>], others: &[String], paste: &Paste) -> Vec<Line> {
    let mut lines = Vec::new();
    for group in groups {
        let Some((failure, folder)) = group.first() else { continue };
        let size = plural(group.len() as u64, "record");
        let title = Line::of(Tone::Bad, "✗").put(Tone::Plain, " ");
        let columns = WIDTH - 4 - size.chars().count();
        let title = title.put(Tone::Strong, keep_start(failure.finding.signature.as_str(), columns));
        lines.push(title.at_right(Tone::Plain, &size, 0));
        let text = format!("{} {}: {}", failure.scenario, failure.build, failure.finding.violation.sentence);
        lines.extend(wrap(&text, WIDTH - 2).into_iter().map(|text| Line::of(Tone::Plain, format!("  {text}"))));
        lines.push(Line::of(Tone::Plain, format!("  replay   {}", paste.replay(&failure.finding.token))));
        lines.push(Line::of(Tone::Plain, format!("  record   {}", here(folder))));
        lines.push(Line::default());
    }
    for other in others {
        lines.extend(wrap(other, WIDTH - 2).into_iter().map(|text| Line::of(Tone::Turn, format!("– {text}"))));
    }
    let records: usize = groups.iter().map(Vec::len).sum();
    let (signatures, records) = (plural(groups.len() as u64, "signature"), plural(records as u64, "record"));
    lines.push(Line::of(Tone::Strong, format!("{signatures} in {records}")));
    lines
}
