//! Edges of lifetimes, in the words that triggers and stories share: `open metadata-db`, `phase ready`.
//! It names edges; the injector waits for them.

use afterlife_sim::event::{Name, ProbeEvent, What};

/// The edge of a lifetime that an event marks, if faults can be aimed at it.
pub(crate) fn edge_of(what: &What) -> Option<Edge> {
    let (verb, name) = match *what {
        What::Started => ("start", Name::NONE),
        What::StopRequested { .. } => ("stop requested", Name::NONE),
        What::StopRepeated => ("stop repeated", Name::NONE),
        What::ResourceOpened { name, .. } => ("open", name),
        What::ResourceUsed { name, .. } => ("use", name),
        What::ResourceClosed { name, .. } => ("close", name),
        What::Phase { name, .. } => ("phase", name),
        What::Reached { name, .. } => ("reach", name),
        What::FileSynced { path, .. } => ("sync", path),
        What::EntryChanged { path } => ("change", path),
        What::DiskFailed { path, .. } => ("disk failure", path),
        What::Noted { ledger, .. } => ("note", ledger),
        What::Probe { step, name, .. } => (verb(step), name),
        _ => return None,
    };
    Some(Edge { verb, name })
}

/// An edge of a lifetime: an action and its object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    verb: &'static str,
    name: Name,
}

impl Edge {
    /// Returns whether it is the edge with these words: `open metadata-db`.
    pub(crate) fn is<'a>(&self, words: &str, text: impl Fn(Name) -> &'a str) -> bool {
        match words.strip_prefix(self.verb) {
            Some("") => self.name == Name::NONE,
            Some(rest) => rest.strip_prefix(' ').is_some_and(|name| name == text(self.name)),
            None => false,
        }
    }
}

/// The verb of a probe event.
fn verb(step: ProbeEvent) -> &'static str {
    match step {
        ProbeEvent::Declared => "declare",
        ProbeEvent::Opening => "begin to open",
        ProbeEvent::Borrowed => "hold",
        ProbeEvent::Returned => "let go",
        ProbeEvent::Registered => "register",
        ProbeEvent::CallBegan => "call",
        ProbeEvent::CallEnded => "return",
        ProbeEvent::Deregistering => "begin to deregister",
        ProbeEvent::Deregistered => "deregister",
        ProbeEvent::EpochBegan => "begin",
        ProbeEvent::Advanced => "advance",
        ProbeEvent::Effect => "effect",
        ProbeEvent::ScopeOpened => "own",
        ProbeEvent::TaskQueued => "queue",
        ProbeEvent::TaskBegan => "run",
        ProbeEvent::TaskCancelled => "cancel",
        ProbeEvent::TaskEnded => "end",
        ProbeEvent::Joined => "join",
        ProbeEvent::ScopeClosed => "disown",
        ProbeEvent::SlotsMade => "count",
        ProbeEvent::SlotTaken => "take",
        ProbeEvent::SlotReturned => "give back",
        ProbeEvent::SlotsCounted => "show",
        ProbeEvent::ProgressBegan => "begin",
        ProbeEvent::ItemVerified => "verify",
        ProbeEvent::ProgressReported => "report",
        ProbeEvent::ProgressDone => "complete",
        ProbeEvent::ChannelOpened => "open",
        ProbeEvent::ChannelNotified => "tell",
        ProbeEvent::ChannelClosed => "close",
        ProbeEvent::EntryMade => "enter",
        ProbeEvent::EntryRemoved => "remove",
        ProbeEvent::Buggified => "misbehave",
    }
}
