//! Claims checked on a log from production: what a program said of its lifetimes through `tracing`, line by line.
//! It runs nothing; what the log does not say, it does not know.

use super::names::Names;
use crate::failure::record::{Entry, RecordError, RecordStore};
use crate::invariant::{self, Invariant, Setup, Terms};
use crate::model::violation::Violation;
use crate::run::facts::{self, LogFact, Objects};
use crate::run::request::Record;
use afterlife_sim::event::probe::{self, Register};
use afterlife_sim::event::{Event, NodeId, Seq, What};
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::path::Path;

/// What a log came to.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// How many lines it has.
    pub(crate) lines: u64,
    /// How many of them are no JSON object.
    pub(crate) unreadable: u64,
    /// The facts that it tells, as events, with what their numbers stand for.
    pub(crate) record: Record,
    /// On which line each event stands, from 1.
    pub(crate) line_of: Vec<u64>,
    /// Kinds of facts that afterlife does not know, and how often each is there.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// What broke, in the order of the log.
    pub(crate) violations: Vec<Violation>,
}

/// Reads a log and checks every claim that needs nothing but what programs say.
pub(crate) fn audit(log: impl BufRead) -> io::Result<Audit> {
    let mut auditor = Auditor::new();
    for line in log.lines() {
        auditor.take(&line?);
    }
    Ok(auditor.finish())
}

/// Reads a record and checks the same claims on what its programs said, and on how their processes began and ended.
pub(crate) fn audit_record(path: &Path) -> Result<Audit, RecordError> {
    let mut auditor = Auditor::new();
    RecordStore::each(path, &mut |line, entry| {
        auditor.audit.lines = line;
        match entry {
            Entry::Node { name, .. } => drop(auditor.names.node(&name)),
            Entry::Text { text, .. } => auditor.names.push(text),
            Entry::Event(happened) => {
                let event = Event::from(happened);
                if is_said(&event.what) {
                    let seq = Seq(auditor.audit.record.events.len() as u64);
                    auditor.judge(Event { seq, cause: Seq::NONE, ..event }, line);
                }
            }
            _ => {}
        }
    })?;
    Ok(auditor.finish())
}

/// Whether an event is one that a log could tell. What else is in a record was judged with what only the run knew.
fn is_said(what: &What) -> bool {
    matches!(
        what,
        What::Started
            | What::Exited { .. }
            | What::Panicked { .. }
            | What::ResourceOpened { .. }
            | What::ResourceUsed { .. }
            | What::ResourceClosed { .. }
            | What::Probe { .. }
            | What::Claim { .. }
            | What::Phase { .. }
            | What::Reached { .. }
    )
}

struct Auditor {
    audit: Audit,
    names: Names,
    invariants: Vec<Box<dyn Invariant>>,
    objects: Objects,
    began_ns: Option<u64>,
}

impl Auditor {
    fn new() -> Self {
        Self {
            audit: Audit::default(),
            names: Names::default(),
            invariants: invariant::all(&Terms::default(), Setup::default()),
            objects: Objects::default(),
            began_ns: None,
        }
    }

    fn finish(self) -> Audit {
        let Self { mut audit, names, .. } = self;
        (audit.record.names, audit.record.nodes) = names.into_parts();
        audit
    }

    fn take(&mut self, text: &str) {
        self.audit.lines += 1;
        if text.trim().is_empty() {
            return;
        }
        let Some(spoken) = facts::read(text) else {
            self.audit.unreadable += 1;
            return;
        };
        let Some(spoken) = spoken else { return };
        let node = self.names.node(&spoken.node);
        let Some(what) = self.what(node, &spoken) else {
            *self.audit.unknown.entry(spoken.kind).or_insert(0) += 1;
            return;
        };
        let time_ns = spoken.time_ns.unwrap_or(self.audit.lines);
        let began_ns = *self.began_ns.get_or_insert(time_ns);
        let event = Event {
            seq: Seq(self.audit.record.events.len() as u64),
            time_ns: time_ns.saturating_sub(began_ns),
            node,
            incarnation: self.names.life(node),
            thread: spoken.thread,
            task: 0,
            cause: Seq::NONE,
            what,
        };
        self.judge(event, self.audit.lines);
    }

    /// Takes an event that stands on this line.
    fn judge(&mut self, event: Event, line: u64) {
        self.audit.record.events.push(event);
        self.audit.line_of.push(line);
        self.audit.violations.extend(invariant::shown(&mut self.invariants, &event, &self.names));
    }

    /// The event that a line is, if its fact is of a known kind.
    fn what(&mut self, node: NodeId, spoken: &LogFact) -> Option<What> {
        let site = self.names.name(&spoken.site);
        match &*spoken.kind {
            "started" => {
                self.names.next_life(node);
                return Some(What::Started);
            }
            "panicked" => return Some(What::Panicked { message: self.names.name(&spoken.name), site }),
            _ => {}
        }
        let who = (node, self.names.life(node));
        let (names, mut what) = (&mut self.names, None);
        let known = self.objects.report(who, spoken, |fact| {
            let (event, answer) = probe::event_of(fact, site, names);
            what = event;
            answer
        });
        what.filter(|_| known)
    }
}
