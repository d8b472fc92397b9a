//! The waits of a process that did not come to its end, from the snapshot among the events of its run: the most telling ones in words.
//! It takes no snapshot: the simulation does.

use super::awaited::{Awaited, awaited};
use crate::model::duration::{moment, span};
use crate::model::violation::{Origin, Violation};
use crate::run::request::{Record, Stack, Unresolved};
use afterlife_sim::event::{Event, Name, NodeId, Seq, Waiting, What, descriptor, signal_name};
use std::collections::BTreeMap;

/// The length of the whole sentence with its waits, which takes three lines of a page.
const SENTENCE_MAX: usize = 220;

/// The most waits in a story, and as stacks.
const STORY_MAX: usize = 3;
const STACKS_MAX: usize = 8;

/// The waits of a violation.
pub(crate) struct Telling {
    /// The continuation of the sentence: `main waits in axum at src/main.rs:31; 1 connection from buyer is open`.
    pub(crate) sentence: String,
    /// The events of the most telling waits, and those with which they began.
    pub(crate) turning: Vec<Seq>,
    /// The stacks of main futures and tasks, or of everything that waits.
    pub(crate) stacks: Vec<Stack>,
}

/// The subject of each wait of a record, by the number of its call site.
pub(crate) fn subjects(record: &Record, unread: &Unresolved) -> BTreeMap<u32, String> {
    let sites = record.events.iter().filter_map(|event| match event.what {
        What::Waits { call_site, .. } if call_site > 0 => Some(call_site),
        _ => None,
    });
    let subject =
        |site: u32| Some((site, awaited(unread.frames(site)).phrase)).filter(|(_, phrase)| !phrase.is_empty());
    sites.filter_map(subject).collect()
}

/// The waits at a violation: those of the last snapshot before it, at the same moment. `None` if there is none.
pub(crate) fn telling(record: &Record, violation: &Violation, unread: &Unresolved) -> Option<Telling> {
    let up_to = record.events.partition_point(|event| event.seq <= violation.at);
    let before = &record.events[..up_to];
    let at = before.last()?;
    // A deadlock is noticed by the simulation; its subject is the node.
    let subject = record.nodes.iter().position(|name| *name == violation.subject);
    let node = if at.node == NodeId::SIMULATION { subject } else { Some(usize::from(at.node.0)) };
    let is_concerned = |event: &&Event| match violation.origins.is_empty() {
        _ if is_down(event) => true,
        true => node.is_none_or(|node| node == usize::from(event.node.0)),
        false => violation.origins.contains(&Origin::Node(event.node)),
    };
    let snapshot: Vec<&Event> = before
        .iter()
        .rev()
        .take_while(|event| event.time_ns == at.time_ns)
        .filter(|event| matches!(event.what, What::Waits { .. } | What::StillOpen { .. }))
        .filter(is_concerned)
        .collect();
    let mut waits: Vec<Wait<'_>> = snapshot.into_iter().rev().map(|event| Wait::of(event, unread)).collect();
    // A future that a thread polled itself, by `block_on`, is over if the thread does something else now.
    let busy: Vec<u32> = waits.iter().filter(|wait| wait.is_busy()).map(|wait| wait.event.thread).collect();
    waits.retain(|wait| !wait.is_main() || !busy.contains(&wait.event.thread));
    waits.sort_by_key(Wait::rank);
    let idle = waits.iter().position(|wait| wait.rank() == Rank::Idle).unwrap_or(waits.len());
    waits.truncate(idle.max(1));
    let words = Words { record };
    // A list in parentheses follows them.
    let said = violation.sentence.split(" (").next().map_or(0, |said| said.chars().count());
    let sentence = joined(words.pieces(&waits), SENTENCE_MAX.saturating_sub(said));
    let shown = waits.iter().take(STORY_MAX);
    let mut turning: Vec<Seq> = shown.clone().map(|wait| wait.event.seq).collect();
    turning.extend(shown.filter_map(|wait| began(before, wait.event)));
    let stack = |wait: &Wait<'_>| {
        let What::Waits { call_site, since_ns, .. } = wait.event.what else { return None };
        let mut lines = super::symbols::lines(unread.frames(call_site));
        let spawned = unread.spawned(wait.event.seq).and_then(super::symbols::line);
        let begun = if wait.is_task() { "spawned" } else { "started" };
        lines.extend(spawned.map(|frame| format!("{begun} at {}", frame.site())));
        if let Some((phrase, site, at_ns)) = &wait.earlier {
            let of = ["last own await", phrase].join(" ");
            lines.insert(0, format!("{site}  {}, at {} s", of.trim_end(), moment(*at_ns)));
        }
        let title = format!("{} {}, since {} s", words.who(wait.event), wait.phrase(), moment(since_ns));
        (!lines.is_empty()).then_some(Stack { title, lines })
    };
    let stacks = waits.iter().filter_map(stack).take(STACKS_MAX).collect();
    (!sentence.is_empty()).then_some(Telling { sentence, turning, stacks })
}

