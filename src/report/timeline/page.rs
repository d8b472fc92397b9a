//! The HTML document of a finding.

use super::graph::{LANE, ROW, graph, head_height};
use super::html::{classed, escape, folded};
use super::rows::Timeline;
use crate::failure::failing_run::FailingRun;
use crate::failure::story::{Mark, Step, end};
use crate::invariant::headline;
use crate::report::log_lines::output_line;
use crate::report::measure::{moment, plural, span};
use crate::report::requirements::needless;
use crate::report::words::{Lexicon, Words, event_line};
use crate::run::request::Stack;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The number of events before the violation, and of lines of output, at the end of the page.
const EVENTS_MAX: usize = 500;
const LINES_MAX: usize = 300;

/// A gap this long between two rows is drawn as a gap.
const PAUSE_NS: u64 = 100_000_000;

/// The page. `replay` is the command that replays the run.
pub(crate) fn timeline(failure: &FailingRun, replay: &str) -> String {
    let lexicon = Lexicon::of(&failure.record).with(&failure.finding.plan);
    let timeline = Timeline::of(failure);
    let heading = escape(&format!("{} · {}", failure.finding.violation.subject, failure.scenario));
    let body = [
        head(failure),
        rows(failure, &timeline, &lexicon),
        takes(failure, &lexicon),
        folded("Stacks", &stacks(failure)),
        classed("p", "replay", &format!("replay <code>{}</code>", escape(replay))),
        folded("Program output", &output(failure)),
        folded("The last events before the failure", &event_lines(failure, &lexicon)),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{heading}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n{}<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        body.concat()
    )
}

/// The broken claim, and its run.
fn head(failure: &FailingRun) -> String {
    let violation = &failure.finding.violation;
    let run = format!(
        "{} · {} {}, seed {} · {} in {} of virtual time",
        violation.subject,
        failure.scenario,
        failure.build,
        failure.finding.seed,
        plural(failure.totals.events, "event"),
        span(failure.totals.virtual_ns)
    );
    classed("h1", "", &escape(&format!("✗ {}", headline(&violation.invariant))))
        + &classed("p", "sentence", &escape(&violation.sentence))
        + &classed("p", "faint", &escape(&run))
}

/// The graph, with a line of text for each row.
fn rows(failure: &FailingRun, timeline: &Timeline<'_>, lexicon: &Lexicon<'_>) -> String {
    if timeline.rows.is_empty() {
        return classed("p", "faint", "The process ended before its events could be read.");
    }
    let mut lines = String::new();
    let mut before_ns = None;
    for (row, step) in timeline.rows.iter().enumerate() {
        lines += &line(step, row, timeline.causes[row], before_ns, lexicon);
        before_ns = Some(step.event.time_ns);
    }
    let omitted = match timeline.omitted {
        0 => String::new(),
        some => classed("p", "faint", &format!("Not shown: {} before the failure.", plural(some as u64, "event"))),
    };
    format!(
        "<div class=\"chart\" style=\"--lanes:{}px;--head:{}px;--row:{ROW}px\">\n{}{lines}</div>\n{omitted}",
        timeline.lanes.len() * LANE + LANE / 2,
        head_height(timeline, lexicon),
        graph(failure, timeline, lexicon),
    )
}

fn line(step: &Step<'_>, row: usize, cause: Option<usize>, before_ns: Option<u64>, lexicon: &Lexicon<'_>) -> String {
    let (class, sign) = match step.mark {
        Mark::Broke => ("row broke", "✗"),
        Mark::Turning => ("row turning", "┃"),
        Mark::Scene => ("row", ""),
    };
    let since_ns = before_ns.map_or(0, |before_ns| step.event.time_ns - before_ns);
    let rest = if since_ns >= PAUSE_NS { " rest" } else { "" };
    let since = if before_ns.is_some() && since_ns > 0 { format!("+{}", span(since_ns)) } else { String::new() };
    // The title has the further lines.
    let Words { what, note, more: _, site } = lexicon.words(step.event);
    let who = lexicon.who(step.event);
    let because = cause.map_or(String::new(), |cause| format!(" data-cause=\"{cause}\""));
    let full = escape(&event_line(step.event, lexicon));
    let cells = [
        ("time", moment(step.event.time_ns)),
        ("since", since),
        ("lanes", String::new()),
        ("sign", sign.to_owned()),
        ("who", who),
        ("what", what),
        ("note", note),
        ("site", site),
    ];
    let cells: String =
        cells.iter().map(|(class, text)| format!("<span class=\"{class}\">{}</span>", escape(text))).collect();
    format!("<div class=\"{class}{rest}\" id=\"row-{row}\"{because} title=\"{full}\">{cells}</div>\n")
}

