//! Symbolizes a reply: addresses become lines of source, and the invariants that need lines are judged.
//! Campaigns, replays, checks and tests share it, so that all of them report the same about a run.

use crate::failure::symbols::{self, Maker};
use crate::invariant::nothing_left;
use crate::model::violation::Violation;
use crate::run::request::{Reply, Stack, Unresolved};
use afterlife_sim::event::Leak;

/// Symbolizes a reply.
pub(crate) fn read(mut reply: Reply) -> Reply {
    let unread = std::mem::take(&mut reply.unread);
    if let Some(violation) = reply.violations.first_mut() {
        locate(violation, &unread);
    }
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
        record.stacks = unread.stacks.iter().map(stack).collect();
    }
    reply
}

/// Adds the sites of its stacks to a violation that has none: files to its signature, lines to its sentence.
fn locate(violation: &mut Violation, unread: &Unresolved) {
    if !violation.sites.is_empty() || violation.invariant == "no-deadlock" {
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
