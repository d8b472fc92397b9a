//! A finding on one page: the broken claim, the story, the plan, and the commands that replay it.
//! The page says only what was established: a plan that was not shrunk is called a plan.

use super::line::{Line, Tone, WIDTH, keep_start, wide, wrap};
use super::measure::{count, moments, plural};
use super::paste::Paste;
use super::requirements::takes;
use super::words::{Lexicon, Words};
use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::failure::story::{Mark, Step, Story};
use crate::invariant::{NO_SILENT_PANIC, headline};
use crate::model::shell::quoted;
use crate::model::violation::Violation;
use crate::model::visible::visible;
use crate::run::request::Ended;
use afterlife_sim::event::{Event, What, signal_name};

/// Columns of a label such as `replay` and the gap after it.
const LABEL: usize = 11;
const WHO_MAX: usize = 16;
const WHAT_MAX: usize = 30;
const STACK_LINES_MAX: usize = 9;
const SENTENCE_LINES_MAX: usize = 3;
/// Each takes two lines, and the rest share one, so that the page stays within thirty.
const INJECTIONS_MAX: usize = 3;
/// The most lines of a text that a program printed, and of the message of the panic that broke the claim.
const TEXT_LINES_MAX: usize = 3;
const MESSAGE_LINES_MAX: usize = 24;
/// The innermost frames of the program's own code, for each of `STACKS_MAX` threads.
const FRAMES_MAX: usize = 3;
const STACKS_MAX: usize = 4;

/// The words with which crates say that a static was set before: `tracing`, `log`, rayon, prometheus.
const SET_TWICE: [&str; 5] =
    ["already been set", "already been initialized", "already set", "already initialized", "already been registered"];

/// The reason for it, and the next step.
const SHARED_STATICS: &str = "the processes of a simulation share statics, and so does each with its restarts: what one process set \
                              once is set already for the next, where a process of its own would set it again. afterlife itself \
                              sets the global `tracing` subscriber. Use `try_init`, or set it outside of the scenario's nodes";

/// The deepest indentation within a message that is kept.
const INDENT_MAX: usize = 8;

/// A site cut any shorter would be useless.
const SITE_MIN: usize = 14;

/// The page of a finding.
pub(crate) fn page(failure: &FailingRun, saved: Option<&SavedRecord>, paste: &Paste) -> Vec<Line> {
    let paste = &paste.of_finding(saved.and_then(|saved| saved.test.as_ref()));
    let lexicon = Lexicon::of(&failure.record).with(&failure.finding.plan);
    let story = Story::of(failure);
    let mut page = heading(&failure.finding.violation);
    page.push(Line::default());
    page.push(Line::of(Tone::Plain, "  how it happened").at_right(Tone::Faint, &extent(failure, &story), 0));
    page.extend(steps(failure, &story, &lexicon));
    page.push(Line::default());
    page.extend(stacks(failure));
    if failure.is_ours() {
        page.extend(takes(failure, &lexicon).unwrap_or_else(|| plan(failure, &story, &lexicon)));
    }
    page.extend(stack(failure));
    if is_set_twice(&failure.finding.violation) {
        let mut label = "note";
        let lines = wrap(SHARED_STATICS, WIDTH - LABEL).into_iter();
        page.extend(lines.map(|text| labelled(std::mem::take(&mut label), text)));
    }
    if !failure.also.is_empty() {
        let also: Vec<_> = failure.also.iter().map(ToString::to_string).collect();
        page.push(labelled("also", keep_start(&also.join("; "), WIDTH - LABEL)));
    }
    let token = &failure.finding.token;
    page.push(labelled("replay", paste.replay_of(failure)));
    if let Some(saved) = saved {
        match &saved.unwritten {
            None => {
                page.extend(paste.show(&saved.id).map(|show| labelled("show", show)));
                let keep = paste.keep(&saved.id, token).filter(|_| failure.is_ours());
                page.extend(keep.map(|keep| labelled("keep", keep)));
                page.push(labelled("record", quoted(&paste.place(&saved.folder)).into_owned()));
            }
            Some(why) => {
                let mut label = "record";
                let lines = wrap(&format!("{why}; the token above needs no record"), WIDTH - LABEL).into_iter();
                page.extend(lines.map(|text| labelled(std::mem::take(&mut label), text)));
            }
        }
    }
    page
}

/// Returns whether a process panicked because something that a process sets once was set already.
fn is_set_twice(violation: &Violation) -> bool {
    let said = violation.sentence.to_lowercase();
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    violation.invariant == NO_SILENT_PANIC && SET_TWICE.iter().any(|already| words.contains(already))
}

impl FailingRun {
    /// The page of the failure as plain text, with the commands that replay it.
    pub fn story(&self) -> String {
        plain(&page(self, None, &Paste::of_this_program()))
    }
}

