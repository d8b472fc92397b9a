//! What each event, fault and trigger is called, in a few words a person reads.
//! It does not choose which of them are told, and lays nothing out.

use super::measure::{bytes, count, errno_name, moment, plural, span};
use crate::fault::{Fault, Injection, Plan, Trigger, ordinal};
use crate::run::request::Record;
use afterlife_sim::event::{Death, Event, Leak, Name, NodeId, ProbeEvent, Seq, What, signal_name};
use std::collections::BTreeMap;

/// Looks up what the numbers of a record stand for.
#[derive(Clone, Debug)]
pub(crate) struct Lexicon<'a> {
    record: &'a Record,
    /// Who opened each connection, and to whom.
    connections: BTreeMap<u32, (NodeId, NodeId)>,
    plan: Option<&'a Plan>,
}

/// An event in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// What happened: `metadata-db closed`.
    pub(crate) what: String,
    /// What more there is to say: `by apply 41`.
    pub(crate) note: String,
    /// Where in the code, if known.
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

    /// The same with the plan of the run, so that its faults are named with their figures.
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
            None if node == NodeId::SIMULATION => "world".to_owned(),
            None => format!("node {}", node.0),
        }
    }

    /// Who acts in an event: a node, or what afterlife does to them.
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
        let with = |what: String, note: String| Words { what, note, site: String::new() };
        let at = |what: String, note: String, site: Name| Words { what, note, site: self.name(site).to_owned() };
        let bare = |what: &str| with(what.to_owned(), String::new());
        let towards = |conn: u32| self.peer(conn, event.node).map(|peer| format!("→ {peer}")).unwrap_or_default();
        let from = |conn: u32| self.peer(conn, event.node).map(|peer| format!("← {peer}")).unwrap_or_default();
        let by = |name: Name| match self.name(name) {
            "" => String::new(),
            name => format!("by {name}"),
        };
        match event.what {
            What::Started if event.incarnation > 1 => with("starts again".to_owned(), life(event.incarnation)),
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
                // A failed assertion says more on further lines; the record has them.
                at("panics".to_owned(), self.name(message).lines().next().unwrap_or_default().to_owned(), site)
            }
            What::Listening { port } => bare(&format!("listens on port {port}")),
            What::Connecting { to, port, .. } => with("connects".to_owned(), format!("→ {}:{port}", self.node(to))),
            What::Connected { conn } => with("is connected".to_owned(), towards(conn)),
            What::Accepted { conn } => with("takes a connection".to_owned(), from(conn)),
            What::Refused { conn } => with("is refused".to_owned(), from(conn)),
            What::Sent { conn, bytes } => with(format!("sends {}", size(bytes)), towards(conn)),
            What::Delivered { conn, bytes } => with(format!("receives {}", size(bytes)), from(conn)),
            What::Finished { conn } => with("is told the end".to_owned(), from(conn)),
            What::Reset { conn } => with("is cut off".to_owned(), from(conn)),
            What::TimedOut { conn } => with("gives up waiting".to_owned(), from(conn)),
            What::FileOpened { path } => with("opens a file".to_owned(), self.name(path).to_owned()),
            What::FileSynced { path, took_ns } => {
                with("syncs a file".to_owned(), format!("{}, {}", self.name(path), span(took_ns)))
            }
            What::EntryChanged { path } => with("changes a directory".to_owned(), self.name(path).to_owned()),
            What::BadDescriptor { fd, function } => {
                with("uses a closed descriptor".to_owned(), format!("{} of {fd}", self.name(function)))
            }
            What::TimerFired => bare("wakes up"),
            What::ResourceOpened { name, generation, site, .. } => {
                at(format!("{} opened", self.name(name)), format!("generation {generation}"), site)
            }
            What::ResourceUsed { name, by: user, site, .. } => at(format!("{} used", self.name(name)), by(user), site),
            What::ResourceClosed { name, site, .. } => at(format!("{} closed", self.name(name)), String::new(), site),
            What::Phase { name, site } => at(self.name(name).to_owned(), String::new(), site),
            What::Claim { claim, held, site, .. } => {
                let note = if held { "holds" } else { "does not hold" };
                at(self.name(claim).to_owned(), note.to_owned(), site)
            }
            What::Reached { name, site } => at(format!("reaches {}", self.name(name)), String::new(), site),
            What::Noted { ledger, entry } => {
                with(format!("notes {}", self.name(entry)), format!("in {}", self.name(ledger)))
            }
            What::Fault { kind, injection, detail } => {
                let detail = self.name(detail);
                match self.injected(injection) {
                    Some(fault) => {
                        let notes = [fault.details(), detail.to_owned()];
                        let notes: Vec<String> = notes.into_iter().filter(|note| !note.is_empty()).collect();
                        with(self.title(fault), notes.join("; "))
                    }
                    None => with(format!("{} on {}", self.name(kind), self.node(event.node)), detail.to_owned()),
                }
            }
            What::Healed { kind, injection } => match self.injected(injection) {
                Some(fault) => with("ends".to_owned(), self.title(fault)),
                None => with("ends".to_owned(), self.name(kind).to_owned()),
            },
            What::Line { text } => with("says".to_owned(), self.name(text).to_owned()),
            What::Probe { step, name, number, site, .. } => {
                let (what, note) = step_words(step, self.name(name), number, |text| self.name(Name::from_number(text)));
                at(what, note, site)
            }
            What::Quiescent => bare("nothing can run"),
            What::Paused => bare("stands still"),
            What::Resumed => bare("goes on"),
            What::Signalled { signal } => bare(&format!("gets {}", signal_name(signal))),
            What::MemoryUsed { live, peak } => {
                with(format!("had {} allocated", bytes(live)), format!("{} at most", bytes(peak)))
            }
            What::Allocated { bytes: asked } => bare(&format!("asks for {} at once", bytes(asked))),
            What::LongPath { bytes: length } => bare(&format!("names a path of {}", size(length))),
            What::Leaked { kind, call_site } => Words {
                what: format!("leaves {}", left(kind)),
                site: self.record.places.get(&call_site).cloned().unwrap_or_default(),
                ..Words::default()
            },
            What::Spun { calls } => with("goes round".to_owned(), format!("{} calls that moved nothing", count(calls))),
            What::Dropped { to, bytes } => with(format!("loses {}", size(bytes)), format!("→ {}", self.node(to))),
            What::Stale { of, incarnation, .. } => {
                with("receives what is too late".to_owned(), format!("{}, {}", self.node(of), life(incarnation)))
            }
            What::DiskFailed { path, errno } => {
                with("its disk fails".to_owned(), format!("{}, {}", self.name(path), errno_name(errno)))
            }
        }
    }

    /// An injection in words: what is done, and when.
    pub(super) fn injection(&self, Injection { trigger, fault }: &Injection) -> (String, String) {
        (self.fault(fault), self.trigger(trigger))
    }

    fn fault(&self, fault: &Fault) -> String {
        let details = fault.details();
        let title = self.title(fault);
        if details.is_empty() { title } else { format!("{title}, {details}") }
    }

    /// A fault in a few words, without its figures.
    pub(super) fn title(&self, fault: &Fault) -> String {
        fault.title(&|node| self.node(node))
    }

    /// The fault of an event, if the plan is known.
    fn injected(&self, injection: u32) -> Option<&'a Fault> {
        self.plan?.injections.get(injection as usize).map(|injection| &injection.fault)
    }

    fn trigger(&self, trigger: &Trigger) -> String {
        match trigger {
            Trigger::At { time_ns } => format!("at {} s", moment(*time_ns)),
            Trigger::On { edge, node, nth, after_ns } => {
                let place = format!("{} `{edge}` of {}", ordinal(*nth), self.node(*node));
                match after_ns {
                    0 => format!("on the {place}"),
                    after => format!("{} after the {place}", span(*after)),
                }
            }
        }
    }
}

