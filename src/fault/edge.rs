//! Edges of lifetimes, in the words that triggers and stories share: `open metadata-db`, `phase ready`.
//! It names edges; it waits for none.

use crate::fault::{DiskTrouble, Fault, FileDamage, LinkTrouble};
use crate::model::duration::span;
use afterlife_sim::event::{Name, ProbeEvent, What};

/// The place in a lifetime that an event is, if faults can be aimed at it: what is done, and to what.
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

/// A place in a lifetime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    verb: &'static str,
    name: Name,
}

impl Edge {
    /// Whether it is the one of these words, `open metadata-db`.
    pub(crate) fn is<'a>(&self, words: &str, text: impl Fn(Name) -> &'a str) -> bool {
        match words.strip_prefix(self.verb) {
            Some("") => self.name == Name::NONE,
            Some(rest) => rest.strip_prefix(' ').is_some_and(|name| name == text(self.name)),
            None => false,
        }
    }
}

/// What a step of a lifetime does, as an order.
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

/// A fault in words: `stop master-0, budget 30 s`.
pub(crate) fn text_of(fault: &Fault, name: impl Fn(u16) -> String) -> String {
    match fault {
        Fault::Stop { node, budget_ns, .. } => format!("stop {}, budget {}", name(*node), span(*budget_ns)),
        Fault::Kill { node, .. } => format!("kill {}", name(*node)),
        Fault::PowerLoss { node, .. } => format!("power loss of {}", name(*node)),
        Fault::Partition { from, to, one_way: true, for_ns } => {
            format!("cut {} off from {}, {}", name(*to), name(*from), span(*for_ns))
        }
        Fault::Partition { from, to, one_way: false, for_ns } => {
            format!("cut between {} and {}, {}", name(*from), name(*to), span(*for_ns))
        }
        Fault::SlowDisk { node, extra_ns, for_ns } => {
            format!("slow disk on {}, {} a sync for {}", name(*node), span(*extra_ns), span(*for_ns))
        }
        Fault::Pause { node, for_ns } => format!("pause {}, {}", name(*node), span(*for_ns)),
        Fault::HoldThread { node, until: None, for_ns, .. } => {
            format!("hold a thread of {}, {}", name(*node), span(*for_ns))
        }
        Fault::HoldThread { node, until: Some(edge), for_ns, .. } => {
            format!("hold a thread of {}, until `{edge}` or for {}", name(*node), span(*for_ns))
        }
        Fault::SqueezeMemory { node, budget_bytes, for_ns } => {
            format!("memory of {} down, to {budget_bytes} bytes for {}", name(*node), span(*for_ns))
        }
        Fault::StepClock { node, by_ns } => format!("clock of {} steps, by {}", name(*node), signed(*by_ns)),
        Fault::SkewClock { node, ppm, for_ns } => {
            format!("clock of {} drifts, by {ppm} ppm for {}", name(*node), span(*for_ns))
        }
        Fault::DisturbLink { from, to, how, for_ns } => {
            format!("link of {} and {}, {} for {}", name(*from), name(*to), link_trouble(*how), span(*for_ns))
        }
        Fault::ResetConnections { from, to } => format!("reset between {} and {}", name(*from), name(*to)),
        Fault::FailDisk { node, how, for_ns } => {
            format!("disk of {}, {} for {}", name(*node), disk_trouble(*how), span(*for_ns))
        }
        Fault::DamageFile { node, how: FileDamage::Missing, .. } => format!("a file of {} is removed", name(*node)),
        Fault::DamageFile { node, how: FileDamage::Corrupt, .. } => format!("a file of {} is damaged", name(*node)),
    }
}

/// What is wrong with a link, in words.
pub(crate) fn link_trouble(how: LinkTrouble) -> String {
    match how {
        LinkTrouble::Slow { extra_ns } => format!("slower by {}", span(extra_ns)),
        LinkTrouble::Lossy { per_mille } => format!("losing {per_mille} ‰"),
        LinkTrouble::Hold => "held".to_owned(),
        LinkTrouble::Duplicating { per_mille } => format!("duplicating {per_mille} ‰"),
        LinkTrouble::Reordering { per_mille } => format!("reordering {per_mille} ‰"),
        LinkTrouble::Narrow { bytes_per_s } => format!("narrow, {bytes_per_s} bytes a second"),
    }
}

/// What is wrong with a disk, in words.
pub(crate) fn disk_trouble(how: DiskTrouble) -> &'static str {
    match how {
        DiskTrouble::ReadErrors => "failing reads",
        DiskTrouble::WriteErrors => "failing writes",
        DiskTrouble::SyncErrors => "failing syncs",
        DiskTrouble::Full => "full",
        DiskTrouble::Stalled => "stalled",
    }
}

/// A duration with its sign.
pub(crate) fn signed(ns: i64) -> String {
    format!("{}{}", if ns < 0 { "−" } else { "+" }, span(ns.unsigned_abs()))
}
