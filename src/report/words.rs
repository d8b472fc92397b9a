//! Events, faults and triggers in a few words each.
//! The story chooses the events; pages lay them out.

use super::measure::{bytes, count, errno_name, moment, plural, span};
use crate::failure::waits::{phrase, waiter};
use crate::fault::{Fault, Injection, Plan, Trigger, When, ordinal};
use crate::run::request::Record;
use afterlife_sim::event::{Death, Event, Leak, Name, NodeId, ProbeEvent, Seq, Waiting, What, signal_name};
use std::collections::BTreeMap;

/// The names behind the numbers of a record.
#[derive(Clone, Debug)]
pub(crate) struct Lexicon<'a> {
    record: &'a Record,
    /// The two ends of each connection: the node that opened it, and its peer.
    connections: BTreeMap<u32, (NodeId, NodeId)>,
    plan: Option<&'a Plan>,
}

/// An event in words. The node comes before them: `master-0  closes metadata-db`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// The action: `closes metadata-db`.
    pub(crate) what: String,
    /// A detail: `in apply 41`.
    pub(crate) note: String,
    /// The further lines of the detail: those of a panic's message.
    pub(crate) more: Vec<String>,
    /// The place in the code, if known.
    pub(crate) site: String,
}

impl<'a> Lexicon<'a> {
    /// The lexicon of a record.
    pub(crate) fn of(record: &'a Record) -> Self {
        let connections = record.events.iter().filter_map(|event| match event.what {
            What::Connecting { to, conn, .. } => Some((conn, (event.node, to))),
            _ => None,
        });
        Self { record, connections: connections.collect(), plan: None }
    }

    /// Adds the plan of the run, so that faults show their figures.
    pub(crate) fn with(self, plan: &'a Plan) -> Self {
        Self { plan: Some(plan), ..self }
    }

