//! What a timeline shows of a run, and how long what lasted: edges of lives, faults, the lifetimes that the finding is about, and
//! what led to the violation. It chooses, and measures in rows; how a timeline looks is the report's.

use crate::failure::failing_run::FailingRun;
use crate::failure::story::{Mark, Step, Story, Told, end, is_edge_of_life, is_fault, object_edge};
use afterlife_sim::event::{Event, Name, NodeId, ProbeEvent, Seq, What};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// More rows than this, nobody reads: the earliest that the story does not need are left out.
const ROWS_MAX: usize = 160;

/// How much of each chain of causes is shown, nearest first.
const CAUSES_MAX: usize = 40;

/// A run as rows, one for each event that is shown, and lanes, one for each node that is concerned.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<'a> {
    /// The events, in the order of the run, up to the violation.
    pub(crate) rows: Vec<Step<'a>>,
    /// How many events up to the violation are not shown.
    pub(crate) left_out: usize,
    /// The nodes that have a lane, in the order of their numbers.
    pub(crate) lanes: Vec<NodeId>,
    /// What lasted.
    pub(crate) spans: Vec<Span>,
    /// Messages that are sent in one row and arrive in another.
    pub(crate) messages: Vec<(usize, usize)>,
    /// What led to a row, if that is a row too.
    pub(crate) causes: Vec<Option<usize>>,
}

/// Something that lasted on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its lane, from 0.
    pub(crate) lane: usize,
    /// From the row in which it began up to the one in which it ended. It begins at 0 if it was there before, and ends behind the last
    /// row if it was there at the end.
    pub(crate) rows: Range<usize>,
    /// What it was.
    pub(crate) what: Lasting,
}

/// What can last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// A life of the process.
    Life,
    /// A while in which all its threads stood still.
    Pause,
    /// A lifetime that the finding is about.
    Object(Name),
}

