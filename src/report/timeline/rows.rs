//! The rows of a timeline: edges of incarnations, faults, the lifetimes of the finding, and the causes of the violation.
//! This file chooses rows and measures spans in rows; `graph.rs` draws them.

use crate::failure::failing_run::FailingRun;
use crate::failure::story::{Candidates, Mark, Step, Story, end, is_fault, is_incarnation_edge, object_edge};
use afterlife_sim::event::{Event, Name, NodeId, ProbeEvent, Seq, What};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The most rows that a person still reads. The earliest rows that the story does not need are omitted.
const ROWS_MAX: usize = 160;

/// The number of events shown from each chain of causes, nearest first.
const CAUSES_MAX: usize = 40;

/// A run as rows, one per event shown, and lanes, one per node involved.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<'a> {
    /// The events, in the order of the run, up to the violation.
    pub(crate) rows: Vec<Step<'a>>,
    /// The number of events up to the violation that are not shown.
    pub(crate) omitted: usize,
    /// The nodes with a lane, by number.
    pub(crate) lanes: Vec<NodeId>,
    /// The spans of incarnations, pauses and lifetimes.
    pub(crate) spans: Vec<Span>,
    /// Messages: the row that sends, and the row that receives.
    pub(crate) messages: Vec<(usize, usize)>,
    /// The cause of each row, if it is a row too.
    pub(crate) causes: Vec<Option<usize>>,
}

/// A span of time on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its lane, from 0.
    pub(crate) lane: usize,
    /// The row in which it began, up to the row in which it ended. A span that began earlier starts at 0; one that outlasts the
    /// violation ends after the last row.
    pub(crate) rows: Range<usize>,
    /// Its kind.
    pub(crate) what: Lasting,
}

/// The kinds of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// An incarnation of the process.
    Incarnation,
    /// A period in which the process was paused.
    Pause,
    /// A lifetime that the finding involves.
    Object(Name),
}

impl<'a> Timeline<'a> {
    /// The timeline of a finding.
    pub(crate) fn of(failure: &'a FailingRun) -> Self {
        let events = &failure.record.events;
        let story = Story::of(failure);
        let end = end(failure);
        let candidates = Candidates::of(failure, end);
        let mut marks: BTreeMap<Seq, Mark> = story.steps.iter().map(|step| (step.event.seq, step.mark)).collect();
        let needed: BTreeSet<Seq> = marks.keys().copied().collect();
        let causes = candidates.chains().iter().flat_map(|chain| chain.iter().take(CAUSES_MAX)).copied();
        let edges =
            events.iter().take_while(|event| event.seq <= end).filter(|event| is_shown(event, candidates.objects()));
        for event in causes.chain(edges).filter(|event| !matches!(event.what, What::TimerFired | What::Quiescent)) {
            marks.entry(event.seq).or_insert(Mark::Scene);
        }
        let mut surplus = marks.len().saturating_sub(ROWS_MAX);
        marks.retain(|seq, _| {
            let stays = surplus == 0 || needed.contains(seq);
            surplus -= usize::from(!stays);
            stays
        });
        let rows: Vec<Step<'a>> =
            (events.iter()).filter_map(|event| Some(Step { event, mark: *marks.get(&event.seq)? })).collect();
        let lanes = lanes(failure, &rows);
        let up_to_the_end = events.partition_point(|event| event.seq <= end);
        let measure = Measure { rows: &rows, lanes: &lanes };
        let spans = spans(&events[..up_to_the_end], candidates.objects(), &measure);
        let causes: Vec<_> = rows.iter().map(|row| measure.row_of(row.event.cause)).collect();
        let messages = (causes.iter().enumerate())
            .filter_map(|(row, cause)| Some(((*cause)?, row)))
            .filter(|(from, to)| is_message(rows[*from].event, rows[*to].event))
            .collect();
        Self { omitted: up_to_the_end.saturating_sub(rows.len()), rows, lanes, spans, messages, causes }
    }
}

fn is_shown(event: &Event, objects: &BTreeSet<u32>) -> bool {
    is_fault(event)
        || matches!(event.what, What::Healed { .. })
        || is_incarnation_edge(event)
        || object_edge(event).is_some_and(|object| objects.contains(&object))
}

fn is_message(from: &Event, to: &Event) -> bool {
    from.node != to.node
        && matches!((from.what, to.what), (What::Sent { .. }, What::Delivered { .. } | What::Stale { .. }))
}

/// The nodes of the rows, and the nodes that their faults strike.
fn lanes(failure: &FailingRun, rows: &[Step<'_>]) -> Vec<NodeId> {
    let mut lanes = BTreeSet::new();
    for row in rows {
        lanes.insert(row.event.node);
        lanes.extend(struck(failure, row.event));
    }
    lanes.into_iter().filter(|node| *node != NodeId::SIMULATION).collect()
}

/// The nodes that a fault strikes.
pub(crate) fn struck(failure: &FailingRun, event: &Event) -> Vec<NodeId> {
    let What::Fault { injection, .. } = event.what else { return Vec::new() };
    let injection = failure.finding.plan.injections.get(injection as usize);
    injection.map(|injection| injection.fault.targets()).unwrap_or_default()
}

/// The positions of events among the rows.
struct Measure<'a> {
    rows: &'a [Step<'a>],
    lanes: &'a [NodeId],
}

impl Measure<'_> {
    /// The row of an event, or the first one after it.
    fn at(&self, event: &Event) -> usize {
        self.rows.partition_point(|row| row.event.seq < event.seq)
    }

    fn row_of(&self, seq: Seq) -> Option<usize> {
        self.rows.binary_search_by_key(&seq, |row| row.event.seq).ok()
    }

    fn lane_of(&self, node: NodeId) -> Option<usize> {
        self.lanes.binary_search(&node).ok()
    }
}

