//! The story of a failure: the events, twelve at most, that show how it happened.
//! This file chooses events. Their words and layout are in `report/`.

use crate::failure::failing_run::FailingRun;
use crate::fault::Injection;
use crate::run::request::Ended;
use afterlife_sim::event::{Death, Event, NodeId, ProbeEvent, Seq, What};
use std::collections::{BTreeMap, BTreeSet};

/// The most steps that fit on a page and that a reader can follow.
const STEPS_MAX: usize = 12;

/// The most steps for each kind of event, nearest to the end first.
const FAULTS_MAX: usize = 3;
const FAULTS_BESIDE_MAX: usize = 2;
const OBJECTS_MAX: usize = 3;
const MESSAGES_MAX: usize = 3;
const CAUSES_MAX: usize = 3;
const INCARNATIONS_MAX: usize = 3;

/// The part that an event plays in the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The event that broke the claim.
    Broke,
    /// A turning point.
    Turning,
    /// Background.
    Scene,
}

/// One step of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step<'a> {
    /// The event.
    pub(crate) event: &'a Event,
    /// Its part in the story.
    pub(crate) mark: Mark,
}

/// The story of a finding.
#[derive(Clone, Debug)]
pub(crate) struct Story<'a> {
    /// The steps, in the order of the run.
    pub(crate) steps: Vec<Step<'a>>,
    /// The injections that struck before the claim broke.
    pub(crate) struck: Vec<&'a Injection>,
    /// The number of other injections in the plan.
    pub(crate) others: usize,
}

impl<'a> Story<'a> {
    /// The story of a finding.
    pub(crate) fn of(failure: &'a FailingRun) -> Self {
        let events = &failure.record.events;
        let violation = &failure.finding.violation;
        let end = end(failure);
        // If the end of the run broke the claim, it takes a step of its own.
        let steps_max = if violation.at == Seq::NONE { STEPS_MAX - 1 } else { STEPS_MAX };
        let mut chosen = Chosen { events, end, steps_max, marks: BTreeMap::new() };
        chosen.add([violation.at], Mark::Broke, 1);
        chosen.add(violation.turning.iter().copied(), Mark::Turning, STEPS_MAX / 2);

        let candidates = Candidates::of(failure, end);
        chosen.add(candidates.last_event_of_culprit, Mark::Scene, 1);
        let injections = &failure.finding.plan.injections;
        chosen.add(
            candidates.causes().filter(|event| is_fault(event)).map(|event| event.seq),
            Mark::Turning,
            FAULTS_MAX,
        );
        let strikes = |event: &Event| match event.what {
            What::Fault { injection, .. } => injections
                .get(injection as usize)
                .is_none_or(|injection| injection.fault.targets().iter().any(|node| candidates.nodes.contains(node))),
            _ => false,
        };
        let since = candidates.suspicious_since();
        let beside = candidates.before().take_while(|event| event.seq >= since).filter(|event| strikes(event));
        chosen.add(beside.map(|event| event.seq), Mark::Turning, FAULTS_BESIDE_MAX);
        let of_object = |event: &&Event| object_edge(event).is_some_and(|object| candidates.objects.contains(&object));
        chosen.add(candidates.before().filter(of_object).map(|event| event.seq), Mark::Scene, OBJECTS_MAX);
        chosen.add(candidates.messages(), Mark::Scene, MESSAGES_MAX);
        let is_edge = |event: &&Event| is_incarnation_edge(event) && !chosen.is_implied(event);
        let edges: Vec<_> = candidates.causes().filter(is_edge).map(|event| event.seq).collect();
        chosen.add(edges, Mark::Scene, CAUSES_MAX);
        let is_edge = |event: &&Event| {
            candidates.nodes.contains(&event.node) && is_incarnation_edge(event) && !chosen.is_implied(event)
        };
        let edges: Vec<_> = candidates.before().filter(is_edge).map(|event| event.seq).collect();
        chosen.add(edges, Mark::Scene, INCARNATIONS_MAX);

        let struck = struck(events, end);
        Self {
            steps: chosen.steps(),
            others: injections.len() - struck.iter().filter(|index| **index < injections.len()).count(),
            struck: struck.iter().filter_map(|index| injections.get(*index)).collect(),
        }
    }
}

/// The last event of the story: the one that broke the claim, or the last of the run.
pub(crate) fn end(failure: &FailingRun) -> Seq {
    match failure.finding.violation.at {
        Seq::NONE => failure.record.events.last().map_or(Seq::NONE, |last| last.seq),
        at => at,
    }
}

/// The events chosen so far.
struct Chosen<'a> {
    events: &'a [Event],
    end: Seq,
    steps_max: usize,
    marks: BTreeMap<Seq, Mark>,
}

impl<'a> Chosen<'a> {
    /// Adds up to `at_most` candidates that are not chosen yet, while the story may have more steps.
    fn add(&mut self, candidates: impl IntoIterator<Item = Seq>, mark: Mark, at_most: usize) {
        let mut added = 0;
        for seq in candidates {
            if added == at_most || self.marks.len() == self.steps_max {
                return;
            }
            if find(self.events, seq).is_some() && !self.marks.contains_key(&seq) {
                self.marks.insert(seq, mark);
                added += 1;
            }
        }
    }