/// One event on one line, with everything that tells it from another.
pub(crate) fn event_line(event: &Event, lexicon: &Lexicon<'_>) -> String {
    let Words { what, note, site } = lexicon.words(event);
    let (seconds, rest_ns) = (event.time_ns / 1_000_000_000, event.time_ns % 1_000_000_000);
    let mut line = format!("#{} at {seconds}.{rest_ns:09}", count(event.seq.0));
    line.push_str(&format!("  {}", lexicon.who(event)));
    if event.incarnation > 0 {
        line.push_str(&format!(", {}, thread {}", life(event.incarnation), event.thread));
    }
    for piece in [what, note, site] {
        if !piece.is_empty() {
            line.push_str(&format!("  {piece}"));
        }
    }
    if event.cause != Seq::NONE {
        line.push_str(&format!("  because of #{}", count(event.cause.0)));
    }
    line
}

/// The claim that an invariant's id names: `no use after teardown`.
pub(super) fn claim(invariant: &str) -> String {
    invariant.replace('-', " ")
}

fn life(incarnation: u16) -> String {
    format!("life {incarnation}")
}

fn size(bytes: u32) -> String {
    plural(u64::from(bytes), "byte")
}

fn death(how: Death) -> (String, String) {
    let (what, note) = match how {
        Death::Exit { code: 0 } => ("ends", ""),
        Death::Exit { code } => return ("ends".to_owned(), format!("with exit code {code}")),
        Death::Panic => ("dies", "of a panic"),
        Death::Abort => ("dies", "by abort"),
        Death::Kill => ("dies", "by SIGKILL"),
        Death::Overrun => ("dies", "by SIGKILL, its budget is over"),
        Death::PowerLoss => ("dies", "its power is gone"),
        Death::OutOfMemory => ("dies", "out of memory"),
        Death::Signal { signal } => return ("dies".to_owned(), format!("by {}", signal_name(signal))),
    };
    (what.to_owned(), note.to_owned())
}