/// The spans on nodes that have a lane.
fn spans(events: &[Event], objects: &BTreeSet<u32>, measure: &Measure<'_>) -> Vec<Span> {
    let mut open: BTreeMap<(usize, Key), (usize, Lasting)> = BTreeMap::new();
    let mut spans = Vec::new();
    for event in events {
        let Some(lane) = measure.lane_of(event.node) else { continue };
        let row = measure.at(event);
        match boundary(event, objects) {
            Some(Boundary::Begins(key, what)) => {
                open.entry((lane, key)).or_insert((row, what));
            }
            Some(Boundary::Ends(key)) => {
                let over = open.remove(&(lane, key));
                spans.extend(over.map(|(from, what)| Span { lane, rows: from..row, what }));
            }
            Some(Boundary::EndsAll) => {
                // Nothing outlives its process.
                let over = open.extract_if(.., |(on, _), _| *on == lane);
                spans.extend(over.map(|((lane, _), (from, what))| Span { lane, rows: from..row, what }));
            }
            None => {}
        }
    }
    let end = measure.rows.len();
    spans.extend(open.into_iter().map(|((lane, _), (from, what))| Span { lane, rows: from..end, what }));
    spans.sort_by_key(|span| (span.lane, span.rows.start, matches!(span.what, Lasting::Object(_))));
    spans
}

/// The identity of a span within its lane.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Incarnation,
    Pause,
    Object(u32),
}

/// The beginning or the end of a span.
enum Boundary {
    Begins(Key, Lasting),
    Ends(Key),
    EndsAll,
}

fn boundary(event: &Event, objects: &BTreeSet<u32>) -> Option<Boundary> {
    match event.what {
        What::Started => Some(Boundary::Begins(Key::Incarnation, Lasting::Incarnation)),
        What::Exited { .. } => Some(Boundary::EndsAll),
        What::Paused => Some(Boundary::Begins(Key::Pause, Lasting::Pause)),
        What::Resumed => Some(Boundary::Ends(Key::Pause)),
        What::ResourceClosed { object, .. } => Some(Boundary::Ends(Key::Object(object))),
        What::Probe { step, object, .. } if is_last(step) => Some(Boundary::Ends(Key::Object(object))),
        What::ResourceOpened { object, name, .. } | What::Probe { object, name, .. } if objects.contains(&object) => {
            Some(Boundary::Begins(Key::Object(object), Lasting::Object(name)))
        }
        _ => None,
    }
}

/// Returns whether this probe event ends a lifetime.
fn is_last(step: ProbeEvent) -> bool {
    matches!(
        step,
        ProbeEvent::Deregistered
            | ProbeEvent::ScopeClosed
            | ProbeEvent::ProgressDone
            | ProbeEvent::ChannelClosed
            | ProbeEvent::EntryRemoved
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::{crowded, raft_master, use_after_teardown};

    #[test]
    fn the_causes_of_the_violation_are_shown_with_their_messages() {
        let failure = raft_master();
        let timeline = Timeline::of(&failure);
        let last = timeline.rows.last().expect("there are rows");
        assert_eq!((last.mark, last.event.seq), (Mark::Broke, failure.finding.violation.at));
        let ends = |row: usize| timeline.rows[row].event.node.0;
        let ways: Vec<_> = timeline.messages.iter().map(|(from, to)| (ends(*from), ends(*to))).collect();
        assert_eq!(ways, [(3, 0), (0, 2), (2, 0), (0, 1)]);
        assert!(timeline.causes.iter().flatten().count() > 10);
    }

    #[test]
    fn a_lifetime_ends_at_its_close_and_an_incarnation_with_its_process() {
        let failure = use_after_teardown();
        let timeline = Timeline::of(&failure);
        let object = timeline.spans.iter().find(|span| matches!(span.what, Lasting::Object(_))).expect("the database");
        assert_eq!(timeline.lanes[object.lane], NodeId(0));
        let closed = timeline.rows[object.rows.end].event.what;
        assert!(matches!(closed, What::ResourceClosed { .. }), "{closed:?}");
        let incarnation =
            timeline.spans.iter().find(|span| span.what == Lasting::Incarnation).expect("the incarnation");
        assert_eq!(incarnation.rows, 0..timeline.rows.len());
    }

    #[test]
    fn a_node_that_a_fault_strikes_has_a_lane_even_without_rows() {
        let failure = use_after_teardown();
        assert_eq!(Timeline::of(&failure).lanes, [0, 1, 2, 3].map(NodeId));
    }

    #[test]
    fn the_rows_of_the_story_stay_when_others_are_omitted() {
        let mut failure = crowded();
        let first = failure.record.events.clone();
        for round in 1..20_u64 {
            let later = |seq: Seq| if seq == Seq::NONE { seq } else { Seq(seq.0 + round * first.len() as u64) };
            failure.record.events.extend(first.iter().map(|event| Event {
                seq: later(event.seq),
                cause: later(event.cause),
                time_ns: event.time_ns + round * 70_000_000_000,
                ..*event
            }));
        }
        let timeline = Timeline::of(&failure);
        assert_eq!(timeline.rows.len(), ROWS_MAX);
        assert_eq!(timeline.omitted + timeline.rows.len(), failure.record.events.len());
        for step in Story::of(&failure).steps {
            assert!(timeline.rows.iter().any(|row| row.event.seq == step.event.seq));
        }
    }
}
