//! The events that led to the origins of a violation: for a noted entry, the request, its answer and the files that were written meanwhile; for
//! a node that has not ended, its last messages.

use super::edges::{causes, find};
use crate::failure::failing_run::FailingRun;
use crate::model::violation::Origin;
use afterlife_sim::event::{Event, Name, NodeId, Seq, What};
use std::collections::BTreeSet;

/// The origins of a violation, each with what led to it.
pub(super) struct Origins<'a> {
    /// The events up to the end of the story.
    events: &'a [Event],
    trails: Vec<Trail<'a>>,
}

/// An origin, and what led to it.
struct Trail<'a> {
    origin: &'a Event,
    /// The messages that led to it: the last one, the first one, then those between.
    messages: Vec<&'a Event>,
    /// Writes, syncs and disk errors between the first message and the origin, latest first.
    files: Vec<&'a Event>,
    /// The other nodes of the messages.
    peers: BTreeSet<NodeId>,
    /// True if the story is about what happened to the peers after the origin, false if about their whole past.
    is_past: bool,
}

impl<'a> Origins<'a> {
    /// The origins of a finding whose story ends at `end`.
    pub(super) fn of(failure: &'a FailingRun, end: Seq) -> Self {
        let all = &failure.record.events;
        let events = &all[..all.partition_point(|event| event.seq <= end)];
        let trail = |origin: &Origin| match *origin {
            Origin::Event(seq) => find(events, seq).map(|event| Trail::of_event(events, event)),
            Origin::Node(node) => Trail::of_node(events, node),
        };
        Self { events, trails: failure.finding.violation.origins.iter().filter_map(trail).collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.trails.is_empty()
    }

    /// The origins themselves.
    pub(super) fn shown(&self) -> impl Iterator<Item = Seq> {
        self.trails.iter().map(|trail| trail.origin.seq)
    }

    /// The messages that led to the origins.
    pub(super) fn messages(&self) -> impl Iterator<Item = Seq> {
        self.trails.iter().flat_map(|trail| &trail.messages).map(|event| event.seq)
    }

    /// The writes and syncs that led to the origins.
    pub(super) fn files(&self) -> impl Iterator<Item = Seq> {
        self.trails.iter().flat_map(|trail| &trail.files).map(|event| event.seq)
    }

    /// The nodes of the origins, and their peers.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.trails.iter().flat_map(|trail| trail.peers.iter().copied().chain([trail.origin.node]))
    }

    /// The losses of the files that were written, or of any file of the peers if none was, after each origin.
    pub(super) fn losses(&self) -> Vec<Seq> {
        let mut losses = Vec::new();
        for trail in &self.trails {
            let paths: BTreeSet<_> = trail.files.iter().filter_map(|event| path_of(event)).collect();
            let after = self.after(trail.origin).iter().filter(|event| match event.what {
                What::DataLost { path, .. } | What::FileLost { path } => match paths.is_empty() {
                    true => trail.peers.contains(&event.node),
                    false => paths.contains(&(event.node, path)),
                },
                _ => false,
            });
            losses.extend(after.map(|event| event.seq));
        }
        losses
    }

    /// The events of the peers: those after each origin in their order, or the latest first.
    pub(super) fn edges_of_peers(&self) -> impl Iterator<Item = &'a Event> {
        self.trails.iter().flat_map(|trail| {
            let events: Box<dyn Iterator<Item = &'a Event>> = match trail.is_past {
                true => Box::new(self.after(trail.origin).iter()),
                false => Box::new(self.events.iter().rev()),
            };
            events.filter(|event| trail.peers.contains(&event.node))
        })
    }

    fn after(&self, origin: &Event) -> &'a [Event] {
        &self.events[self.events.partition_point(|event| event.seq <= origin.seq)..]
    }
}

