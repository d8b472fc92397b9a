//! A finding on one page: what broke, how it came about, how to have it again.
//! It shows what was established and nothing more: a plan that was not cut is called a plan.

use super::line::{Line, Tone, WIDTH, keep_start, wide, wrap};
use super::measure::{count, moment, plural};
use super::paste::Paste;
use super::requirements::takes;
use super::words::{Lexicon, claim};
use crate::failure::failing_run::FailingRun;
use crate::failure::record::Saved;
use crate::failure::story::{Mark, Step, Story};
use crate::model::violation::Violation;
use crate::run::request::Ended;
use afterlife_sim::event::signal_name;
use std::path::Path;

/// Columns of a label such as `replay`, with what separates it from its text.
const LABEL: usize = 11;
const WHO_MAX: usize = 16;
const WHAT_MAX: usize = 30;
const STACK_LINES_MAX: usize = 9;
const SENTENCE_LINES_MAX: usize = 3;
/// Two lines each, and one for the others, so that the page stays within thirty.
const INJECTIONS_MAX: usize = 3;
/// Of each thread that stands, the innermost of the program's own frames; so many threads.
const FRAMES_MAX: usize = 3;
const STACKS_MAX: usize = 4;

/// A site shortened further than this would name nothing.
const SITE_MIN: usize = 14;

/// The page of a finding.
pub(crate) fn page(failure: &FailingRun, saved: Option<&Saved>, paste: &Paste) -> Vec<Line> {
    let lexicon = Lexicon::of(&failure.record).with(&failure.finding.plan);
    let story = Story::of(failure);
    let mut page = heading(&failure.finding.violation);
    page.push(Line::default());
    page.push(Line::of(Tone::Plain, "  how it came about").at_right(Tone::Faint, &extent(failure, &story), 0));
    page.extend(steps(failure, &story, &lexicon));
    page.push(Line::default());
    page.extend(stacks(failure));
    if failure.is_ours() {
        page.extend(takes(failure, &lexicon).unwrap_or_else(|| plan(failure, &story, &lexicon)));
    }
    page.extend(stack(failure));
    if !failure.also.is_empty() {
        let also: Vec<_> = failure.also.iter().map(ToString::to_string).collect();
        page.push(labelled("also", keep_start(&also.join("; "), WIDTH - LABEL)));
    }
    let token = &failure.finding.token;
    page.push(labelled("replay", if failure.is_ours() { paste.replay(token) } else { token.clone() }));
    if let Some(saved) = saved {
        match &saved.unwritten {
            None => {
                page.extend(paste.show(&saved.id).map(|show| labelled("look", show)));
                let keep = paste.keep(&saved.id, token).filter(|_| failure.is_ours());
                page.extend(keep.map(|keep| labelled("keep", keep)));
                page.push(labelled("record", here(&saved.folder)));
            }
            Some(why) => {
                let mut label = "record";
                let lines = wrap(&format!("{why}; the token above needs none"), WIDTH - LABEL).into_iter();
                page.extend(lines.map(|text| labelled(std::mem::take(&mut label), text)));
            }
        }
    }
    page
}

