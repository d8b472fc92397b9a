//! Which of a run's thousands of events tell how it came about: twelve at most.
//! It chooses; the words and the layout are the report's.

use crate::fault::{Injection, Trigger};
use crate::found::Found;
use afterlife_sim::event::{Event, NodeId, Seq, What};
use std::collections::{BTreeMap, BTreeSet};

/// What fits on a page, and in a head.
const STEPS_MAX: usize = 12;

/// How many of each kind are worth a step, nearest to the end first.
const FAULTS_MAX: usize = 4;
const CAUSES_MAX: usize = 4;
const LIVES_MAX: usize = 4;

/// What an event is to the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It broke the claim.
    Broke,
    /// It turned the run towards that.
    Turning,
    /// It stands for how things were.
    Scene,
}

/// One step of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step<'a> {
    /// The event.
    pub(crate) event: &'a Event,
    /// What it is to the story.
    pub(crate) mark: Mark,
}

/// How a finding came about.
#[derive(Clone, Debug)]
pub(crate) struct Story<'a> {
    /// The steps, in the order of the run.
    pub(crate) steps: Vec<Step<'a>>,
    /// The injections that struck before the claim broke.
    pub(crate) struck: Vec<&'a Injection>,
    /// How many more the plan has.
    pub(crate) others: usize,
}

impl<'a> Story<'a> {
    /// The story of a finding.
    pub(crate) fn of(found: &'a Found) -> Self {
        let events = &found.record.events;
        let violation = &found.finding.violation;
        let end =
            if violation.at == Seq::NONE { events.last().map_or(Seq::NONE, |last| last.seq) } else { violation.at };
        // Where no event broke the claim, the end of the run takes a step of its own.
        let room = if violation.at == Seq::NONE { STEPS_MAX - 1 } else { STEPS_MAX };
        let mut chosen = Chosen { events, end, room, marks: BTreeMap::new() };
        chosen.add([violation.at], Mark::Broke, 1);
        chosen.add(violation.turning.iter().copied(), Mark::Turning, STEPS_MAX / 2);

        let involved = involved_nodes(events, violation.at, &violation.turning);
        let objects = involved_objects(events, violation.at, &violation.turning);
        let injections = &found.finding.plan.injections;
        let strikes_there = |event: &Event| match event.what {
            What::Fault { injection, .. } => injections
                .get(injection as usize)
                .is_none_or(|injection| injection.fault.strikes().iter().any(|node| involved.contains(node))),
            _ => false,
        };
        let before = || events.iter().rev().skip_while(move |event| event.seq > end);
        chosen.add(before().filter(|event| strikes_there(event)).map(|event| event.seq), Mark::Turning, FAULTS_MAX);
        let of_object = |event: &&Event| object_edge(event).is_some_and(|object| objects.contains(&object));
        chosen.add(before().filter(of_object).map(|event| event.seq), Mark::Scene, LIVES_MAX);
        chosen.add(causes(events, violation.at), Mark::Scene, CAUSES_MAX);
        let of_life = |event: &&Event| involved.contains(&event.node) && is_edge_of_life(event);
        chosen.add(before().filter(of_life).map(|event| event.seq), Mark::Scene, LIVES_MAX);

        let struck = struck(events, end);
        Self {
            steps: chosen.steps(),
            others: injections.len() - struck.iter().filter(|index| **index < injections.len()).count(),
            struck: struck.iter().filter_map(|index| injections.get(*index)).collect(),
        }
    }
}

/// The events chosen so far.
struct Chosen<'a> {
    events: &'a [Event],
    end: Seq,
    room: usize,
    marks: BTreeMap<Seq, Mark>,
}

impl<'a> Chosen<'a> {
    /// Chooses the first so many of these that are not yet chosen, as long as there is room.
    fn add(&mut self, candidates: impl IntoIterator<Item = Seq>, mark: Mark, at_most: usize) {
        let mut added = 0;
        for seq in candidates {
            if added == at_most || self.marks.len() == self.room {
                return;
            }
            if event(self.events, seq).is_some() && !self.marks.contains_key(&seq) {
                self.marks.insert(seq, mark);
                added += 1;
            }
        }
    }

    fn steps(self) -> Vec<Step<'a>> {
        let told =
            self.marks.iter().filter_map(|(seq, mark)| Some(Step { event: event(self.events, *seq)?, mark: *mark }));
        // What an invariant names as turning may lie behind the event that broke it; the story still ends there.
        told.filter(|step| step.event.seq <= self.end).collect()
    }
}

/// The event of this number. Records hold every event, so that it stands at its number's place.
fn event(events: &[Event], seq: Seq) -> Option<&Event> {
    let at = usize::try_from(seq.0).ok()?;
    events.get(at).filter(|event| event.seq == seq).or_else(|| events.iter().find(|event| event.seq == seq))
}

/// What led to an event, nearest first.
fn causes(events: &[Event], from: Seq) -> Vec<Seq> {
    let mut causes = Vec::new();
    let mut at = event(events, from);
    while let Some(effect) = at {
        let cause = event(events, effect.cause).filter(|cause| cause.seq < effect.seq);
        causes.extend(cause.filter(|cause| is_told(cause)).map(|cause| cause.seq));
        at = cause;
    }
    causes
}

/// That a wait came to its end says nothing by itself.
fn is_told(event: &Event) -> bool {
    !matches!(event.what, What::TimerFired)
}

fn named<'a>(events: &'a [Event], at: Seq, turning: &'a [Seq]) -> impl Iterator<Item = &'a Event> {
    std::iter::once(at).chain(turning.iter().copied()).filter_map(|seq| event(events, seq))
}

fn involved_nodes(events: &[Event], at: Seq, turning: &[Seq]) -> BTreeSet<NodeId> {
    named(events, at, turning).map(|event| event.node).filter(|node| *node != NodeId::WORLD).collect()
}

fn involved_objects(events: &[Event], at: Seq, turning: &[Seq]) -> BTreeSet<u32> {
    let object = |event: &Event| match event.what {
        What::ResourceUsed { object, .. } => Some(object),
        _ => object_edge(event),
    };
    named(events, at, turning).filter_map(object).collect()
}

/// The object whose lifetime begins or ends here.
fn object_edge(event: &Event) -> Option<u32> {
    match event.what {
        What::ResourceOpened { object, .. } | What::ResourceClosed { object, .. } => Some(object),
        _ => None,
    }
}

fn is_edge_of_life(event: &Event) -> bool {
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

/// Which injections struck up to the end, in the order of the plan.
fn struck(events: &[Event], end: Seq) -> BTreeSet<usize> {
    let up_to_the_end = events.iter().take_while(|event| event.seq <= end);
    let injection = |event: &Event| match event.what {
        What::Fault { injection, .. } => Some(injection as usize),
        _ => None,
    };
    up_to_the_end.filter_map(injection).collect()
}

/// The highest node number that a plan names, to see whether it still fits its scenario.
pub(crate) fn last_node_named(injections: &[Injection]) -> Option<u16> {
    let triggers = injections.iter().filter_map(|injection| match injection.trigger {
        Trigger::On { node, .. } => Some(node),
        Trigger::At { .. } => None,
    });
    let faults = injections.iter().flat_map(|injection| injection.fault.strikes()).map(|node| node.0);
    triggers.chain(faults).max()
}