impl<'a> Trail<'a> {
    /// The trail of an event that is in the past when the claim breaks.
    fn of_event(events: &'a [Event], origin: &'a Event) -> Self {
        let chain = causes(events, origin);
        let mut sent = Vec::new();
        for pair in chain.windows(2) {
            let [arrived, left] = pair else { continue };
            if !matches!((arrived.what, left.what), (What::Delivered { .. }, What::Sent { .. })) || is_local(pair) {
                continue;
            }
            sent.push(*left);
            // The node of the origin began the exchange. Earlier messages belong to another one.
            if left.node == origin.node {
                break;
            }
        }
        let before = &events[..events.partition_point(|event| event.seq < origin.seq)];
        if sent.is_empty() {
            sent = last_exchange(before, origin.node);
        }
        let began = sent.last().map_or(Seq(0), |event| event.seq);
        let peers: BTreeSet<_> = sent.iter().map(|event| event.node).filter(|node| *node != origin.node).collect();
        let of_chain = chain.into_iter().take_while(|event| event.seq > began).filter(|event| path_of(event).is_some());
        let mut files: Vec<_> = of_chain.collect();
        if files.is_empty() {
            let meanwhile = before.iter().rev().take_while(|event| event.seq > began);
            files = meanwhile.filter(|event| peers.contains(&event.node) && path_of(event).is_some()).collect();
        }
        // The request is worth more than what a service asked of others meanwhile.
        if sent.len() > 2
            && let Some(first) = sent.pop()
        {
            sent.insert(1, first);
        }
        Self { origin, messages: sent, files, peers, is_past: true }
    }

    /// The trail of a node that has not ended: the last message in each direction, or the end of its connection.
    fn of_node(events: &'a [Event], node: NodeId) -> Option<Self> {
        let own = || events.iter().rev().filter(|event| event.node == node);
        let origin = own().find(|event| !matches!(event.what, What::TimerFired | What::ThreadEnded))?;
        let out = own().find(|event| matches!(event.what, What::Sent { .. } | What::Connecting { .. }));
        let back = own().find(|event| {
            matches!(
                event.what,
                What::Delivered { .. }
                    | What::Refused { .. }
                    | What::Reset { .. }
                    | What::TimedOut { .. }
                    | What::Finished { .. }
            )
        });
        let messages: Vec<_> = out.into_iter().chain(back).collect();
        let peers = messages.iter().filter_map(|event| peer_of(events, event)).collect();
        Some(Self { origin, messages, files: Vec::new(), peers, is_past: false })
    }
}

fn is_local(pair: &[&Event]) -> bool {
    pair.iter().all(|event| event.node == pair[0].node)
}

/// The last message to a node before it acts, and the last one that it sent before that.
fn last_exchange(before: &[Event], node: NodeId) -> Vec<&Event> {
    let mut latest = before.iter().rev().filter(|event| event.node == node);
    let Some(arrived) = latest.find(|event| matches!(event.what, What::Delivered { .. })) else { return Vec::new() };
    let request = latest.find(|event| matches!(event.what, What::Sent { .. }));
    find(before, arrived.cause).into_iter().chain(request).collect()
}

/// The other node of an event of a connection.
fn peer_of(events: &[Event], event: &Event) -> Option<NodeId> {
    let number = match event.what {
        What::Connecting { to, .. } => return Some(to),
        What::Sent { conn, .. }
        | What::Delivered { conn, .. }
        | What::Refused { conn }
        | What::Reset { conn }
        | What::TimedOut { conn }
        | What::Finished { conn } => conn,
        _ => return None,
    };
    events.iter().rev().find_map(|opened| match opened.what {
        What::Connecting { to, conn, .. } if conn == number => Some(if to == event.node { opened.node } else { to }),
        _ => None,
    })
}

/// The file of a write, a sync or a disk error.
fn path_of(event: &Event) -> Option<(NodeId, Name)> {
    match event.what {
        What::FileWritten { path } | What::FileSynced { path, .. } | What::DiskFailed { path, .. } => {
            Some((event.node, path))
        }
        _ => None,
    }
}
