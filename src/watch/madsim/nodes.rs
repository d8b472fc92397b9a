//! The madsim node that a thread works for, and its incarnation.
//!
//! Each incarnation of a node has a span. Each of its tasks has a span within that, which is entered when the task runs or is
//! dropped. Kills are events. A node from before the watch is known by its name alone, which madsim returns as the host name. No
//! call here takes one of madsim's locks, because madsim holds them while it runs a node's first code and some destructors.

use crate::watch::live::{At, Observer, Recorder, Simulator, with_simulator};
use ::madsim::time::TimeHandle;
use afterlife_sim::event::{Death, NodeId, What};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::Attributes;
use tracing::{Event, Metadata};

/// The node that drives the simulation: the test itself.
const MAIN: &str = "madsim-main";
const TEST: &str = "the test";

/// A node and its incarnation.
type Process = (NodeId, u16);

/// The known nodes of one simulation.
#[derive(Default)]
pub(super) struct Nodes {
    /// The real host name. A thread that sees it works for no node.
    machine: String,
    /// The nodes by madsim's number.
    nodes: BTreeMap<String, (NodeId, String)>,
    /// The processes of incarnation spans and of task spans.
    processes: BTreeMap<u64, Process>,
    tasks: BTreeMap<u64, Process>,
    /// The tasks that are running or being dropped, the innermost last.
    entered: Vec<u64>,
    over: BTreeSet<Process>,
}

/// The simulation's time, if there is one.
pub(super) fn now_ns() -> Option<u64> {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    TimeHandle::try_current().map(|time| nanoseconds(time.elapsed()))
}

impl Simulator for Nodes {
    fn at(&mut self, recorder: &mut Recorder) -> At {
        if let Some((task, process)) = self.entered.last().and_then(|task| Some((*task, *self.tasks.get(task)?))) {
            return At { task, dead: self.over.contains(&process), ..At::of(process, now_ns()) };
        }
        let name = afterlife_sim::madsim::host_name();
        let process = match name.as_str() {
            MAIN => Some((recorder.host(TEST), 1)),
            name if name == self.machine || name.is_empty() => None,
            name => Some((recorder.host(name), 1)),
        };
        At { process, task: 0, time_ns: now_ns(), dead: false }
    }
}

impl Nodes {
    /// The nodes of a simulation on the machine with this name.
    pub(super) fn on(machine: String) -> Self {
        Self { machine, ..Self::default() }
    }

    /// Begins an incarnation of a node.
    fn begin(&mut self, span: u64, fields: Fields, recorder: &mut Recorder) {
        if let Some((host, name)) = self.nodes.get(&fields.number).cloned() {
            self.end((host, &name), Some("restart"), recorder);
            let incarnation = recorder.next_incarnation(host);
            self.processes.insert(span, (host, incarnation));
            return recorder.append(At::of((host, incarnation), now_ns()), |_| What::Started);
        }
        let name = match fields.name.as_str() {
            "" => format!("node-{}", fields.number),
            MAIN => TEST.to_owned(),
            name => name.to_owned(),
        };
        let host = recorder.host(&name);
        self.processes.insert(span, (host, recorder.incarnation(host)));
        self.nodes.insert(fields.number, (host, name));
    }

    /// Ends a node's incarnation, by this fault or normally, unless it has ended already.
    fn end(&mut self, (host, name): (NodeId, &str), fault: Option<&str>, recorder: &mut Recorder) {
        let process = (host, recorder.incarnation(host));
        if !self.over.insert(process) {
            return;
        }
        let at = At::of(process, now_ns());
        if let Some(fault) = fault {
            recorder.append(at, |text| What::Fault { kind: text(fault), injection: u32::MAX, detail: text(name) });
        }
        let how = if fault.is_some() { Death::Kill } else { Death::Exit { code: 0 } };
        recorder.append(at, |_| What::Exited { how });
    }

    /// The node with this number or name.
    fn find(&self, key: &str) -> Option<(NodeId, String)> {
        self.nodes.get(key).or_else(|| self.nodes.values().find(|(_, name)| name == key)).cloned()
    }
}

/// Observes madsim's spans and events.
pub(super) struct NodeSpans;

fn is_madsims(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("madsim::")
}

impl Observer for NodeSpans {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let known = match metadata.name() {
            "node" | "task" => metadata.is_span(),
            _ => metadata.is_event() && metadata.fields().field("node").is_some(),
        };
        known && is_madsims(metadata)
    }

    fn made(&self, span: u64, attributes: &Attributes<'_>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let within = attributes.parent().map(|parent| parent.into_u64());
        with_simulator(|nodes: &mut Nodes, recorder| match attributes.metadata().name() {
            "node" => nodes.begin(span, fields, recorder),
            _ => {
                if let Some(process) = within.and_then(|parent| nodes.processes.get(&parent)) {
                    nodes.tasks.insert(span, *process);
                }
            }
        });
    }

    fn enter(&self, span: u64) {
        with_simulator(|nodes: &mut Nodes, _| {
            if nodes.tasks.contains_key(&span) {
                nodes.entered.push(span);
            }
        });
    }

    fn exit(&self, span: u64) {
        with_simulator(|nodes: &mut Nodes, _| {
            if nodes.entered.last() == Some(&span) {
                nodes.entered.pop();
            }
        });
    }

    fn closed(&self, span: u64) {
        with_simulator(|nodes: &mut Nodes, _| {
            nodes.processes.remove(&span);
            nodes.tasks.remove(&span);
        });
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let fault = match fields.message.as_str() {
            "kill" => Some("kill"),
            "killed by ctrl-c" => Some("ctrl-c to"),
            "exit" => None,
            _ => return,
        };
        with_simulator(|nodes: &mut Nodes, recorder| {
            if let Some((host, name)) = nodes.find(&fields.number) {
                nodes.end((host, &name), fault, recorder);
            }
        });
    }
}

/// The fields of madsim's spans and events.
#[derive(Default)]
struct Fields {
    message: String,
    number: String,
    name: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "name" {
            value.clone_into(&mut self.name);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "id" | "node" => self.number = format!("{value:?}"),
            _ => {}
        }
    }
}