/// What broke: the claim, its subject, and the sentence.
pub(crate) fn heading(violation: &Violation) -> Vec<Line> {
    let title = Line::of(Tone::Bad, "✗").put(Tone::Plain, " ").put(Tone::Strong, claim(&violation.invariant));
    let room = WIDTH.saturating_sub(title.width() + 2);
    let mut lines = vec![title.at_right(Tone::Plain, &keep_start(&violation.subject, room), 0)];
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

fn extent(failure: &FailingRun, story: &Story<'_>) -> String {
    let events = plural(failure.totals.events, "event");
    match failure.injections() {
        _ if !failure.is_ours() => events,
        None => String::new(),
        Some(0) => format!("no injection; {events}"),
        Some(all) => {
            let struck = count(story.struck.len() as u64);
            format!("{struck} of {} before it broke; {events}", plural(all as u64, "injection"))
        }
    }
}

fn steps(failure: &FailingRun, story: &Story<'_>, lexicon: &Lexicon<'_>) -> Vec<Line> {
    if failure.record.events.is_empty() {
        let why = match failure.ended {
            Ended::Whole => "its events are not in the record",
            _ => "the process of the run ended before its events could be read",
        };
        return vec![Line::of(Tone::Faint, format!("       {why}"))];
    }
    let told: Vec<_> =
        story.steps.iter().map(|step| (step, lexicon.who(step.event), lexicon.words(step.event))).collect();
    let widest = |texts: &mut dyn Iterator<Item = usize>, most: usize| texts.max().unwrap_or(0).min(most);
    let last_ns = failure.record.events.last().map_or(0, |event| event.time_ns);
    let time =
        widest(&mut told.iter().map(|(step, ..)| wide(&moment(step.event.time_ns))), WIDTH).max(wide(&moment(last_ns)));
    let who = widest(&mut told.iter().map(|(_, who, _)| wide(who)), WHO_MAX);
    let what = widest(&mut told.iter().map(|(.., words)| wide(&words.what)), WHAT_MAX);
    let (who_at, what_at) = (7 + time + 2, 7 + time + 2 + who + 2);
    let note_at = what_at + what + 2;
    let begin = |mark: Mark, ns: u64| {
        let (tone, sign) = signs(mark);
        Line::of(Tone::Plain, "    ").put(tone, sign).put(Tone::Faint, format!("  {:>time$}", moment(ns))).to(who_at)
    };
    let mut lines = Vec::new();
    for (Step { event, mark }, name, words) in told {
        let (tone, _) = signs(*mark);
        let line = begin(*mark, event.time_ns).put(tone, keep_start(&name, who)).to(what_at);
        let line = line.put(Tone::Plain, keep_start(&words.what, WIDTH - what_at));
        // A long `what` pushes its note aside rather than out.
        let note_at = note_at.max(line.width() + 2);
        let line = match WIDTH.saturating_sub(note_at) {
            room if words.note.is_empty() || room < 4 => line,
            room => line.to(note_at).put(Tone::Plain, keep_start(&words.note, room)),
        };
        lines.push(line.at_right(Tone::Faint, &words.site, SITE_MIN));
    }
    if story.steps.iter().all(|step| step.mark != Mark::Broke) {
        let (whose, end) = ending(&failure.ended);
        let line = begin(Mark::Broke, last_ns).put(Tone::Bad, keep_start(whose, who)).to(what_at);
        let subject_at = note_at.max(what_at + wide(&end) + 2);
        let subject = keep_start(&failure.finding.violation.subject, WIDTH.saturating_sub(subject_at));
        lines.push(line.put(Tone::Plain, &end).to(subject_at).put(Tone::Plain, subject));
    }
    lines
}

/// How the run ended where no event of it broke the claim, and who did it.
fn ending(ended: &Ended) -> (&str, String) {
    match ended {
        Ended::Signal { signal, node: Some(node) } => (node, format!("crashes by {}", signal_name(*signal))),
        Ended::Spin { node: Some(node), .. } => (node, "goes on without a call".to_owned()),
        _ => ("world", "the run is over".to_owned()),
    }
}

/// Where threads stood, or a descriptor was used: the program's own frames.
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
    let drawn = "as drawn by the seed; the process ended before it could name it";
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
        (0, 0) => Some("nothing was injected".to_owned()),
        (0, late) => Some(format!("{} that had not yet struck", plural(late as u64, "injection"))),
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

/// Where the code was, without what every stack has. The record has all of it.
fn stack(failure: &FailingRun) -> Vec<Line> {
    let mut label = "where";
    let lines = failure.stack.iter().flat_map(|stack| stack.lines()).filter(|line| !line.contains("at /rustc/"));
    let lines = lines.take(STACK_LINES_MAX);
    lines.map(|line| labelled(std::mem::take(&mut label), keep_start(line.trim_end(), WIDTH - LABEL))).collect()
}

fn labelled(label: &str, text: String) -> Line {
    Line::of(Tone::Plain, "  ").put(Tone::Faint, label).to(LABEL).put(Tone::Plain, text)
}

/// A path as it is best written from here.
pub(super) fn here(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
