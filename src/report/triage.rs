//! Records grouped by signature: the number in each group, their builds and dates, the clearest record, and the command that replays it.

use super::line::{Line, Tone, WIDTH, keep_start, wrap};
use super::measure::plural;
use super::paste::Paste;
use crate::failure::failing_run::FailingRun;
use crate::failure::regressions::here;
use crate::failure::test_origin::TestOrigin;
use crate::model::shell::quoted;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

/// A record of a group.
pub(crate) struct Triaged {
    /// The finding. Its events are not needed.
    pub(crate) failure: FailingRun,
    /// The folder of the record.
    pub(crate) folder: PathBuf,
    /// The time at which the record was written, if known.
    pub(crate) written: Option<SystemTime>,
    /// The test that made the run, if a test did.
    pub(crate) test: Option<TestOrigin>,
}

/// The lines for `groups`, each with its clearest record first, and for the records that could not be read.
pub(crate) fn triaged(groups: &[Vec<Triaged>], others: &[String], paste: &Paste) -> Vec<Line> {
    let mut lines = Vec::new();
    for group in groups {
        let Some(Triaged { failure, folder, test, .. }) = group.first() else { continue };
        let size = plural(group.len() as u64, "record");
        let title = Line::of(Tone::Bad, "✗").put(Tone::Plain, " ");
        let columns = WIDTH - 4 - size.chars().count();
        let title = title.put(Tone::Strong, keep_start(failure.finding.signature.as_str(), columns));
        lines.push(title.at_right(Tone::Plain, &size, 0));
        let text = format!("{} {}: {}", failure.scenario, failure.build, failure.finding.violation.sentence);
        lines.extend(wrap(&text, WIDTH - 2).into_iter().map(|text| Line::of(Tone::Plain, format!("  {text}"))));
        let mut label = "seen";
        for text in wrap(&seen(group), WIDTH - 11) {
            lines.push(Line::of(Tone::Plain, format!("  {:<9}{text}", std::mem::take(&mut label))));
        }
        lines.push(Line::of(Tone::Plain, format!("  replay   {}", paste.of_finding(test.as_ref()).replay_of(failure))));
        lines.push(Line::of(Tone::Plain, format!("  record   {}", quoted(&here(folder)))));
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

/// The builds of a group, each with its number of records, and the days of its first and last record.
fn seen(group: &[Triaged]) -> String {
    let mut builds: BTreeMap<String, u64> = BTreeMap::new();
    for Triaged { failure, .. } in group {
        *builds.entry(format!("{} {}", failure.scenario, failure.build)).or_default() += 1;
    }
    let builds: Vec<String> = builds.into_iter().map(|(build, count)| format!("{count} in {build}")).collect();
    let mut days: Vec<String> = group.iter().filter_map(|triaged| day(triaged.written?)).collect();
    days.sort();
    let days = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first == last => format!("; {first}"),
        (Some(first), Some(last)) => format!("; {first} to {last}"),
        _ => String::new(),
    };
    builds.join(", ") + &days
}

/// The day of a time, in UTC: `2026-11-30`.
fn day(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?.to_string();
    time.split_once('T').map(|(day, _)| day.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::{crash, use_after_teardown};
    use crate::model::build::Build;
    use std::time::Duration;

    #[test]
    fn a_group_has_its_builds_its_days_and_its_counts() {
        let at = |failure: FailingRun, day: u64| {
            let written = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(day * 86_400));
            Triaged { failure, folder: PathBuf::from(format!("night {day}/x")), written, test: None }
        };
        let patched = FailingRun { build: Build::new("patched"), ..use_after_teardown() };
        let groups = [
            vec![at(use_after_teardown(), 20_000), at(patched, 20_003), at(use_after_teardown(), 20_001)],
            vec![at(crash(), 20_000)],
        ];
        let paste = Paste::Program { called: "cargo afterlife".into(), out: None };
        let lines = triaged(&groups, &["cannot read x: \u{1b}[2J".to_owned()], &paste);
        let text: String = lines.iter().map(|line| format!("{line:#}\n")).collect();
        insta::assert_snapshot!("triaged", text);
    }
}