/// The pieces that have room in so many characters, in order and at least the first; and the number of the others.
fn joined(pieces: Vec<String>, length_max: usize) -> String {
    let mut text = String::new();
    let mut left = 0;
    for piece in pieces {
        if text.is_empty() {
            text = piece;
        } else if text.chars().count() + piece.chars().count() <= length_max {
            text = format!("{text}; {piece}");
        } else {
            left += 1;
        }
    }
    if left > 0 { format!("{text}; {left} more") } else { text }
}

/// Returns whether this event says that a node is down.
fn is_down(event: &Event) -> bool {
    matches!(event.what, What::Waits { on: Waiting::Down, .. })
}

/// The rank of a wait: the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Down,
    Stop,
    Main,
    Own,
    Connection,
    Library,
    Timer,
    Idle,
}

struct Wait<'a> {
    event: &'a Event,
    awaited: Awaited,
    /// The last await in the program's own code, if this one is in a crate's: its subject, its line, its time.
    earlier: Option<(String, String, u64)>,
}

impl<'a> Wait<'a> {
    fn of(event: &'a Event, unread: &Unresolved) -> Self {
        let awaited = match event.what {
            What::Waits { call_site, .. } => awaited(unread.frames(call_site)),
            _ => Awaited::default(),
        };
        let earlier = if awaited.is_own { None } else { earlier(event.seq, unread) };
        Self { event, awaited, earlier }
    }

    fn rank(&self) -> Rank {
        let What::Waits { on, .. } = self.event.what else { return Rank::Connection };
        match on {
            Waiting::Down => Rank::Down,
            Waiting::NoStop => Rank::Stop,
            Waiting::Main => Rank::Main,
            Waiting::Task if self.awaited.is_timer() => Rank::Timer,
            Waiting::Task if self.awaited.is_own || self.earlier.is_some() => Rank::Own,
            Waiting::Task => Rank::Library,
            _ if self.awaited.is_idle => Rank::Idle,
            Waiting::Sleep => Rank::Timer,
            _ if self.awaited.is_own => Rank::Own,
            _ => Rank::Library,
        }
    }

    fn is_task(&self) -> bool {
        matches!(self.event.what, What::Waits { on: Waiting::Main | Waiting::Task, .. })
    }

    fn is_main(&self) -> bool {
        matches!(self.event.what, What::Waits { on: Waiting::Main, .. })
    }

    /// Returns whether this is a thread that is not waiting in its runtime.
    fn is_busy(&self) -> bool {
        let What::Waits { on, .. } = self.event.what else { return false };
        !matches!(on, Waiting::Main | Waiting::Task | Waiting::NoStop | Waiting::Down) && !self.awaited.is_idle
    }

    /// The subject: `for a socket`.
    fn now(&self) -> String {
        self.phrase().trim_start_matches("waits ").to_owned()
    }

    fn phrase(&self) -> String {
        let What::Waits { on, object, .. } = self.event.what else { return String::new() };
        phrase(on, object, &self.awaited.phrase)
    }
}

/// The last await in the program's own code before the one that a wait has: its subject, its line, its time.
fn earlier(wait: Seq, unread: &Unresolved) -> Option<(String, String, u64)> {
    let awaits = unread.details.iter().filter(|(of, ..)| *of == wait);
    let awaits = awaits.filter_map(|(_, at_ns, site)| Some(((*at_ns)?, awaited(unread.frames(*site)))));
    let (at_ns, last) = awaits.filter(|(_, awaited)| awaited.is_own).max_by_key(|(at_ns, _)| *at_ns)?;
    Some((last.phrase, last.site?, at_ns))
}

/// A wait in words: `waits for a oneshot channel`. `subject` comes from its stack, and may be empty.
pub(crate) fn phrase(on: Waiting, object: u32, subject: &str) -> String {
    let known = match on {
        Waiting::Nothing => return "can run".to_owned(),
        Waiting::Held => return "is held".to_owned(),
        Waiting::NoStop => return unawaited(object),
        Waiting::Down if object == u32::MAX => return "is down, and no restart is due".to_owned(),
        Waiting::Down => return format!("is down, and restarts in {}", span(u64::from(object) * 1_000_000)),
        Waiting::Sleep => return "sleeps".to_owned(),
        Waiting::Join => return format!("waits for the end of thread {object}"),
        Waiting::Disk => return "waits for its disk".to_owned(),
        Waiting::FileLock => return "waits for a file lock".to_owned(),
        Waiting::Main | Waiting::Task => "",
        Waiting::Futex => "for a lock or a wake-up",
        Waiting::Readiness => "for readiness",
        Waiting::Socket => "for a socket",
        Waiting::Descriptor => match object {
            descriptor::DATAGRAM => "for a datagram",
            descriptor::UNIX => "for a Unix socket",
            descriptor::PIPE => "for a pipe",
            descriptor::TIMER => "for a timer",
            descriptor::COUNTER => "for a counter",
            _ => "for a descriptor",
        },
    };
    match (subject, known) {
        ("", "") => "waits".to_owned(),
        ("", known) => format!("waits {known}"),
        (subject, _) => format!("waits {subject}"),
    }
}

