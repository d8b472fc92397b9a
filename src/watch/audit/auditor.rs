//! Checks claims on a production log, line by line: the lifetimes that a program traced.
//! It runs nothing, and knows only what the log says.

use super::names::Names;
use crate::failure::record::{Entry, RecordError, RecordStore};
use crate::invariant::{self, Monitor, Setup, Terms};
use crate::model::violation::Violation;
use crate::run::facts::{self, LogFact, Objects};
use crate::run::request::Record;
use afterlife_sim::event::probe::{self, Register};
use afterlife_sim::event::{Death, Event, NodeId, Seq, What};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::path::Path;

/// The longest line that is read. A line of a log is an event, and events are shorter by far.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// The claim about incarnations.
const INCARNATIONS: &str = "one-incarnation";

/// The result of an audit.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// The number of lines.
    pub(crate) lines: u64,
    /// The number of lines that are not JSON objects, or too long to be read.
    pub(crate) unreadable: u64,
    /// The number of lines with bytes that are not UTF-8, and the first of them. These bytes were read as U+FFFD.
    pub(crate) not_utf8: Option<(u64, u64)>,
    /// The number of facts of nodes beyond the most that an audit tells apart.
    pub(crate) of_too_many_nodes: u64,
    /// The facts of the log as events, with their names.
    pub(crate) record: Record,
    /// The line of each event, from 1.
    pub(crate) line_of: Vec<u64>,
    /// The unknown kinds of facts, and the number of each.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// The violations, in the order of the log.
    pub(crate) violations: Vec<Violation>,
    /// The violation that a record is of, if no claim of the audit breaks in its way: the run knew more than the record's facts say.
    pub(crate) of_the_run: Option<Violation>,
}

/// Reads a log and checks every claim that needs nothing but probe events.
pub(crate) fn audit(mut log: impl BufRead) -> io::Result<Audit> {
    let mut auditor = Auditor::of_a_log();
    let mut line = Vec::new();
    while let Some(whole) = next_line(&mut log, &mut line)? {
        auditor.take_line(&line, whole);
    }
    Ok(auditor.finish())
}

/// Reads the next line, without its end. Returns whether it is whole: of a longer one, only the beginning is kept. `None` is the end.
fn next_line(log: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    if log.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(true));
    }
    if (line.len() as u64) < LINE_BYTES_MAX {
        return Ok(Some(true));
    }
    log.skip_until(b'\n')?;
    Ok(Some(false))
}

/// Reads a record and checks the same claims on its probe events, and on the starts and ends of processes.
pub(crate) fn audit_record(path: &Path) -> Result<Audit, RecordError> {
    let mut auditor = Auditor::new(&Terms::default());
    RecordStore::each(path, &mut |line, entry| {
        auditor.audit.lines = line;
        match entry {
            Entry::Node { name, .. } => drop(auditor.names.node(&name)),
            Entry::Text { text, .. } => auditor.names.push(text),
            Entry::Finding(sheet) => auditor.audit.of_the_run = Some(sheet.finding.violation),
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
    /// An auditor of a log. No fact of a log says that a process ended, so no log can show two incarnations at once.
    fn of_a_log() -> Self {
        let mut terms = Terms::default();
        terms.turn_off(INCARNATIONS).expect("the invariant is in the catalogue");
        Self::new(&terms)
    }

    fn new(terms: &Terms) -> Self {
        Self {
            audit: Audit::default(),
            names: Names::default(),
            invariants: invariant::all(terms, Setup::default()),
            objects: Objects::default(),
            began_ns: None,
        }
    }

    fn finish(self) -> Audit {
        let Self { mut audit, names, .. } = self;
        (audit.record.names, audit.record.nodes) = names.into_parts();
        let found = |own: &Violation| {
            audit.violations.iter().any(|found| (&found.invariant, &found.class) == (&own.invariant, &own.class))
        };
        audit.of_the_run = audit.of_the_run.take().filter(|own| !found(own));
        audit
    }

    fn take_line(&mut self, line: &[u8], whole: bool) {
        self.audit.lines += 1;
        if !whole {
            self.audit.unreadable += 1;
            return;
        }
        let text = String::from_utf8_lossy(line);
        if matches!(text, Cow::Owned(_)) {
            let (count, _) = self.audit.not_utf8.get_or_insert((0, self.audit.lines));
            *count += 1;
        }
        self.take(&text);
    }

    fn take(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let Some(log_fact) = facts::read(text) else {
            self.audit.unreadable += 1;
            return;
        };
        let Some(log_fact) = log_fact else { return };
        let Some(node) = self.names.node(&log_fact.node) else {
            self.audit.of_too_many_nodes += 1;
            return;
        };
        if log_fact.kind == "started" {
            self.end(node);
        }
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

    /// Tells the invariants that a node's incarnation has ended, because the next one begins. The log does not say how it ended, so that
    /// nobody is blamed for it.
    fn end(&mut self, node: NodeId) {
        let last = self.audit.record.events.last();
        let (seq, time_ns) = last.map_or((Seq(0), 0), |last| (last.seq, last.time_ns));
        let what = What::Exited { how: Death::Kill };
        let incarnation = self.names.incarnation(node);
        let event = Event { seq, time_ns, node, incarnation, thread: 0, task: 0, cause: Seq::NONE, what };
        self.audit.violations.extend(invariant::shown(&mut self.invariants, &event, &self.names));
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