    /// A text by its number.
    pub(super) fn name(&self, name: Name) -> &'a str {
        self.record.names.get(name.0 as usize).map_or("", String::as_str)
    }

    /// A node's name.
    pub(super) fn node(&self, node: NodeId) -> String {
        match self.record.nodes.get(usize::from(node.0)) {
            Some(name) => name.clone(),
            None if node == NodeId::SIMULATION => "simulation".to_owned(),
            None => format!("node {}", node.0),
        }
    }

    /// The actor of an event: a node, or `fault` and `heal` for the harness.
    pub(super) fn who(&self, event: &Event) -> String {
        match event.what {
            What::Fault { .. } => "fault".to_owned(),
            What::Healed { .. } => "heal".to_owned(),
            _ => self.node(event.node),
        }
    }

    /// The other end of a connection, as seen from a node.
    fn peer(&self, conn: u32, seen_from: NodeId) -> Option<String> {
        let (from, to) = self.connections.get(&conn)?;
        Some(self.node(if *to == seen_from { *from } else { *to }))
    }

    /// An event in words.
    pub(crate) fn words(&self, event: &Event) -> Words {
        let with = |what: String, note: String| Words { what, note, ..Words::default() };
        let at =
            |what: String, note: String, site: Name| Words { site: self.name(site).to_owned(), ..with(what, note) };
        let bare = |what: &str| with(what.to_owned(), String::new());
        let towards = |conn: u32| self.peer(conn, event.node).map(|peer| format!("→ {peer}")).unwrap_or_default();
        let from = |conn: u32| self.peer(conn, event.node).map(|peer| format!("← {peer}")).unwrap_or_default();
        let inside = |name: Name| match self.name(name) {
            "" => String::new(),
            name => format!("in {name}"),
        };
        match event.what {
            What::Started if event.incarnation > 1 => with("restarts".to_owned(), incarnation(event.incarnation)),
            What::Started => bare("starts"),
            What::StopRequested { budget_ns } => {
                with("is asked to stop".to_owned(), format!("within {}", span(budget_ns)))
            }
            What::StopRepeated => bare("is asked to stop again"),
            What::Exited { how } => {
                let (what, note) = death(how);
                with(what, note)
            }
            What::ThreadStarted { thread } => bare(&format!("thread {thread} starts")),
            What::ThreadEnded => bare(&format!("thread {} ends", event.thread)),
            What::Panicked { message, site } => {
                let mut lines = self.name(message).lines().filter(|line| !line.trim().is_empty()).map(str::to_owned);
                let first = lines.next().unwrap_or_default();
                Words { more: lines.collect(), ..at("panics".to_owned(), first, site) }
            }
            What::Listening { port } => bare(&format!("listens on port {port}")),
            What::Connecting { to, port, .. } => with("connects".to_owned(), format!("→ {}:{port}", self.node(to))),
            What::Connected { conn } => with("is connected".to_owned(), towards(conn)),
            What::Accepted { conn } => with("accepts a connection".to_owned(), from(conn)),
            What::Refused { conn } => with("is refused".to_owned(), from(conn)),
            What::Sent { conn, bytes } => with(format!("sends {}", size(bytes)), towards(conn)),
            What::Delivered { conn, bytes } => with(format!("receives {}", size(bytes)), from(conn)),
            What::Finished { conn } => with("receives FIN".to_owned(), from(conn)),
            What::Reset { conn } => with("receives RST".to_owned(), from(conn)),
            What::TimedOut { conn } => with("connection times out".to_owned(), from(conn)),
            What::FileOpened { path } => with("opens a file".to_owned(), self.name(path).to_owned()),
            What::FileWritten { path } => {
                with("writes a file".to_owned(), format!("{}, {}", self.name(path), self.sync_after(event, path)))
            }
            What::DataLost { path, bytes: lost } => {
                with(format!("loses {}", plural(lost, "byte")), format!("of {}, unsynced", self.name(path)))
            }
            What::FileLost { path } => {
                with("loses a file".to_owned(), format!("{}, directory unsynced", self.name(path)))
            }
            What::FileSynced { path, took_ns } => {
                with("syncs a file".to_owned(), format!("{}, {}", self.name(path), span(took_ns)))
            }
            What::EntryChanged { path } => with("changes a directory".to_owned(), self.name(path).to_owned()),
            What::BadDescriptor { fd, function } => {
                with(format!("uses closed descriptor {fd}"), self.name(function).to_owned())
            }
            What::TimerFired => bare("timer fires"),
            What::ResourceOpened { name, generation, site, .. } => {
                at(format!("opens {}", self.name(name)), format!("generation {generation}"), site)
            }
            What::ResourceUsed { name, by: user, site, .. } => {
                at(format!("uses {}", self.name(name)), inside(user), site)
            }
            What::ResourceClosed { name, site, .. } => at(format!("closes {}", self.name(name)), String::new(), site),
            What::Phase { name, site } => at(self.name(name).to_owned(), String::new(), site),
            What::Claim { claim, held, site, .. } => {
                let note = if held { "holds" } else { "does not hold" };
                at(self.name(claim).to_owned(), note.to_owned(), site)
            }
            What::Reached { name, site } => at(format!("reaches {}", self.name(name)), String::new(), site),
            What::Noted { ledger, entry, site } => {
                at(format!("notes {}", self.name(entry)), format!("in {}", self.name(ledger)), site)
            }
            What::Completed { ledger, entries, site } => {
                let entries = match entries {
                    1 => "1 entry".to_owned(),
                    number => format!("{} entries", count(number.into())),
                };
                at(format!("completes {}", self.name(ledger)), entries, site)
            }
            What::Fault { kind, injection, detail } => {
                let detail = self.name(detail);
                match self.injected(injection) {
                    Some(fault) => {
                        let notes = [fault.details(), detail.to_owned()];
                        let notes: Vec<String> = notes.into_iter().filter(|note| !note.is_empty()).collect();
                        with(self.title(fault), notes.join("; "))
                    }
                    // The plan is unknown, or the fault is another simulator's, whose detail names the node.
                    None if event.node == NodeId::SIMULATION => with(self.name(kind).to_owned(), detail.to_owned()),
                    None if injection == u32::MAX => with(format!("{} {detail}", self.name(kind)), String::new()),
                    None => with(format!("{} on {}", self.name(kind), self.node(event.node)), detail.to_owned()),
                }
            }
            What::Healed { kind, injection } => match self.injected(injection) {
                Some(fault) => with(self.title(fault), String::new()),
                None => with(self.name(kind).to_owned(), String::new()),
            },
            What::Line { text } => with("prints".to_owned(), self.name(text).to_owned()),
            What::Probe { step, name, number, site, .. } => {
                let (what, note) =
                    probe_words(step, self.name(name), number, |text| self.name(Name::from_number(text)));
                at(what, note, site)
            }
            What::Quiescent => bare("no thread can run"),
            What::Paused => bare("is paused"),
            What::Resumed => bare("resumes"),
            What::Signalled { signal } => bare(&format!("receives {}", signal_name(signal))),
            What::MemoryUsed { live, peak } => with(format!("holds {}", bytes(live)), format!("peak {}", bytes(peak))),
            What::Allocated { bytes: asked } => bare(&format!("allocates {} at once", bytes(asked))),
            What::LongPath { bytes: length } => bare(&format!("passes a path of {}", size(length))),
            What::Leaked { kind, call_site } => Words {
                what: format!("leaks {}", leak(kind)),
                site: self.record.places.get(&call_site).cloned().unwrap_or_default(),
                ..Words::default()
            },
            What::Spun { calls } => with("spins".to_owned(), format!("{} calls without progress", count(calls))),
            What::Dropped { to, bytes } => with(format!("loses {}", size(bytes)), format!("→ {}", self.node(to))),
            What::Stale { of, incarnation, .. } => with(
                "receives a stale message".to_owned(),
                format!("of {}, {}", self.node(of), self::incarnation(incarnation)),
            ),
            What::Waits { on, object, name, call_site, since_ns } => {
                if on == Waiting::Down {
                    return with(phrase(on, object, ""), format!("since {} s", moment(since_ns)));
                }
                let subject = self.record.awaited.get(&call_site).map_or("", String::as_str);
                let who = waiter(on, event, self.name(name));
                Words {
                    what: phrase(on, object, subject),
                    note: who,
                    more: vec![format!("since {} s", moment(since_ns))],
                    site: self.record.places.get(&call_site).cloned().unwrap_or_default(),
                }
            }
            What::StillOpen { conn, unread_bytes, unsent_bytes, used_ns } => {
                let is_opener = self.connections.get(&conn).is_some_and(|(opener, _)| *opener == event.node);
                let peer = if is_opener { towards(conn) } else { from(conn) };
                let used = (used_ns > 0).then(|| format!("last used at {} s", moment(used_ns)));
                let count = |count: u32, what: &str| (count > 0).then(|| format!("{} {what}", size(count)));
                let details = [used, count(unread_bytes, "unread"), count(unsent_bytes, "unsent")];
                let details: Vec<String> = [peer].into_iter().chain(details.into_iter().flatten()).collect();
                with("holds a connection".to_owned(), details.join(", "))
            }
            What::DiskFailed { path, errno } => {
                with("gets a disk error".to_owned(), format!("{}, {}", self.name(path), errno_name(errno)))
            }
        }
    }

    /// The sync that covers a write, if there is one.
    fn sync_after(&self, write: &Event, path: Name) -> String {
        let after = self.record.events.partition_point(|event| event.seq <= write.seq);
        let of_node = self.record.events[after..].iter().filter(|event| event.node == write.node);
        let until_lost = of_node.take_while(|event| match event.what {
            What::Exited { how } => how != Death::PowerLoss,
            What::DataLost { path: lost, .. } | What::FileLost { path: lost } => lost != path,
            _ => true,
        });
        let is_sync = |event: &&Event| matches!(event.what, What::FileSynced { path: synced, .. } if synced == path);
        match until_lost.into_iter().find(is_sync) {
            Some(sync) => format!("synced {} later", span(sync.time_ns - write.time_ns)),
            None => "never synced".to_owned(),
        }
    }

    /// An injection in words: the fault, and its trigger.
    pub(super) fn injection(&self, Injection { trigger, fault }: &Injection) -> (String, String) {
        (self.fault(fault), self.trigger(trigger))
    }

    fn fault(&self, fault: &Fault) -> String {
        let details = fault.details();
        let title = self.title(fault);
        if details.is_empty() { title } else { format!("{title}, {details}") }
    }

    /// The title of a fault, without its figures.
    pub(super) fn title(&self, fault: &Fault) -> String {
        fault.title(&|node| self.node(node))
    }

    /// The fault behind an event, if the plan is known.
    fn injected(&self, injection: u32) -> Option<&'a Fault> {
        self.plan?.injections.get(injection as usize).map(|injection| &injection.fault)
    }

    fn trigger(&self, trigger: &Trigger) -> String {
        match trigger.when() {
            When::At { time_ns } => format!("at {} s", moment(*time_ns)),
            When::On { edge, node, nth, after_ns } => {
                let edge = format!("{} `{edge}` of {}", ordinal(*nth), self.node(*node));
                match after_ns {
                    0 => format!("on the {edge}"),
                    after => format!("{} after the {edge}", span(*after)),
                }
            }
        }
    }
}