/// A stop request that nothing awaits, in words, with the signal that is awaited instead.
fn unawaited(instead: u32) -> String {
    match i32::try_from(instead).ok().map(signal_name) {
        Some(other) if other == "SIGINT" => "awaits SIGINT (ctrl_c) but not SIGTERM".to_owned(),
        Some(other) => format!("awaits {other} but not SIGTERM"),
        None => "does not await SIGTERM".to_owned(),
    }
}

/// The one that waits: `main`, `task 4`, `thread 1 (worker)`.
pub(crate) fn waiter(on: Waiting, event: &Event, name: &str) -> String {
    match on {
        Waiting::Main if event.thread == 0 => "main".to_owned(),
        Waiting::Task => format!("task {}", event.task),
        Waiting::NoStop => "the process".to_owned(),
        Waiting::Down => "the node".to_owned(),
        _ => match name {
            "" if event.thread == 0 => "thread 0 (main)".to_owned(),
            "" => format!("thread {}", event.thread),
            name => format!("thread {} ({name})", event.thread),
        },
    }
}

/// The event with which a wait began: a connection's establishment, a thread's start, or the last event of a task.
fn began(before: &[Event], wait: &Event) -> Option<Seq> {
    let own = |event: &&Event| event.node == wait.node && event.incarnation == wait.incarnation;
    let begins = |event: &&Event| match (wait.what, event.what) {
        (What::StillOpen { conn, .. }, What::Accepted { conn: of } | What::Connected { conn: of }) => conn == of,
        (
            What::Waits { on: Waiting::Main | Waiting::Task, .. },
            What::Accepted { .. } | What::Connected { .. } | What::Sent { .. } | What::Delivered { .. },
        ) => event.seq == wait.cause,
        (What::Waits { on: Waiting::Down, .. }, What::Exited { .. }) => event.seq == wait.cause,
        (What::Waits { .. }, What::ThreadStarted { thread }) => thread == wait.thread,
        _ => false,
    };
    before.iter().filter(own).find(begins).map(|event| event.seq)
}

struct Words<'a> {
    record: &'a Record,
}

