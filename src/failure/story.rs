//! Which of a run's thousands of events tell how it came about: twelve at most.
//! It chooses; the words and the layout are the report's.

use crate::failure::failing_run::FailingRun;
use crate::fault::Injection;
use crate::run::request::Ended;
use afterlife_sim::event::{Death, Event, NodeId, ProbeEvent, Seq, What};
use std::collections::{BTreeMap, BTreeSet};

/// What fits on a page, and in a head.
const STEPS_MAX: usize = 12;

/// How many of each kind are worth a step, nearest to the end first.
const FAULTS_MAX: usize = 3;
const FAULTS_BESIDE_MAX: usize = 2;
const OBJECTS_MAX: usize = 3;
const MESSAGES_MAX: usize = 3;
const CAUSES_MAX: usize = 3;
const LIVES_MAX: usize = 3;

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
    pub(crate) fn of(failure: &'a FailingRun) -> Self {
        let events = &failure.record.events;
        let violation = &failure.finding.violation;
        let end = end(failure);
        // Where no event broke the claim, the end of the run takes a step of its own.
        let room = if violation.at == Seq::NONE { STEPS_MAX - 1 } else { STEPS_MAX };
        let mut chosen = Chosen { events, end, room, marks: BTreeMap::new() };
        chosen.add([violation.at], Mark::Broke, 1);
        chosen.add(violation.turning.iter().copied(), Mark::Turning, STEPS_MAX / 2);

        let told = Told::of(failure, end);
        chosen.add(told.last_words, Mark::Scene, 1);
        let injections = &failure.finding.plan.injections;
        chosen.add(told.past().filter(|event| is_fault(event)).map(|event| event.seq), Mark::Turning, FAULTS_MAX);
        let strikes = |event: &Event| match event.what {
            What::Fault { injection, .. } => injections
                .get(injection as usize)
                .is_none_or(|injection| injection.fault.targets().iter().any(|node| told.nodes.contains(node))),
            _ => false,
        };
        let since = told.lives_began();
        let beside = told.before().take_while(|event| event.seq >= since).filter(|event| strikes(event));
        chosen.add(beside.map(|event| event.seq), Mark::Turning, FAULTS_BESIDE_MAX);
        let of_object = |event: &&Event| object_edge(event).is_some_and(|object| told.objects.contains(&object));
        chosen.add(told.before().filter(of_object).map(|event| event.seq), Mark::Scene, OBJECTS_MAX);
        chosen.add(told.messages(), Mark::Scene, MESSAGES_MAX);
        let of_life = |event: &&Event| is_edge_of_life(event) && !chosen.says_that(event);
        let lives: Vec<_> = told.past().filter(of_life).map(|event| event.seq).collect();
        chosen.add(lives, Mark::Scene, CAUSES_MAX);
        let of_life =
            |event: &&Event| told.nodes.contains(&event.node) && is_edge_of_life(event) && !chosen.says_that(event);
        let lives: Vec<_> = told.before().filter(of_life).map(|event| event.seq).collect();
        chosen.add(lives, Mark::Scene, LIVES_MAX);

        let struck = struck(events, end);
        Self {
            steps: chosen.steps(),
            others: injections.len() - struck.iter().filter(|index| **index < injections.len()).count(),
            struck: struck.iter().filter_map(|index| injections.get(*index)).collect(),
        }
    }
}

/// Where the story ends: at the event that broke the claim, or with the run.
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

    /// Whether a fault that was chosen says this already: it asked for it, and nothing came between.
    fn says_that(&self, told: &Event) -> bool {
        let asked = match told.what {
            What::StopRequested { .. } => true,
            What::Exited { how } => matches!(how, Death::Kill | Death::PowerLoss),
            What::Paused => true,
            _ => false,
        };
        asked && self.marks.contains_key(&told.cause) && event(self.events, told.cause).is_some_and(is_fault)
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

/// What a story is chosen from.
pub(crate) struct Told<'a> {
    events: &'a [Event],
    end: Seq,
    /// What led to the violation and to what turned the run towards it, each chain nearest first.
    pub(crate) chains: Vec<Vec<&'a Event>>,
    /// Where that happened.
    nodes: BTreeSet<NodeId>,
    /// Whose lifetimes it is about.
    pub(crate) objects: BTreeSet<u32>,
    /// What was heard last of a node that brought the run down.
    last_words: Option<Seq>,
}