    /// Returns whether a chosen fault implies this event, as a stop implies the request to stop.
    fn is_implied(&self, event: &Event) -> bool {
        let is_direct = match event.what {
            What::StopRequested { .. } => true,
            What::Exited { how } => matches!(how, Death::Kill | Death::PowerLoss),
            What::Paused => true,
            _ => false,
        };
        is_direct && self.marks.contains_key(&event.cause) && find(self.events, event.cause).is_some_and(is_fault)
    }

    fn steps(self) -> Vec<Step<'a>> {
        let steps =
            self.marks.iter().filter_map(|(seq, mark)| Some(Step { event: find(self.events, *seq)?, mark: *mark }));
        // A turning point may come after the event that broke the claim. The story still ends there.
        steps.filter(|step| step.event.seq <= self.end).collect()
    }
}

/// The event with this number. A record holds every event, so the number is also its index.
fn find(events: &[Event], seq: Seq) -> Option<&Event> {
    let at = usize::try_from(seq.0).ok()?;
    events.get(at).filter(|event| event.seq == seq).or_else(|| events.iter().find(|event| event.seq == seq))
}

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
        let nodes = named.iter().map(|event| event.node).filter(|node| *node != NodeId::SIMULATION).collect();
        let objects = named.iter().filter_map(|event| object_of(event)).collect();
        let chains = named.iter().map(|event| causes(events, event)).collect();
        let last_event_of_culprit = last_event.map(|event| event.seq);
        Self { events, end, chains, nodes, objects, last_event_of_culprit }
    }

    /// The causes of the violation and of the turning points, each chain nearest first.
    pub(crate) fn chains(&self) -> &[Vec<&'a Event>] {
        &self.chains
    }

    /// The objects whose lifetimes the finding involves.
    pub(crate) fn objects(&self) -> &BTreeSet<u32> {
        &self.objects
    }

    /// The events up to the end, latest first.
    fn before(&self) -> impl Iterator<Item = &'a Event> {
        let end = self.end;
        self.events.iter().rev().skip_while(move |event| event.seq > end)
    }

    /// All causes: those of the violation first, each chain nearest first.
    fn causes(&self) -> impl Iterator<Item = &'a Event> {
        self.chains.iter().flatten().copied()
    }

    /// The event from which on faults may matter without being a cause: the start of the process's incarnation if one process is
    /// involved, or else the start of the run.
    fn suspicious_since(&self) -> Seq {
        let begins = |event: &&Event| event.what == What::Started && self.nodes.contains(&event.node);
        let one = self.nodes.len() == 1;
        self.before().find(begins).filter(|_| one).map_or(Seq(0), |event| event.seq)
    }

    /// The messages among the causes: the last one, the first one, then those between.
    fn messages(&self) -> Vec<Seq> {
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

/// The causes of an event, nearest first.
fn causes<'a>(events: &'a [Event], from: &'a Event) -> Vec<&'a Event> {
    let before = |effect: &&'a Event| find(events, effect.cause).filter(|cause| cause.seq < effect.seq);
    std::iter::successors(before(&from), before).collect()
}

/// Returns whether the event is the strike of a fault.
pub(crate) fn is_fault(event: &Event) -> bool {
    matches!(event.what, What::Fault { .. })
}

fn listens(event: &Event) -> bool {
    matches!(event.what, What::Listening { .. })
}

/// The object of an event.
fn object_of(event: &Event) -> Option<u32> {
    match event.what {
        What::ResourceUsed { object, .. } | What::Probe { object, .. } => Some(object),
        _ => object_edge(event),
    }
}

/// The object whose lifetime begins, ends or enters its next phase with this event.
pub(crate) fn object_edge(event: &Event) -> Option<u32> {
    match event.what {
        What::ResourceOpened { object, .. } | What::ResourceClosed { object, .. } => Some(object),
        What::Probe { step, object, .. } => match step {
            // There may be many of these. The violation names those that matter.
            ProbeEvent::Borrowed
            | ProbeEvent::Returned
            | ProbeEvent::CallBegan
            | ProbeEvent::CallEnded
            | ProbeEvent::Effect
            | ProbeEvent::TaskQueued
            | ProbeEvent::SlotsCounted
            | ProbeEvent::ItemVerified
            | ProbeEvent::ProgressReported
            | ProbeEvent::Buggified => None,
            _ => Some(object),
        },
        _ => None,
    }
}

/// Returns whether the event begins, ends or changes the state of an incarnation.
pub(crate) fn is_incarnation_edge(event: &Event) -> bool {
    match event.what {
        What::Started => event.incarnation > 1,
        What::StopRequested { .. }
        | What::StopRepeated
        | What::Exited { .. }
        | What::Panicked { .. }
        | What::Phase { .. }
        | What::Paused
        | What::Resumed
        | What::MemoryUsed { .. }
        | What::Signalled { .. }
        | What::DiskFailed { .. } => true,
        _ => false,
    }
}

/// The injections that struck up to the end, in the order of the plan.
fn struck(events: &[Event], end: Seq) -> BTreeSet<usize> {
    let up_to_the_end = events.iter().take_while(|event| event.seq <= end);
    let injection = |event: &Event| match event.what {
        What::Fault { injection, .. } => Some(injection as usize),
        _ => None,
    };
    up_to_the_end.filter_map(injection).collect()
}