/// One event on one line, in full.
pub(crate) fn event_line(event: &Event, lexicon: &Lexicon<'_>) -> String {
    let Words { what, note, more, site } = lexicon.words(event);
    let more = more.iter().map(|line| line.trim().to_owned());
    let note = [note].into_iter().chain(more).collect::<Vec<_>>().join("; ");
    let (seconds, rest_ns) = (event.time_ns / 1_000_000_000, event.time_ns % 1_000_000_000);
    let mut line = format!("#{} at {seconds}.{rest_ns:09}", count(event.seq.0));
    line.push_str(&format!("  {}", lexicon.who(event)));
    if event.incarnation > 0 {
        line.push_str(&format!(", {}, thread {}", incarnation(event.incarnation), event.thread));
    }
    for piece in [what, note, site] {
        if !piece.is_empty() {
            line.push_str(&format!("  {piece}"));
        }
    }
    if event.cause != Seq::NONE {
        line.push_str(&format!("  caused by #{}", count(event.cause.0)));
    }
    line
}

fn incarnation(number: u16) -> String {
    format!("incarnation {number}")
}

fn size(bytes: u32) -> String {
    plural(u64::from(bytes), "byte")
}

fn death(how: Death) -> (String, String) {
    let (what, note) = match how {
        Death::Exit { code: 0 } => ("exits", ""),
        Death::Exit { code } => return ("exits".to_owned(), format!("with code {code}")),
        Death::Panic => ("dies", "by panic"),
        Death::Abort => ("dies", "by abort()"),
        Death::Kill => ("dies", "by SIGKILL"),
        Death::Overrun => ("dies", "by SIGKILL, budget exceeded"),
        Death::PowerLoss => ("loses power", ""),
        Death::OutOfMemory => ("dies", "out of memory"),
        Death::Signal { signal } => return ("dies".to_owned(), format!("by {}", signal_name(signal))),
    };
    (what.to_owned(), note.to_owned())
}