impl<'a> Timeline<'a> {
    /// The timeline of a finding.
    pub(crate) fn of(failure: &'a FailingRun) -> Self {
        let events = &failure.record.events;
        let story = Story::of(failure);
        let end = end(failure);
        let told = Told::of(failure, end);
        let mut marks: BTreeMap<Seq, Mark> = story.steps.iter().map(|step| (step.event.seq, step.mark)).collect();
        let needed: BTreeSet<Seq> = marks.keys().copied().collect();
        let led = told.chains.iter().flat_map(|chain| chain.iter().take(CAUSES_MAX)).copied();
        let edges = events.iter().take_while(|event| event.seq <= end).filter(|event| is_shown(event, &told.objects));
        for event in led.chain(edges).filter(|event| !matches!(event.what, What::TimerFired | What::Quiescent)) {
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
        let spans = spans(&events[..up_to_the_end], &told.objects, &measure);
        let causes: Vec<_> = rows.iter().map(|row| measure.row_of(row.event.cause)).collect();
        let messages = (causes.iter().enumerate())
            .filter_map(|(row, cause)| Some(((*cause)?, row)))
            .filter(|(from, to)| is_message(rows[*from].event, rows[*to].event))
            .collect();
        Self { left_out: up_to_the_end.saturating_sub(rows.len()), rows, lanes, spans, messages, causes }
    }
}

fn is_shown(event: &Event, objects: &BTreeSet<u32>) -> bool {
    is_fault(event)
        || matches!(event.what, What::Healed { .. })
        || is_edge_of_life(event)
        || object_edge(event).is_some_and(|object| objects.contains(&object))
}

fn is_message(from: &Event, to: &Event) -> bool {
    from.node != to.node
        && matches!((from.what, to.what), (What::Sent { .. }, What::Delivered { .. } | What::Stale { .. }))
}

/// The nodes on which something is shown, or that a fault strikes that is shown.
fn lanes(failure: &FailingRun, rows: &[Step<'_>]) -> Vec<NodeId> {
    let mut lanes = BTreeSet::new();
    for row in rows {
        lanes.insert(row.event.node);
        lanes.extend(struck(failure, row.event));
    }
    lanes.into_iter().filter(|node| *node != NodeId::SIMULATION).collect()
}

/// Whom a fault strikes.
pub(crate) fn struck(failure: &FailingRun, event: &Event) -> Vec<NodeId> {
    let What::Fault { injection, .. } = event.what else { return Vec::new() };
    let injection = failure.finding.plan.injections.get(injection as usize);
    injection.map(|injection| injection.fault.targets()).unwrap_or_default()
}

/// Where events stand among the rows.
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

/// Everything that lasted, on nodes that have a lane.
fn spans(events: &[Event], objects: &BTreeSet<u32>, measure: &Measure<'_>) -> Vec<Span> {
    let mut open: BTreeMap<(usize, Key), (usize, Lasting)> = BTreeMap::new();
    let mut spans = Vec::new();
    for event in events {
        let Some(lane) = measure.lane_of(event.node) else { continue };
        let row = measure.at(event);
        match turn(event, objects) {
            Some(Turn::Begins(key, what)) => {
                open.entry((lane, key)).or_insert((row, what));
            }
            Some(Turn::Ends(key)) => {
                let over = open.remove(&(lane, key));
                spans.extend(over.map(|(from, what)| Span { lane, rows: from..row, what }));
            }
            Some(Turn::EndsAll) => {
                // Nothing of a process outlives it.
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

/// What of a lane lasts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Life,
    Pause,
    Object(u32),
}

/// What an event is to something that lasts.
enum Turn {
    Begins(Key, Lasting),
    Ends(Key),
    EndsAll,
}

fn turn(event: &Event, objects: &BTreeSet<u32>) -> Option<Turn> {
    match event.what {
        What::Started => Some(Turn::Begins(Key::Life, Lasting::Life)),
        What::Exited { .. } => Some(Turn::EndsAll),
        What::Paused => Some(Turn::Begins(Key::Pause, Lasting::Pause)),
        What::Resumed => Some(Turn::Ends(Key::Pause)),
        What::ResourceClosed { object, .. } => Some(Turn::Ends(Key::Object(object))),
        What::Probe { step, object, .. } if is_last(step) => Some(Turn::Ends(Key::Object(object))),
        What::ResourceOpened { object, name, .. } | What::Probe { object, name, .. } if objects.contains(&object) => {
            Some(Turn::Begins(Key::Object(object), Lasting::Object(name)))
        }
        _ => None,
    }
}

/// Whether a lifetime is over with this step.
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
    fn what_led_to_the_violation_is_shown_with_the_messages_that_it_came_by() {
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
    fn a_lifetime_ends_where_it_was_closed_and_a_life_where_its_process_did() {
        let failure = use_after_teardown();
        let timeline = Timeline::of(&failure);
        let object = timeline.spans.iter().find(|span| matches!(span.what, Lasting::Object(_))).expect("the database");
        assert_eq!(timeline.lanes[object.lane], NodeId(0));
        let closed = timeline.rows[object.rows.end].event.what;
        assert!(matches!(closed, What::ResourceClosed { .. }), "{closed:?}");
        let life = timeline.spans.iter().find(|span| span.what == Lasting::Life).expect("the life");
        assert_eq!(life.rows, 0..timeline.rows.len());
    }

    #[test]
    fn nodes_that_faults_strike_have_a_lane_though_nothing_of_them_is_shown() {
        let failure = use_after_teardown();
        assert_eq!(Timeline::of(&failure).lanes, [0, 1, 2, 3].map(NodeId));
    }

    #[test]
    fn of_many_rows_those_of_the_story_stay() {
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
        assert_eq!(timeline.left_out + timeline.rows.len(), failure.record.events.len());
        for step in Story::of(&failure).steps {
            assert!(timeline.rows.iter().any(|row| row.event.seq == step.event.seq));
        }
    }
}
