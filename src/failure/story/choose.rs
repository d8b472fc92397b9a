//! The story of a failure: the events, twelve at most, that show how it happened.
//! This file chooses events. Their words and layout are in `report/`.

use super::candidates::Candidates;
use super::edges::{find, is_fault, is_incarnation_edge, object_edge};
use crate::failure::failing_run::FailingRun;
use crate::fault::Injection;
use afterlife_sim::event::{Death, Event, Seq, What};
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
const ORIGINS_MAX: usize = 2;
const FILES_MAX: usize = 2;

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
        chosen.add(candidates.last_event_of_culprit(), Mark::Scene, 1);
        let origins = candidates.origins();
        chosen.add(origins.shown(), Mark::Scene, ORIGINS_MAX);
        chosen.add(origins.messages(), Mark::Scene, MESSAGES_MAX);
        chosen.add(origins.files(), Mark::Scene, FILES_MAX);
        chosen.add(origins.losses(), Mark::Turning, FILES_MAX);
        let injections = &failure.finding.plan.injections;
        chosen.add(
            candidates.causes().filter(|event| is_fault(event)).map(|event| event.seq),
            Mark::Turning,
            FAULTS_MAX,
        );
        if failure.shrunk.is_some() {
            // The failure takes each of them.
            let strikes = candidates.before().filter(|event| is_fault(event));
            chosen.add(strikes.map(|event| event.seq), Mark::Turning, FAULTS_MAX);
        }
        let strikes = |event: &Event| match event.what {
            What::Fault { injection, .. } => injections
                .get(injection as usize)
                .is_none_or(|injection| injection.fault.targets().iter().any(|node| candidates.nodes().contains(node))),
            _ => false,
        };
        let since = candidates.suspicious_since();
        let beside = candidates.before().take_while(|event| event.seq >= since).filter(|event| strikes(event));
        chosen.add(beside.map(|event| event.seq), Mark::Turning, FAULTS_BESIDE_MAX);
        let of_object =
            |event: &&Event| object_edge(event).is_some_and(|object| candidates.objects().contains(&object));
        chosen.add(candidates.before().filter(of_object).map(|event| event.seq), Mark::Scene, OBJECTS_MAX);
        if !origins.is_empty() {
            let is_edge = |event: &&Event| is_incarnation_edge(event) && !chosen.is_implied(event);
            let edges: Vec<_> = origins.edges_of_peers().filter(is_edge).map(|event| event.seq).collect();
            chosen.add(edges, Mark::Scene, INCARNATIONS_MAX);
        }
        chosen.add(candidates.messages(), Mark::Scene, MESSAGES_MAX);
        let is_edge = |event: &&Event| is_incarnation_edge(event) && !chosen.is_implied(event);
        let edges: Vec<_> = candidates.causes().filter(is_edge).map(|event| event.seq).collect();
        chosen.add(edges, Mark::Scene, CAUSES_MAX);
        if origins.is_empty() {
            let is_edge = |event: &&Event| {
                candidates.nodes().contains(&event.node) && is_incarnation_edge(event) && !chosen.is_implied(event)
            };
            let edges: Vec<_> = candidates.before().filter(is_edge).map(|event| event.seq).collect();
            chosen.add(edges, Mark::Scene, INCARNATIONS_MAX);
        }

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

/// The injections that struck up to the end, in the order of the plan.
fn struck(events: &[Event], end: Seq) -> BTreeSet<usize> {
    let up_to_the_end = events.iter().take_while(|event| event.seq <= end);
    let injection = |event: &Event| match event.what {
        What::Fault { injection, .. } => Some(injection as usize),
        _ => None,
    };
    up_to_the_end.filter_map(injection).collect()
}
