//! The results of replays and checks, as lines for a person.
//! The exit code comes from the same data, elsewhere.

use super::line::{Line, Tone, WIDTH, keep_start};
use super::log_lines::traced;
use super::measure::{count, plural, span};
use super::page::page;
use super::paste::Paste;
use super::words::{Lexicon, event_line};
use crate::failure::token::Token;
use crate::model::build::Build;
use crate::model::violation::Signature;
use crate::run::log_filter::Filter;
use crate::run::request::Ended;
use crate::search::check::{Difference, Next};
use crate::search::moment::Moment;
use crate::search::replay::Replayed;

/// The number of events shown of a run that `--until` cut short.
const LAST_EVENTS: usize = 12;

/// The next step if a plan does not fit, and if a record does not.
const PLAN_NEXT: &str = "next      `git bisect run` skips it; `run` looks for the failure in this code";
const RECORD_NEXT: &str = "next      replay the token to see what this code does; `run` looks for the failure";

/// The result of a replay, with the output of its programs if there is a filter.
pub(crate) fn replayed(replayed: &Replayed, token: &Token, paste: &Paste, log: Option<&Filter>) -> Vec<Line> {
    let mut lines = outcome(replayed, token, paste);
    let output = replayed.record().zip(log).map(|(record, filter)| traced(record, filter));
    lines.extend(output.into_iter().flatten());
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
                    text(format!(
                        "reproduced in two fresh processes: the same {}",
                        plural(failure.totals.events, "event")
                    )),
                    text(format!("digest {}", failure.finding.digest)),
                ],
                _ => vec![text("reproduced in two fresh processes: the same end".to_owned())],
            });
            lines
        }
        Replayed::Held(reply) => vec![
            Line::of(Tone::Good, "✓").put(Tone::Plain, " ").put(Tone::Strong, format!("{name}: nothing broke")),
            text(format!(
                "two fresh processes: the same {}, {} of virtual time",
                plural(reply.events, "event"),
                span(reply.virtual_ns)
            )),
            text(format!("digest {}", reply.digest)),
        ],
        Replayed::Nondeterministic([first, second]) => {
            let mut lines = vec![bad(format!("{name}: two runs differ"))];
            lines.push(text(format!("first    {first}")));
            lines.push(text(format!("second   {second}")));
            let check = paste.check(&token.scenario, token.build, token.seed);
            lines.extend(check.map(|check| text(format!("check    {check}"))));
            lines
        }
        Replayed::PlanUnfit { node, nodes } => vec![
            bad(format!("{name}: the plan no longer fits this code")),
            text(format!("it names node number {node}, but there are {}", plural(*nodes as u64, "node"))),
            text(PLAN_NEXT.to_owned()),
        ],
        Replayed::NothingStruck { injections, reply } => {
            let plan = plural(*injections as u64, "injection");
            vec![
                bad(format!("{name}: no fault of its plan strikes any more")),
                text(format!("nothing broke in {}, and none of {plan} struck", plural(reply.events, "event"))),
                text(PLAN_NEXT.to_owned()),
            ]
        }
        Replayed::RecordUnfit { expected, met, first } => {
            let mut lines = vec![
                bad(format!("{name}: the record no longer fits this code")),
                text(format!("recorded  {expected}")),
                text(format!("now       {met}")),
            ];
            if let Some(first) = first {
                let [before, now] = first
                    .each_ref()
                    .map(|moment| moment.as_ref().map_or_else(|| "the run ended".to_owned(), moment_line));
                lines.push(text("the first event that differs:".to_owned()));
                lines.push(text(format!("recorded  {before}")));
                lines.push(text(format!("now       {now}")));
            }
            lines.push(text(format!("replay    {}", paste.replay(&token.to_string()))));
            lines.push(text(RECORD_NEXT.to_owned()));
            lines
        }
        Replayed::CutShort { until_ns, reply } => {
            let title = format!("{name}: nothing had broken by {}", span(*until_ns));
            let mut lines = vec![Line::of(Tone::Good, "✓").put(Tone::Plain, " ").put(Tone::Strong, title)];
            lines.push(text(format!("two fresh processes: the same {}", plural(reply.events, "event"))));
            if let Some(record) = &reply.record {
                let lexicon = Lexicon::of(record);
                let last = &record.events[record.events.len().saturating_sub(LAST_EVENTS)..];
                lines.push(text(format!("the last {}:", plural(last.len() as u64, "event"))));
                lines.extend(last.iter().map(|event| text(format!("  {}", event_line(event, &lexicon)))));
            }
            lines
        }
    }
}

/// The differences between this program and system and those that wrote a record.
pub(crate) fn written_elsewhere(differences: &[String]) -> Vec<Line> {
    let texts = match differences {
        [] => vec![
            "nothing: this program wrote the record on a system like this one, so the run is nondeterministic"
                .to_owned(),
        ],
        some => some.to_vec(),
    };
    let mut label = "  changed";
    texts.into_iter().map(|text| Line::of(Tone::Faint, format!("{:12}{text}", std::mem::take(&mut label)))).collect()
}

/// The result of keeping a run with this signature in a file of regressions.
pub(crate) fn kept(file: &str, is_new: bool, signature: &Signature) -> [Line; 2] {
    let (sign, text) = if is_new { ("✓", "added to") } else { ("–", "already in") };
    [
        Line::of(Tone::Good, sign).put(Tone::Plain, " ").put(Tone::Strong, format!("{text} {file}")),
        Line::of(Tone::Plain, keep_start(&format!("  {signature}"), WIDTH)),
    ]
}

/// The line for seeds that ran twice in the same way.
pub(crate) fn matching(scenario: &str, build: Build, pairs: u64) -> Line {
    let title =
        format!("{scenario} {build}: {} ran twice in fresh processes, with the same events", plural(pairs, "seed"));
    Line::of(Tone::Good, "✓").put(Tone::Plain, " ").put(Tone::Strong, title)
}

/// The lines for two runs that differ.
pub(crate) fn differs(scenario: &str, build: Build, difference: &Difference) -> Vec<Line> {
    let title = format!("{scenario} {build}: two runs of seed {} differ", difference.seed);
    let common = match difference.common {
        0 => "no event matches; then:".to_owned(),
        1 => "the first event matches; then:".to_owned(),
        common => format!("the first {} match; then:", plural(common, "event")),
    };
    let mut lines = vec![Line::of(Tone::Bad, "✗").put(Tone::Plain, " ").put(Tone::Strong, title)];
    lines.push(Line::of(Tone::Plain, format!("  {common}")));
    for (run, (next, digest)) in difference.events.iter().zip(difference.digests).enumerate() {
        let next = match next {
            Next::Event(moment) => moment_line(moment),
            Next::End => "the run ended".to_owned(),
            Next::Unknown => "unknown: the process ended before its events could be read".to_owned(),
        };
        lines.push(Line::of(Tone::Plain, format!("  {:<6}  {next}", run_name(run))));
        lines.push(Line::of(Tone::Faint, format!("          digest {digest}")));
    }
    for stack in &difference.stacks {
        let like = stack.like.map_or("a third run that matches neither".to_owned(), |run| {
            format!("another run that matches the {}", run_name(run))
        });
        lines.push(Line::default());
        lines.push(Line::of(Tone::Plain, format!("  stack at event {} of {like}", count(difference.common))));
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