/// A probe event: the action, and a detail.
fn probe_words<'a>(step: ProbeEvent, name: &str, number: u64, text: impl Fn(u64) -> &'a str) -> (String, String) {
    let bare = |what: String| (what, String::new());
    match step {
        ProbeEvent::Declared => bare(format!("declares {name}")),
        ProbeEvent::Opening => bare(format!("begins to open {name}")),
        ProbeEvent::Borrowed => bare(format!("borrows {name}")),
        ProbeEvent::Returned => bare(format!("returns {name}")),
        ProbeEvent::Registered => (format!("registers {name}"), text(number).to_owned()),
        ProbeEvent::CallBegan => bare(format!("calls {name}")),
        ProbeEvent::CallEnded => bare(format!("returns from {name}")),
        ProbeEvent::Deregistering => bare(format!("begins to deregister {name}")),
        ProbeEvent::Deregistered => bare(format!("deregisters {name}")),
        ProbeEvent::EpochBegan => bare(format!("creates epoch {name}")),
        ProbeEvent::Advanced => bare(format!("advances {name} to {number}")),
        ProbeEvent::Effect => (format!("applies {name}"), format!("begun in {number}")),
        ProbeEvent::ScopeOpened => bare(format!("opens scope {name}")),
        ProbeEvent::TaskQueued => bare(format!("queues task {name}")),
        ProbeEvent::TaskBegan => bare(format!("starts task {name}")),
        ProbeEvent::TaskCancelled => bare(format!("cancels task {name}")),
        ProbeEvent::TaskEnded => bare(format!("ends task {name}")),
        ProbeEvent::Joined => bare(format!("joins {name}")),
        ProbeEvent::ScopeClosed => bare(format!("closes scope {name}")),
        ProbeEvent::SlotsMade => (format!("creates slots {name}"), format!("{number} at most")),
        ProbeEvent::SlotTaken => bare(format!("takes a slot of {name}")),
        ProbeEvent::SlotReturned => bare(format!("returns a slot of {name}")),
        ProbeEvent::SlotsCounted => bare(format!("counts {} in {name}", number as i64)),
        ProbeEvent::ProgressBegan => (format!("begins {name}"), plural(number, "item")),
        ProbeEvent::ItemVerified => bare(format!("verifies an item of {name}")),
        ProbeEvent::ProgressReported => bare(format!("reports {name} at {number} %")),
        ProbeEvent::ProgressDone => bare(format!("completes {name}")),
        ProbeEvent::ChannelOpened => bare(format!("opens {name}")),
        ProbeEvent::ChannelNotified => bare(format!("announces the end of {name}")),
        ProbeEvent::ChannelClosed => bare(format!("closes {name}")),
        ProbeEvent::EntryMade => (format!("adds an entry to {name}"), text(number).to_owned()),
        ProbeEvent::EntryRemoved if number == 0 => bare(format!("removes an entry of {name}")),
        ProbeEvent::EntryRemoved => (format!("removes a foreign entry of {name}"), text(number).to_owned()),
        ProbeEvent::Buggified => bare(format!("misbehaves: {name}")),
    }
}

fn leak(kind: Leak) -> &'static str {
    match kind {
        Leak::Thread => "a running thread",
        Leak::Task => "an unfinished task",
        Leak::Socket => "an open socket",
        Leak::Listener => "an open listener",
        Leak::File => "an open file",
        Leak::Lock => "a file lock",
        Leak::Timer => "an open timer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_probe_event_keeps_all_of_its_bits() {
        let words = |step, number| probe_words(step, "lease", number, |_| "").0;
        assert_eq!(words(ProbeEvent::Advanced, 1_764_518_400_000), "advances lease to 1764518400000");
        assert_eq!(words(ProbeEvent::SlotsCounted, -(1_i64 << 40) as u64), "counts -1099511627776 in lease");
    }
}
