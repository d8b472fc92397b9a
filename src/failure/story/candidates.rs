//! The events that a story is chosen from: the causes of the violation, its nodes and its objects.

use super::edges::{causes, find, listens, object_of};
use super::origins::Origins;
use crate::failure::failing_run::FailingRun;
use crate::run::request::Ended;
use afterlife_sim::event::{Event, NodeId, Seq, What};
use std::collections::BTreeSet;

/// The events that a story is chosen from.
pub(crate) struct Candidates<'a> {
    events: &'a [Event],
    end: Seq,
    /// The causes of the violation and of the turning points, each chain nearest first.
    chains: Vec<Vec<&'a Event>>,
    /// The nodes of the violation and the turning points.
    nodes: BTreeSet<NodeId>,
    /// The objects of the violation and the turning points.
    objects: BTreeSet<u32>,
    /// The last event of the node that brought the process down.
    last_event_of_culprit: Option<Seq>,
    /// The origins of the violation, and what led to them.
    origins: Origins<'a>,
}

impl<'a> Candidates<'a> {
    /// The candidates of a finding whose story ends at `end`.
    pub(crate) fn of(failure: &'a FailingRun, end: Seq) -> Self {
        let events = &failure.record.events;
        let violation = &failure.finding.violation;
        let mut named: Vec<_> = std::iter::once(violation.at)
            .chain(violation.turning.iter().copied())
            .filter_map(|seq| find(events, seq))
            .collect();
        let last_event = last_event_of_culprit(failure).filter(|_| violation.at == Seq::NONE);
        named.extend(last_event);
        let origins = Origins::of(failure, end);
        let nodes = named.iter().map(|event| event.node).filter(|node| *node != NodeId::SIMULATION);
        let nodes = nodes.chain(origins.nodes()).collect();
        let objects = named.iter().filter_map(|event| object_of(event)).collect();
        let chains = named.iter().map(|event| causes(events, event)).collect();
        let last_event_of_culprit = last_event.map(|event| event.seq);
        Self { events, end, chains, nodes, objects, last_event_of_culprit, origins }
    }

    /// The causes of the violation and of the turning points, each chain nearest first.
    pub(crate) fn chains(&self) -> &[Vec<&'a Event>] {
        &self.chains
    }

    /// The objects whose lifetimes the finding involves.
    pub(crate) fn objects(&self) -> &BTreeSet<u32> {
        &self.objects
    }

    /// The nodes of the violation, the turning points and the origins.
    pub(super) fn nodes(&self) -> &BTreeSet<NodeId> {
        &self.nodes
    }

    /// The last event of the node that brought the process down.
    pub(super) fn last_event_of_culprit(&self) -> Option<Seq> {
        self.last_event_of_culprit
    }

    /// The origins of the violation, and what led to them.
    pub(super) fn origins(&self) -> &Origins<'a> {
        &self.origins
    }

    /// The events up to the end, latest first.
    pub(super) fn before(&self) -> impl Iterator<Item = &'a Event> {
        let end = self.end;
        self.events.iter().rev().skip_while(move |event| event.seq > end)
    }

    /// All causes: those of the violation first, each chain nearest first.
    pub(super) fn causes(&self) -> impl Iterator<Item = &'a Event> {
        self.chains.iter().flatten().copied()
    }

    /// The event from which on faults may matter without being a cause: the start of the process's incarnation if one process is
    /// involved, or else the start of the run.
    pub(super) fn suspicious_since(&self) -> Seq {
        let begins = |event: &&Event| event.what == What::Started && self.nodes.contains(&event.node);
        let one = self.nodes.len() == 1;
        self.before().find(begins).filter(|_| one).map_or(Seq(0), |event| event.seq)
    }

    /// The messages among the causes: the last one, the first one, then those between.
    pub(super) fn messages(&self) -> Vec<Seq> {
        let serves: BTreeSet<_> = self.events.iter().filter(|event| listens(event)).map(|event| event.node).collect();
        let Some(chain) = self.chains.first() else { return Vec::new() };
        let mut sent = Vec::new();
        for pair in chain.windows(2) {
            let [arrived, left] = pair else { continue };
            if !matches!((arrived.what, left.what), (What::Delivered { .. }, What::Sent { .. }))
                || arrived.node == left.node
            {
                continue;
            }
            sent.push(left.seq);
            // A node that does not listen started the exchange. Earlier messages belong to another request.
            if !serves.contains(&left.node) {
                let first = sent.pop().into_iter();
                return sent.iter().take(1).copied().chain(first).chain(sent.iter().skip(1).copied()).collect();
            }
        }
        sent
    }
}

/// The last event of a node whose code brought the whole process down.
fn last_event_of_culprit(failure: &FailingRun) -> Option<&Event> {
    let (Ended::Signal { node: Some(name), .. }
    | Ended::Spin { node: Some(name), .. }
    | Ended::Asleep { node: Some(name), .. }) = &failure.ended
    else {
        return None;
    };
    let node = NodeId(u16::try_from(failure.record.nodes.iter().position(|node| node == name)?).ok()?);
    failure.record.events.iter().rev().find(|event| event.node == node && event.what != What::TimerFired)
}
