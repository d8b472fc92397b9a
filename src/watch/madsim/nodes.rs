//! Which node of madsim's a thread is at work for, in which life.
//!
//! Each life of a node has a span, and each task has one within it, which is entered whenever the task runs or is dropped; kills
//! are events. What was there before anybody listened is known by its name alone: madsim tells it to whoever asks for the name
//! of the machine. Nothing is asked that takes one of madsim's locks, since it holds them while it runs what a node begins
//! with, and some destructors.

use crate::watch::live::{At, Hearing, Hears, Simulator, heard};
use ::madsim::time::TimeHandle;
use afterlife_sim::event::{Death, NodeId, What};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::Attributes;
use tracing::{Event, Metadata};

/// The node that drives a simulation: the test itself.
const MAIN: &str = "madsim-main";
const TEST: &str = "the test";

/// A life of a node.
type Life = (NodeId, u16);

/// What is known of the nodes of one simulation.
#[derive(Default)]
pub(super) struct Nodes {
    /// What the machine itself is called: who hears that is at work for no node.
    machine: String,
    /// By madsim's number.
    nodes: BTreeMap<String, (NodeId, String)>,
    /// Lives and tasks, by their spans.
    lives: BTreeMap<u64, Life>,
    tasks: BTreeMap<u64, Life>,
    /// The tasks that run or are dropped, the innermost last.
    entered: Vec<u64>,
    over: BTreeSet<Life>,
}

/// The simulation's time, if there is one.
pub(super) fn now_ns() -> Option<u64> {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    TimeHandle::try_current().map(|time| nanoseconds(time.elapsed()))
}

impl Simulator for Nodes {
    fn at(&mut self, hearing: &mut Hearing) -> At {
        if let Some((task, life)) = self.entered.last().and_then(|task| Some((*task, *self.tasks.get(task)?))) {
            return At { task, dead: self.over.contains(&life), ..At::of(life, now_ns()) };
        }
        let name = afterlife_sim::madsim::host_name();
        let who = match name.as_str() {
            MAIN => Some((hearing.host(TEST), 1)),
            name if name == self.machine || name.is_empty() => None,
            name => Some((hearing.host(name), 1)),
        };
        At { who, task: 0, time_ns: now_ns(), dead: false }
    }
}

impl Nodes {
    /// Of a simulation on the machine of this name.
    pub(super) fn on(machine: String) -> Self {
        Self { machine, ..Self::default() }
    }

    /// A life of a node begins, the first or another one.
    fn begins(&mut self, span: u64, said: Said, hearing: &mut Hearing) {
        if let Some((host, name)) = self.nodes.get(&said.number).cloned() {
            self.ends((host, &name), Some("restart"), hearing);
            let life = hearing.next_life(host);
            self.lives.insert(span, (host, life));
            return hearing.happens(At::of((host, life), now_ns()), |_| What::Started);
        }
        let name = match said.name.as_str() {
            "" => format!("node-{}", said.number),
            MAIN => TEST.to_owned(),
            name => name.to_owned(),
        };
        let host = hearing.host(&name);
        self.lives.insert(span, (host, hearing.life(host)));
        self.nodes.insert(said.number, (host, name));
    }

    /// The life of a node ends, by this fault or in order, unless it has ended before.
    fn ends(&mut self, (host, name): (NodeId, &str), fault: Option<&str>, hearing: &mut Hearing) {
        let life = (host, hearing.life(host));
        if !self.over.insert(life) {
            return;
        }
        let at = At::of(life, now_ns());
        if let Some(fault) = fault {
            hearing.happens(at, |text| What::Fault { kind: text(fault), injection: u32::MAX, detail: text(name) });
        }
        let how = if fault.is_some() { Death::Kill } else { Death::Exit { code: 0 } };
        hearing.happens(at, |_| What::Exited { how });
    }

    /// The node that is called so, by number or name.
    fn called(&self, called: &str) -> Option<(NodeId, String)> {
        self.nodes.get(called).or_else(|| self.nodes.values().find(|(_, name)| name == called)).cloned()
    }
}

/// Hears madsim's spans and events.
pub(super) struct Lives;

fn is_madsims(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("madsim::")
}

impl Hears for Lives {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let known = match metadata.name() {
            "node" | "task" => metadata.is_span(),
            _ => metadata.is_event() && metadata.fields().field("node").is_some(),
        };
        known && is_madsims(metadata)
    }

    fn made(&self, span: u64, attributes: &Attributes<'_>) {
        let mut said = Said::default();
        attributes.record(&mut said);
        let within = attributes.parent().map(|parent| parent.into_u64());
        heard(|nodes: &mut Nodes, hearing| match attributes.metadata().name() {
            "node" => nodes.begins(span, said, hearing),
            _ => {
                if let Some(life) = within.and_then(|parent| nodes.lives.get(&parent)) {
                    nodes.tasks.insert(span, *life);
                }
            }
        });
    }

    fn enter(&self, span: u64) {
        heard(|nodes: &mut Nodes, _| {
            if nodes.tasks.contains_key(&span) {
                nodes.entered.push(span);
            }
        });
    }

    fn exit(&self, span: u64) {
        heard(|nodes: &mut Nodes, _| {
            if nodes.entered.last() == Some(&span) {
                nodes.entered.pop();
            }
        });
    }

    fn closed(&self, span: u64) {
        heard(|nodes: &mut Nodes, _| {
            nodes.lives.remove(&span);
            nodes.tasks.remove(&span);
        });
    }

    fn event(&self, event: &Event<'_>) {
        let mut said = Said::default();
        event.record(&mut said);
        let fault = match said.message.as_str() {
            "kill" => Some("kill"),
            "killed by ctrl-c" => Some("ctrl-c to"),
            "exit" => None,
            _ => return,
        };
        heard(|nodes: &mut Nodes, hearing| {
            if let Some((host, name)) = nodes.called(&said.number) {
                nodes.ends((host, &name), fault, hearing);
            }
        });
    }
}

/// What madsim says of a node.
#[derive(Default)]
struct Said {
    message: String,
    number: String,
    name: String,
}

impl Visit for Said {
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