/// A step of a lifetime: what happened, and what more there is to say.
fn step_words<'a>(step: ProbeEvent, name: &str, number: u64, text: impl Fn(u64) -> &'a str) -> (String, String) {
    let bare = |what: String| (what, String::new());
    match step {
        ProbeEvent::Declared => bare(format!("{name} declared")),
        ProbeEvent::Opening => bare(format!("{name} begins to open")),
        ProbeEvent::Borrowed => bare(format!("{name} held")),
        ProbeEvent::Returned => bare(format!("{name} let go")),
        ProbeEvent::Registered => (format!("{name} registered"), text(number).to_owned()),
        ProbeEvent::CallBegan => bare(format!("{name} called")),
        ProbeEvent::CallEnded => bare(format!("{name} returns")),
        ProbeEvent::Deregistering => bare(format!("{name} begins to deregister")),
        ProbeEvent::Deregistered => bare(format!("{name} deregistered")),
        ProbeEvent::EpochBegan => bare(format!("{name} is there")),
        ProbeEvent::Advanced => bare(format!("{name} is {number} now")),
        ProbeEvent::Effect => (format!("{name} takes effect"), format!("begun in {number}")),
        ProbeEvent::ScopeOpened => bare(format!("{name} has an owner")),
        ProbeEvent::TaskQueued => bare(format!("task {name} queued")),
        ProbeEvent::TaskBegan => bare(format!("task {name} begins")),
        ProbeEvent::TaskCancelled => bare(format!("task {name} asked to stop")),
        ProbeEvent::TaskEnded => bare(format!("task {name} over")),
        ProbeEvent::Joined => bare(format!("{name} joined")),
        ProbeEvent::ScopeClosed => bare(format!("{name} has no owner any more")),
        ProbeEvent::SlotsMade => (format!("{name} counted"), format!("{number} at most")),
        ProbeEvent::SlotTaken => bare(format!("{name} taken")),
        ProbeEvent::SlotReturned => bare(format!("{name} given back")),
        ProbeEvent::SlotsCounted => bare(format!("{name} shows {}", number as i64)),
        ProbeEvent::ProgressBegan => (format!("{name} begins"), plural(number, "item")),
        ProbeEvent::ItemVerified => bare(format!("{name} verified one more")),
        ProbeEvent::ProgressReported => bare(format!("{name} at {number} %")),
        ProbeEvent::ProgressDone => bare(format!("{name} complete")),
        ProbeEvent::ChannelOpened => bare(format!("{name} opened")),
        ProbeEvent::ChannelNotified => bare(format!("{name} told its end")),
        ProbeEvent::ChannelClosed => bare(format!("{name} closed")),
        ProbeEvent::EntryMade => (format!("{name} entered"), text(number).to_owned()),
        ProbeEvent::EntryRemoved if number == 0 => bare(format!("{name} entry removed")),
        ProbeEvent::EntryRemoved => (format!("{name} entry removed by who has none"), text(number).to_owned()),
        ProbeEvent::Buggified => bare(format!("misbehaves: {name}")),
    }
}

fn left(kind: Leak) -> &'static str {
    match kind {
        Leak::Thread => "a thread that runs",
        Leak::Task => "a task that has not ended",
        Leak::Socket => "a socket open",
        Leak::Listener => "a listener open",
        Leak::File => "a file open",
        Leak::Lock => "a file locked",
        Leak::Timer => "a timer open",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_a_probe_is_printed_in_all_of_its_bits() {
        let words = |step, number| step_words(step, "lease", number, |_| "").0;
        assert_eq!(words(ProbeEvent::Advanced, 1_764_518_400_000), "lease is 1764518400000 now");
        assert_eq!(words(ProbeEvent::SlotsCounted, -(1_i64 << 40) as u64), "lease shows -1099511627776");
    }
}