/// The plan, and the injections that did not matter.
fn takes(failure: &FailingRun, lexicon: &Lexicon<'_>) -> String {
    let list = |texts: Vec<String>| -> String {
        let items: String = texts.iter().map(|text| format!("<li>{}</li>", escape(text))).collect();
        format!("<ul>{items}</ul>\n")
    };
    let plan: Vec<String> = (failure.finding.plan.injections.iter())
        .map(|injection| lexicon.injection(injection))
        .map(|(fault, trigger)| format!("{fault}, {trigger}"))
        .collect();
    let Some(shrunk) = &failure.shrunk else {
        return if plan.is_empty() { String::new() } else { classed("h2", "", "The plan") + &list(plan) };
    };
    let taken = if plan.is_empty() { vec!["no faults".to_owned()] } else { plan };
    let needless = needless(failure, shrunk, lexicon);
    let without =
        if needless.is_empty() { String::new() } else { classed("h2", "", "It does not take") + &list(needless) };
    classed("h2", "", "It takes") + &list(taken) + &without
}

/// The stacks of waits, or of the uses of a descriptor.
fn stacks(failure: &FailingRun) -> Vec<String> {
    let lines = |stack: &Stack| -> Vec<String> {
        [stack.title.clone()].into_iter().chain(stack.lines.iter().map(|line| format!("  {line}"))).collect()
    };
    failure.record.stacks.iter().flat_map(lines).collect()
}

/// The last lines that programs printed and traced.
fn output(failure: &FailingRun) -> Vec<String> {
    let count = failure.record.lines.len();
    (count.saturating_sub(LINES_MAX)..count).map(|number| output_line(&failure.record, number)).collect()
}

fn event_lines(failure: &FailingRun, lexicon: &Lexicon<'_>) -> Vec<String> {
    let events = &failure.record.events;
    let events = &events[..events.partition_point(|event| event.seq <= end(failure))];
    let last = events.get(events.len().saturating_sub(EVENTS_MAX)..).unwrap_or_default();
    last.iter().map(|event| event_line(event, lexicon)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::{abort, crowded, raft_master, shrunk, use_after_teardown};

    #[test]
    fn the_page_of_a_finding_says_what_its_story_says() {
        insta::assert_snapshot!(timeline(&shrunk(), "cargo afterlife replay a1-x-1"));
    }

    #[test]
    fn program_output_is_never_markup() {
        let mut failure = use_after_teardown();
        failure.finding.violation.sentence = "a <script>alert(1)</script> & \"quoted\"".to_owned();
        failure.record.nodes[0] = "<b>".to_owned();
        let page = timeline(&failure, "replay '<token>'");
        assert!(page.contains("a &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot;"));
        assert!(!page.contains("<b>") && !page.contains("<token>"));
    }

    #[test]
    fn the_page_loads_nothing_from_a_network() {
        for failure in [raft_master(), crowded(), abort()] {
            // The arrow tip is part of the page.
            let page = timeline(&failure, "replay").replace("url(#tip)", "");
            for reference in ["http:", "https:", "src=", "url(", "@import", "<link"] {
                assert!(!page.contains(reference), "{reference}");
            }
        }
    }

    #[test]
    fn stacks_are_on_the_page() {
        let mut failure = use_after_teardown();
        assert!(!timeline(&failure, "replay").contains("<summary>Stacks"));
        let (title, lines) = ("main waits for a task, since 4.000 s".to_owned(), vec!["src/main.rs:31".to_owned()]);
        failure.record.stacks = vec![Stack { title, lines }];
        assert!(timeline(&failure, "replay").contains("main waits for a task, since 4.000 s\n  src/main.rs:31"));
    }

    #[test]
    fn a_run_without_events_says_so() {
        assert!(timeline(&abort(), "replay").contains("ended before its events could be read"));
    }
}
