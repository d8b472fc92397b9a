//! Checks claims on a production log, line by line: the lifetimes that a program traced.
//! It runs nothing, and knows only what the log says.

use super::names::Names;
use crate::failure::record::{Entry, RecordError, RecordStore};
use crate::invariant::{self, Monitor, Setup, Terms};
use crate::model::violation::Violation;
use crate::run::facts::{self, LogFact, Objects};
use crate::run::request::Record;
use afterlife_sim::event::probe::{self, Register};
use afterlife_sim::event::{Event, NodeId, Seq, What};
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::path::Path;

/// The result of an audit.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// The number of lines.
    pub(crate) lines: u64,
    /// The number of lines that are not JSON objects.
    pub(crate) unreadable: u64,
    /// The facts of the log as events, with their names.
    pub(crate) record: Record,
    /// The line of each event, from 1.
    pub(crate) line_of: Vec<u64>,
    /// The unknown kinds of facts, and the number of each.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// The violations, in the order of the log.
    pub(crate) violations: Vec<Violation>,
}

/// Reads a log and checks every claim that needs nothing but probe events.
pub(crate) fn audit(log: impl BufRead) -> io::Result<Audit> {
    let mut auditor = Auditor::new();
    for line in log.lines() {
        auditor.take(&line?);
    }
    Ok(auditor.finish())
}

/// Reads a record and checks the same claims on its probe events, and on the starts and ends of processes.
pub(crate) fn audit_record(path: &Path) -> Result<Audit, RecordError> {
    let mut auditor = Auditor::new();
    RecordStore::each(path, &mut |line, entry| {
        auditor.audit.lines = line;
        match entry {
            Entry::Node { name, .. } => drop(auditor.names.node(&name)),
            Entry::Text { text, .. } => auditor.names.push(text),
            Entry::Event(happened) => {
                let event = Event::from(happened);
                if is_loggable(&event.what) {
                    let seq = Seq(auditor.audit.record.events.len() as u64);
                    auditor.judge(Event { seq, cause: Seq::NONE, ..event }, line);
                }
            }
            _ => {}
        }
    })?;
    Ok(auditor.finish())
}

/// Returns whether a log could contain this event. The run itself judged all other events, with more knowledge.
fn is_loggable(what: &What) -> bool {
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
    invariants: Vec<Box<dyn Monitor>>,
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
        let Some(log_fact) = facts::read(text) else {
            self.audit.unreadable += 1;
            return;
        };
        let Some(log_fact) = log_fact else { return };
        let node = self.names.node(&log_fact.node);
        let Some(what) = self.what(node, &log_fact) else {
            *self.audit.unknown.entry(log_fact.kind).or_insert(0) += 1;
            return;
        };
        let time_ns = log_fact.time_ns.unwrap_or(self.audit.lines);
        let began_ns = *self.began_ns.get_or_insert(time_ns);
        let event = Event {
            seq: Seq(self.audit.record.events.len() as u64),
            time_ns: time_ns.saturating_sub(began_ns),
            node,
            incarnation: self.names.incarnation(node),
            thread: log_fact.thread,
            task: 0,
            cause: Seq::NONE,
            what,
        };
        self.judge(event, self.audit.lines);
    }

    /// Checks the event on this line.
    fn judge(&mut self, event: Event, line: u64) {
        self.audit.record.events.push(event);
        self.audit.line_of.push(line);
        self.audit.violations.extend(invariant::shown(&mut self.invariants, &event, &self.names));
    }

    /// The event of a fact, if its kind is known.
    fn what(&mut self, node: NodeId, log_fact: &LogFact) -> Option<What> {
        let site = self.names.name(&log_fact.site);
        match &*log_fact.kind {
            "started" => {
                self.names.next_incarnation(node);
                return Some(What::Started);
            }
            "panicked" => return Some(What::Panicked { message: self.names.name(&log_fact.name), site }),
            _ => {}
        }
        let process = (node, self.names.incarnation(node));
        let (names, mut what) = (&mut self.names, None);
        let known = self.objects.report(process, log_fact, |fact| {
            let (event, answer) = probe::event_of(fact, site, names);
            what = event;
            answer
        });
        what.filter(|_| known)
    }
}