impl Words<'_> {
    fn name(&self, name: Name) -> &str {
        self.record.names.get(name.0 as usize).map_or("", String::as_str)
    }

    fn node(&self, node: NodeId) -> &str {
        self.record.nodes.get(usize::from(node.0)).map_or("?", String::as_str)
    }

    fn who(&self, event: &Event) -> String {
        match event.what {
            What::Waits { on: Waiting::Down, .. } => self.node(event.node).to_owned(),
            What::Waits { on, name, .. } => waiter(on, event, self.name(name)),
            _ => String::new(),
        }
    }

    /// The waits in words, in order; tasks that wait at one line, and connections with one peer, together.
    fn pieces(&self, waits: &[Wait<'_>]) -> Vec<String> {
        let mut pieces: Vec<String> = Vec::new();
        let mut connections: BTreeMap<String, (u64, u64, usize)> = BTreeMap::new();
        let mut tasks: BTreeMap<String, (u64, usize)> = BTreeMap::new();
        for wait in waits {
            match wait.event.what {
                What::Waits { .. } => {
                    let site = wait.awaited.site.as_ref().map_or(String::new(), |site| format!(" at {site}"));
                    let who = self.who(wait.event);
                    if wait.is_task() && !wait.is_main() && wait.earlier.is_none() {
                        let rest = wait.phrase().replacen("waits", "wait", 1) + &site;
                        let (count, at) = tasks.entry(rest.clone()).or_insert((0, pieces.len()));
                        *count += 1;
                        if *count > 1 {
                            pieces[*at] = format!("{count} tasks {rest}");
                            continue;
                        }
                    }
                    // A crate's line says less than that of the program's own code which the crate runs.
                    pieces.push(match &wait.earlier {
                        Some((before, own, _)) => {
                            format!("{who} last waited {before} at {own}, and now {}", wait.now())
                        }
                        None => format!("{who} {}{site}", wait.phrase()),
                    });
                }
                What::StillOpen { conn, used_ns, .. } => {
                    let peer = self.peer(conn, wait.event.node);
                    let (count, last_ns, _) = connections.entry(peer).or_insert((0, 0, pieces.len()));
                    (*count, *last_ns) = (*count + 1, used_ns.max(*last_ns));
                    if *count == 1 {
                        pieces.push(String::new());
                    }
                }
                _ => {}
            }
        }
        for (peer, (count, last_ns, at)) in connections {
            let (connections, are) = if count == 1 { ("connection", "is") } else { ("connections", "are") };
            let used = match last_ns {
                0 => String::new(),
                last_ns => format!(", last used at {} s", moment(last_ns)),
            };
            pieces[at] = format!("{count} {connections} {peer} {are} open{used}");
        }
        pieces
    }

    /// The other end of a connection: `from buyer`, or `to ledger` if the node opened it.
    fn peer(&self, conn: u32, node: NodeId) -> String {
        let opened = self.record.events.iter().find_map(|event| match event.what {
            What::Connecting { to, conn: of, .. } if of == conn => Some((event.node, to)),
            _ => None,
        });
        match opened {
            Some((from, to)) if from == node => format!("to {}", self.node(to)),
            Some((from, _)) => format!("from {}", self.node(from)),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;

    fn event(seq: u64, thread: u32, task: u64, what: What) -> Event {
        let (seq, time_ns, node) = (Seq(seq), 9_000_000_000, NodeId(0));
        Event { seq, time_ns, node, incarnation: 1, thread, task, cause: Seq::NONE, what }
    }

    fn waits(on: Waiting) -> What {
        What::Waits { on, object: u32::MAX, name: Name::NONE, call_site: 0, since_ns: 4_000_000_000 }
    }

    fn record(whats: &[(u32, u64, What)]) -> (Record, Violation) {
        let numbered = (0..).zip(whats);
        let events: Vec<Event> =
            numbered.map(|(seq, (thread, task, what))| event(seq, *thread, *task, *what)).collect();
        let at = events.last().map_or(Seq::NONE, |last| last.seq);
        let nodes = vec!["shop".to_owned(), "buyer".to_owned()];
        let violation =
            Violation { at, sentence: "shop had not stopped".to_owned(), ..use_after_teardown().finding.violation };
        (Record { nodes, events, ..Record::default() }, violation)
    }

    #[test]
    fn main_comes_first_and_connections_of_one_peer_are_counted() {
        let open = |conn, used_ns| What::StillOpen { conn, unread_bytes: 0, unsent_bytes: 0, used_ns };
        let asked = What::Connecting { to: NodeId(1), port: 80, conn: 1 };
        let asked_too = What::Connecting { to: NodeId(1), port: 80, conn: 2 };
        let (record, violation) = record(&[
            (0, 0, asked),
            (0, 0, asked_too),
            (0, 3, waits(Waiting::Task)),
            (0, 4, waits(Waiting::Task)),
            (0, 0, open(1, 1_000_000_000)),
            (0, 0, open(2, 2_500_000_000)),
            (0, 0, waits(Waiting::Main)),
            (0, 0, What::Quiescent),
        ]);
        let telling = telling(&record, &violation, &Unresolved::default()).expect("there is a snapshot");
        let connections = "2 connections to buyer are open, last used at 2.500 s";
        assert_eq!(telling.sentence, format!("main waits; {connections}; 2 tasks wait"));
        assert_eq!(telling.turning[..3], [Seq(6), Seq(4), Seq(5)]);
    }

    #[test]
    fn idle_threads_are_told_only_if_nothing_else_waits() {
        let threads = [(0, 0, waits(Waiting::Readiness)), (1, 0, waits(Waiting::Futex))];
        let of = |whats: &[(u32, u64, What)]| {
            let (record, violation) = record(whats);
            telling(&record, &violation, &Unresolved::default()).map(|telling| telling.sentence)
        };
        assert_eq!(of(&threads).as_deref(), Some("thread 0 (main) waits for readiness"));
        let with_task = [threads[0], threads[1], (0, 7, waits(Waiting::Task))];
        assert_eq!(of(&with_task).as_deref(), Some("task 7 waits"));
        assert_eq!(of(&[(0, 0, What::Quiescent)]), None);
    }

    #[test]
    fn a_wait_that_has_no_room_in_the_sentence_is_counted() {
        let pieces = ["main waits", "task 1 waits for a oneshot channel", "task 2 waits"].map(str::to_owned);
        assert_eq!(joined(pieces.to_vec(), 30), "main waits; task 2 waits; 1 more");
        assert_eq!(joined(pieces.to_vec(), 0), "main waits; 2 more");
        assert_eq!(joined(Vec::new(), 30), "");
    }
}