impl<'a> Told<'a> {
    pub(crate) fn of(failure: &'a FailingRun, end: Seq) -> Self {
        let events = &failure.record.events;
        let violation = &failure.finding.violation;
        let mut named: Vec<_> = std::iter::once(violation.at)
            .chain(violation.turning.iter().copied())
            .filter_map(|seq| event(events, seq))
            .collect();
        let last_words = last_words(failure).filter(|_| violation.at == Seq::NONE);
        named.extend(last_words);
        let nodes = named.iter().map(|event| event.node).filter(|node| *node != NodeId::SIMULATION).collect();
        let objects = named.iter().filter_map(|event| object_of(event)).collect();
        let chains = named.iter().map(|event| causes(events, event)).collect();
        Self { events, end, chains, nodes, objects, last_words: last_words.map(|event| event.seq) }
    }

    /// Everything up to the end, from there.
    fn before(&self) -> impl Iterator<Item = &'a Event> {
        let end = self.end;
        self.events.iter().rev().skip_while(move |event| event.seq > end)
    }

    /// What led to what was named: from the violation first, each chain nearest first.
    fn past(&self) -> impl Iterator<Item = &'a Event> {
        self.chains.iter().flatten().copied()
    }

    /// Since when faults may have a part in it that no cause tells of: if it is about one process, since its life began.
    fn lives_began(&self) -> Seq {
        let begins = |event: &&Event| event.what == What::Started && self.nodes.contains(&event.node);
        let one = self.nodes.len() == 1;
        self.before().find(begins).filter(|_| one).map_or(Seq(0), |event| event.seq)
    }

    /// The messages between nodes that led to it: the last one, the one that it all began with, and those between.
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
            // Who serves nobody began it: before that lies another request.
            if !serves.contains(&left.node) {
                let first = sent.pop().into_iter();
                return sent.iter().take(1).copied().chain(first).chain(sent.iter().skip(1).copied()).collect();
            }
        }
        sent
    }
}

/// The last that was heard of a node whose code brought the whole run down.
fn last_words(failure: &FailingRun) -> Option<&Event> {
    let (Ended::Signal { node: Some(name), .. } | Ended::Spin { node: Some(name), .. }) = &failure.ended else {
        return None;
    };
    let node = NodeId(u16::try_from(failure.record.nodes.iter().position(|node| node == name)?).ok()?);
    failure.record.events.iter().rev().find(|event| event.node == node && event.what != What::TimerFired)
}

/// What led to an event, nearest first.
fn causes<'a>(events: &'a [Event], from: &'a Event) -> Vec<&'a Event> {
    let before = |effect: &&'a Event| event(events, effect.cause).filter(|cause| cause.seq < effect.seq);
    std::iter::successors(before(&from), before).collect()
}

pub(crate) fn is_fault(event: &Event) -> bool {
    matches!(event.what, What::Fault { .. })
}

fn listens(event: &Event) -> bool {
    matches!(event.what, What::Listening { .. })
}

/// The object that an event is about.
fn object_of(event: &Event) -> Option<u32> {
    match event.what {
        What::ResourceUsed { object, .. } | What::Probe { object, .. } => Some(object),
        _ => object_edge(event),
    }
}

/// The object whose lifetime begins, ends or goes on to its next part here.
pub(crate) fn object_edge(event: &Event) -> Option<u32> {
    match event.what {
        What::ResourceOpened { object, .. } | What::ResourceClosed { object, .. } => Some(object),
        What::Probe { step, object, .. } => match step {
            // These may be many, and the ones that matter are named by whoever found the violation.
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

pub(crate) fn is_edge_of_life(event: &Event) -> bool {
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
