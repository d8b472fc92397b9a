//! Symbolizes a reply: addresses become lines of source, and the invariants that need lines are judged.
//! Campaigns, replays, checks and tests share it, so that all of them report the same about a run.

use crate::failure::symbols::{self, Maker};
use crate::failure::waits::{self, Telling};
use crate::invariant::{BOUNDED_SHUTDOWN, EVENTUALLY, NO_DEADLOCK, RECOVERS, nothing_left};
use crate::model::violation::Violation;
use crate::run::request::{Reply, Stack, Unresolved};
use afterlife_sim::event::{Leak, Seq};

/// Symbolizes a reply.
pub(crate) fn read(mut reply: Reply) -> Reply {
    let unread = std::mem::take(&mut reply.unread);
    if let Some(violation) = reply.violations.first_mut() {
        locate(violation, &unread);
    }
    let waits = match (&reply.record, reply.violations.first_mut()) {
        (Some(record), Some(violation)) if WAITING.contains(&&*violation.invariant) => {
            let waits = waits::telling(record, violation, &unread);
            waits.map_or_else(Vec::new, |waits| add_waits(violation, waits))
        }
        _ => Vec::new(),
    };
    for violation in nothing_left::judge(&unread.left, |kind, place| own_site(&unread, kind, place)) {
        // In the order in which they broke. The violations of the run's end come last.
        let place = reply.violations.partition_point(|known| known.at <= violation.at);
        reply.violations.insert(place, violation);
    }
    if let Some(record) = &mut reply.record {
        let line = |(place, frames): (&u32, &Vec<u32>)| Some((*place, symbols::line(frames)?.site()));
        record.places = unread.places.iter().filter_map(line).collect();
        let stack = |(title, place): &(String, u32)| Stack {
            title: title.clone(),
            lines: symbols::lines(unread.frames(*place)),
        };
        record.awaited = waits::subjects(record, &unread);
        record.stacks = waits.into_iter().chain(unread.stacks.iter().map(stack)).collect();
    }
    reply
}

/// The invariants that a process breaks by waiting.
const WAITING: [&str; 4] = [BOUNDED_SHUTDOWN, EVENTUALLY, NO_DEADLOCK, RECOVERS];

/// Adds the most telling waits to a violation. Returns their stacks, except for those that it has already.
fn add_waits(violation: &mut Violation, waits: Telling) -> Vec<Stack> {
    // The threads of a deadlock are in parentheses at the end of the sentence, and their stacks are known.
    let has_threads = violation.invariant == NO_DEADLOCK;
    let end = violation.sentence.find(" (").filter(|_| has_threads).unwrap_or(violation.sentence.len());
    violation.sentence.insert_str(end, &format!("; {}", waits.sentence));
    let new: Vec<Seq> = waits.turning.into_iter().filter(|seq| !violation.turning.contains(seq)).collect();
    violation.turning.extend(new);
    waits.stacks.into_iter().filter(|stack| !has_threads || !stack.title.starts_with("thread ")).collect()
}

/// Adds the sites of its stacks to a violation that has none: files to its signature, lines to its sentence.
fn locate(violation: &mut Violation, unread: &Unresolved) {
    if !violation.sites.is_empty() || violation.invariant == NO_DEADLOCK {
        return;
    }
    for (title, place) in &unread.stacks {
        let Some(frame) = symbols::line(unread.frames(*place)) else { continue };
        violation.sentence.push_str(&format!("; {title} at {}", frame.site()));
        if !violation.sites.contains(&frame.file) {
            violation.sites.push(frame.file);
        }
    }
}

/// The line and the file of a call site, if it is the program's own code.
fn own_site(unread: &Unresolved, kind: Leak, place: u32) -> Option<(String, String)> {
    let frames = unread.frames(place);
    let maker = if kind == Leak::Task { symbols::spawner(frames) } else { symbols::maker(frames) };
    match maker {
        Maker::Own(frame) => Some((frame.site(), frame.file)),
        Maker::Other => None,
    }
}
