//! What a replay and a check come to, in lines for a person.
//! It decides nothing: the exit code comes from the same data, elsewhere.

use super::line::{Line, Tone};
use super::log_lines::traced;
use super::measure::{count, plural, span};
use super::page::page;
use super::paste::Paste;
use super::words::{Lexicon, event_line};
use crate::failure::token::Token;
use crate::model::build::Build;
use crate::run::log_filter::Filter;
use crate::run::request::Ended;
use crate::search::check::{Difference, Next};
use crate::search::moment::Moment;
use crate::search::replay::Replayed;

/// Of a run that was cut short, so many events are shown.
const LAST_EVENTS: usize = 12;

/// A replay, with what its programs said if there is a filter.
pub(crate) fn replayed(replayed: &Replayed, token: &Token, paste: &Paste, log: Option<&Filter>) -> Vec<Line> {
    let mut lines = outcome(replayed, token, paste);
    let said = replayed.record().zip(log).map(|(record, filter)| traced(record, filter));
    lines.extend(said.into_iter().flatten());
    lines
}

fn outcome(replayed: &Replayed, token: &Token, paste: &Paste) -> Vec<Line> {
    let name = format!("{} {}, seed {}", token.scenario, token.build, token.seed);
    let bad = |title: String| Line::of(Tone::Bad, "✗").put(Tone::Plain, " ").put(Tone::Strong, title);
    let text = |text: String| Line::of(Tone::Plain, format!("  {text}"));
    match replayed {
        Replayed::Broke(failure) => {
            let mut lines = page(failure, None, paste);
            lines.push(Line::default());
            lines.extend(match failure.ended {
                Ended::Whole => vec![
                    text(format!("in two fresh processes: the same {}", plural(failure.totals.events, "event"))),
                    text(format!("digest {}", failure.finding.digest)),
                ],
                _ => vec![text("in two fresh processes: the same end".to_owned())],
            });
            lines
        }
        Replayed::Held(reply) => vec![
            Line::of(Tone::Good, "✓").put(Tone::Plain, " ").put(Tone::Strong, format!("{name}: nothing broke")),
            text(format!(
                "in two fresh processes: the same {}, {} of its time",
                plural(reply.events, "event"),
                span(reply.virtual_ns)
            )),
            text(format!("digest {}", reply.digest)),
        ],
        Replayed::Nondeterministic([first, second]) => {
            let mut lines = vec![bad(format!("one seed ran two ways: {name}"))];
            lines.push(text(format!("first    {first}")));
            lines.push(text(format!("again    {second}")));
            let check = paste.check(&token.scenario, token.build, token.seed);
            lines.extend(check.map(|check| text(format!("look     {check}"))));
            lines
        }
        Replayed::PlanUnfit { node, nodes } => vec![
            bad(format!("{name}: the plan no longer fits this code")),
            text(format!("it names node number {node}, and there are {}", plural(*nodes as u64, "node"))),
        ],
        Replayed::RecordUnfit { expected, met, first } => {
            let mut lines = vec![
                bad(format!("{name}: the record no longer fits this code")),
                text(format!("the record  {expected}")),
                text(format!("this code   {met}")),
            ];
            if let Some(first) = first {
                let [then, now] = first
                    .each_ref()
                    .map(|moment| moment.as_ref().map_or_else(|| "the run is over".to_owned(), moment_line));
                lines.push(text("the first event that differs".to_owned()));
                lines.push(text(format!("then  {then}")));
                lines.push(text(format!("now   {now}")));
            }
            lines.push(text(format!("what it is now   {}", paste.replay(&token.to_string()))));
            lines
        }
        Replayed::CutShort { until_ns, reply } => {
            let title = format!("{name}: nothing had broken at {}", span(*until_ns));
            let mut lines = vec![Line::of(Tone::Good, "✓").put(Tone::Plain, " ").put(Tone::Strong, title)];
            lines.push(text(format!("in two fresh processes: the same {}", plural(reply.events, "event"))));
            if let Some(record) = &reply.record {
                let lexicon = Lexicon::of(record);
                let last = &record.events[record.events.len().saturating_sub(LAST_EVENTS)..];
                lines.push(text(format!("the last {} of them", count(last.len() as u64))));
                lines.extend(last.iter().map(|event| text(format!("  {}", event_line(event, &lexicon)))));
            }
            lines
        }
    }
}

/// In what the program that wrote a record, and where it ran, are otherwise than here.
pub(crate) fn written_elsewhere(differences: &[String]) -> Vec<Line> {
    let said = match differences {
        [] => vec!["this very program wrote it on a system like this: one seed runs two ways".to_owned()],
        some => some.to_vec(),
    };
    let mut label = "  here it is  ";
    said.into_iter().map(|said| Line::of(Tone::Faint, format!("{:14}{said}", std::mem::take(&mut label)))).collect()
}

/// Pairs of one scenario that were all alike.
pub(crate) fn alike(scenario: &str, build: Build, pairs: u64) -> Line {
    let title = format!("{scenario} {build}: {} in two fresh processes each, all alike", plural(pairs, "seed"));
    Line::of(Tone::Good, "✓").put(Tone::Plain, " ").put(Tone::Strong, title)
}

/// Two runs that differ.
pub(crate) fn differs(scenario: &str, build: Build, difference: &Difference) -> Vec<Line> {
    let title = format!("one seed ran two ways: {} of {scenario} {build}", difference.seed);
    let common = match difference.common {
        0 => "no event in common".to_owned(),
        common => format!("{} in common", plural(common, "event")),
    };
    let mut lines = vec![Line::of(Tone::Bad, "✗").put(Tone::Plain, " ").put(Tone::Strong, title)];
    lines.push(Line::of(Tone::Plain, format!("  {common}; then")));
    for (run, (next, digest)) in difference.events.iter().zip(difference.digests).enumerate() {
        let next = match next {
            Next::Event(moment) => moment_line(moment),
            Next::End => "nothing: the run was over".to_owned(),
            Next::Unknown => "unknown: the run's process ended before its events could be read".to_owned(),
        };
        lines.push(Line::of(Tone::Plain, format!("  {:<6}  {next}", run_name(run))));
        lines.push(Line::of(Tone::Faint, format!("          digest {digest}")));
    }
    for stack in &difference.stacks {
        let like = stack
            .like
            .map_or("one more run, like neither".to_owned(), |run| format!("one more run, like the {}", run_name(run)));
        lines.push(Line::default());
        lines.push(Line::of(Tone::Plain, format!("  stack at event {}, {like}", count(difference.common))));
        lines.extend(stack.event.iter().map(|moment| Line::of(Tone::Plain, format!("    {}", moment_line(moment)))));
        lines.extend(stack.text.lines().map(|text| Line::of(Tone::Faint, format!("    {text}"))));
    }
    lines
}

fn run_name(run: usize) -> &'static str {
    if run == 0 { "first" } else { "second" }
}

fn moment_line(moment: &Moment) -> String {
    event_line(moment.event(), &Lexicon::of(moment.record()))
}