/// The lines without colour.
pub(super) fn plain(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{line:#}\n")).collect()
}

/// The broken claim, its subject, and the sentence.
pub(crate) fn heading(violation: &Violation) -> Vec<Line> {
    let heading = Line::of(Tone::Bad, "✗").put(Tone::Plain, " ").put(Tone::Strong, headline(&violation.invariant));
    let columns = WIDTH.saturating_sub(heading.width() + 2);
    let mut lines = vec![heading.at_right(Tone::Plain, &keep_start(&violation.subject, columns), 0)];
    let mut sentence = wrap(&violation.sentence, WIDTH - 2);
    if sentence.len() > SENTENCE_LINES_MAX {
        sentence.truncate(SENTENCE_LINES_MAX);
        if let Some(last) = sentence.last_mut() {
            *last = keep_start(&format!("{last} …"), WIDTH - 2);
        }
    }
    lines.extend(sentence.into_iter().map(|text| Line::of(Tone::Plain, format!("  {text}"))));
    lines
}

/// The size of the story: `2 of 2 injections; 11 of 2 605 events`.
fn extent(failure: &FailingRun, story: &Story<'_>) -> String {
    let events = format!("{} of {}", count(story.steps.len() as u64), plural(failure.totals.events, "event"));
    match failure.injections() {
        _ if !failure.is_ours() => events,
        None => String::new(),
        Some(0) => format!("no injections; {events}"),
        Some(all) => {
            format!("{} of {}; {events}", count(story.struck.len() as u64), plural(all as u64, "injection"))
        }
    }
}

fn steps(failure: &FailingRun, story: &Story<'_>, lexicon: &Lexicon<'_>) -> Vec<Line> {
    if failure.record.events.is_empty() {
        let why = match failure.ended {
            Ended::Whole => "the record has no events",
            _ => "the process ended before its events could be read",
        };
        return vec![Line::of(Tone::Faint, format!("       {why}"))];
    }
    let rows: Vec<_> =
        story.steps.iter().map(|step| (step, lexicon.who(step.event), lexicon.words(step.event))).collect();
    let widest = |texts: &mut dyn Iterator<Item = usize>, most: usize| texts.max().unwrap_or(0).min(most);
    let last_ns = failure.record.events.last().map_or(0, |event| event.time_ns);
    let ends = story.steps.iter().all(|step| step.mark != Mark::Broke);
    let times = rows.iter().map(|(step, ..)| step.event.time_ns).chain(ends.then_some(last_ns));
    let times = moments(&times.collect::<Vec<_>>());
    let time = widest(&mut times.iter().map(|time| wide(time)), WIDTH);
    let who = widest(&mut rows.iter().map(|(_, who, _)| wide(who)), WHO_MAX);
    let what = widest(&mut rows.iter().map(|(.., words)| wide(&words.what)), WHAT_MAX);
    let (who_at, what_at) = (7 + time + 2, 7 + time + 2 + who + 2);
    let note_at = what_at + what + 2;
    let begin = |mark: Mark, row: usize| {
        let (tone, sign) = signs(mark);
        Line::of(Tone::Plain, "    ").put(tone, sign).put(Tone::Faint, format!("  {:>time$}", times[row])).to(who_at)
    };
    let mut lines = Vec::new();
    for (row, (Step { event, mark }, name, words)) in rows.into_iter().enumerate() {
        let (tone, _) = signs(*mark);
        let line = begin(*mark, row).put(tone, keep_start(&name, who)).to(what_at);
        let line = line.put(Tone::Plain, keep_start(&words.what, WIDTH - what_at));
        // A long text moves its note to the right instead of dropping it.
        let note_at = note_at.max(line.width() + 2);
        let fits = words.more.is_empty() && wide(&words.note) <= WIDTH.saturating_sub(note_at);
        if let (false, Some(lines_max)) = (fits, lines_max(*mark, event)) {
            lines.push(line.at_right(Tone::Faint, &words.site, SITE_MIN));
            lines.extend(message(&words, lines_max, what_at + 2));
            continue;
        }
        let line = match WIDTH.saturating_sub(note_at) {
            columns if words.note.is_empty() || columns < 4 => line,
            columns => line.to(note_at).put(Tone::Plain, keep_start(&words.note, columns)),
        };
        lines.push(line.at_right(Tone::Faint, &words.site, SITE_MIN));
    }
    if ends {
        let (name, end) = ending(&failure.ended);
        let line = begin(Mark::Broke, times.len() - 1).put(Tone::Bad, keep_start(name, who)).to(what_at);
        let subject_at = note_at.max(what_at + wide(&end) + 2);
        let subject = keep_start(&failure.finding.violation.subject, WIDTH.saturating_sub(subject_at));
        lines.push(line.put(Tone::Plain, &end).to(subject_at).put(Tone::Plain, subject));
    }
    lines
}

/// The most lines of an event's detail that does not fit beside it: the texts that say why a claim broke stay whole.
fn lines_max(mark: Mark, event: &Event) -> Option<usize> {
    match event.what {
        What::Panicked { .. } if mark == Mark::Broke => Some(MESSAGE_LINES_MAX),
        What::Line { .. } if mark != Mark::Scene => Some(TEXT_LINES_MAX),
        _ => None,
    }
}

/// The detail of an event on lines of its own from this column on, each with its indentation.
fn message(words: &Words, lines_max: usize, column: usize) -> Vec<Line> {
    let mut texts = Vec::new();
    for line in [&words.note].into_iter().chain(&words.more) {
        let indent = wide(line) - wide(line.trim_start());
        let at = column + indent.min(INDENT_MAX);
        texts.extend(
            wrap(&visible(line), WIDTH - at).iter().flat_map(|text| pieces(text, WIDTH - at)).map(|text| (at, text)),
        );
    }
    let more = texts.len().saturating_sub(lines_max);
    let mut lines: Vec<Line> =
        texts.into_iter().take(lines_max).map(|(at, text)| Line::default().to(at).put(Tone::Plain, text)).collect();
    if more > 0 {
        let text = format!("… {} in the record", plural(more as u64, "more line"));
        lines.push(Line::default().to(column).put(Tone::Faint, text));
    }
    lines
}

/// The text in pieces of at most so many columns: a word may be wider than the page.
fn pieces(text: &str, columns: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(columns).map(|piece| piece.iter().collect()).collect()
}

/// The end of a run that broke the claim, where no event did: the node or the simulation, and what it did.
fn ending(ended: &Ended) -> (&str, String) {
    match ended {
        Ended::Signal { signal, node: Some(node) } => (node, format!("crashes with {}", signal_name(*signal))),
        Ended::Spin { node: Some(node), .. } => (node, "runs without a call".to_owned()),
        Ended::Asleep { node: Some(node), .. } => (node, "waits for real".to_owned()),
        _ => ("simulation", "the run ends".to_owned()),
    }
}

/// The stacks of blocked threads, or of the uses of a descriptor, reduced to the program's own frames.
fn stacks(failure: &FailingRun) -> Vec<Line> {
    let mut lines = Vec::new();
    for stack in failure.record.stacks.iter().take(STACKS_MAX) {
        lines.push(Line::of(Tone::Plain, "  ").put(Tone::Plain, keep_start(&stack.title, WIDTH - 2)));
        let frames = stack.lines.iter().take(FRAMES_MAX);
        lines.extend(frames.map(|frame| Line::of(Tone::Faint, format!("       {}", keep_start(frame, WIDTH - 7)))));
    }
    let more = failure.record.stacks.len().saturating_sub(STACKS_MAX);
    if more > 0 {
        lines.push(Line::of(Tone::Faint, format!("  {} more in the record", plural(more as u64, "stack"))));
    }
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines
}

fn signs(mark: Mark) -> (Tone, &'static str) {
    match mark {
        Mark::Broke => (Tone::Bad, "✗"),
        Mark::Turning => (Tone::Turn, "┃"),
        Mark::Scene => (Tone::Plain, " "),
    }
}

fn plan(failure: &FailingRun, story: &Story<'_>, lexicon: &Lexicon<'_>) -> Vec<Line> {
    let drawn = "as drawn by the seed; the process ended before it reported the plan";
    let mut texts = Vec::new();
    let mut struck = story.struck.iter();
    for injection in struck.by_ref().take(INJECTIONS_MAX) {
        let (fault, trigger) = lexicon.injection(injection);
        let mut injection = wrap(&format!("{fault}, {trigger}"), WIDTH - LABEL);
        if let [first, rest @ ..] = injection.as_mut_slice()
            && !rest.is_empty()
        {
            let second = format!("  {}", rest.join(" "));
            texts.extend([std::mem::take(first), second]);
        } else {
            texts.append(&mut injection);
        }
    }
    let more = struck.len();
    let others = match (more, story.others) {
        (0, 0) if !texts.is_empty() => None,
        (0, 0) if failure.injections().is_none() => Some(drawn.to_owned()),
        (0, 0) => Some("no injections".to_owned()),
        (0, late) => Some(format!("{} that had not struck yet", plural(late as u64, "injection"))),
        (more, 0) => Some(format!("{} more that had struck", count(more as u64))),
        (more, late) => {
            Some(format!("{} more that had struck, {} that had not", count(more as u64), count(late as u64)))
        }
    };
    texts.extend(others);
    let mut label = "plan";
    let mut lines = Vec::new();
    for text in texts {
        lines.push(labelled(std::mem::take(&mut label), keep_start(&text, WIDTH - LABEL)));
    }
    lines
}

/// The stack of the code that failed, without the standard library. The record has all of it.
fn stack(failure: &FailingRun) -> Vec<Line> {
    let mut label = "where";
    let lines = failure.stack.iter().flat_map(|stack| stack.lines()).filter(|line| !line.contains("at /rustc/"));
    let lines = lines.take(STACK_LINES_MAX);
    lines.map(|line| labelled(std::mem::take(&mut label), keep_start(line.trim_end(), WIDTH - LABEL))).collect()
}

fn labelled(label: &str, text: String) -> Line {
    Line::of(Tone::Plain, "  ").put(Tone::Faint, label).to(LABEL).put(Tone::Plain, text)
}
