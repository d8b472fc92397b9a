//! *slots-conserved*: a counter of held slots is never below zero or above its cap, and matches its holders when it is at rest:
//! when neither has changed for a millisecond, because the program counts and takes in two steps.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, NodeId, ProbeEvent, Seq, What};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ID: &str = "slots-conserved";

/// The default time for which a counter and its holders may differ.
const REST_NS: u64 = 1_000_000;

struct Counter {
    name: Name,
    node: NodeId,
    incarnation: u16,
    cap: u64,
    count: Option<i64>,
    holders: BTreeSet<u64>,
    changed: (Seq, u64, Name),
}

impl Counter {
    fn differs(&self) -> bool {
        self.count.is_some_and(|count| usize::try_from(count) != Ok(self.holders.len()))
    }
}

/// The counters, by object number.
pub(super) struct SlotsConserved {
    rest_ns: u64,
    counters: BTreeMap<u32, Counter>,
    /// The counters that differ from their holders, by the time of their last change.
    differing: BTreeSet<(u64, u32)>,
}

impl SlotsConserved {
    /// For counters that are at rest after this time.
    pub(super) fn at_rest_after(rest_ns: Option<u64>) -> Self {
        let rest_ns = rest_ns.unwrap_or(REST_NS);
        Self { rest_ns, counters: BTreeMap::new(), differing: BTreeSet::new() }
    }
}

impl Monitor for SlotsConserved {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Probe { .. } | What::Quiescent | What::Exited { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        if let What::Exited { .. } = event.what {
            self.counters.retain(|_, counter| counter.node != event.node);
            self.differing.retain(|(_, object)| self.counters.contains_key(object));
            return None;
        }
        if let Some(violation) = self.at_rest(event, facts) {
            return Some(violation);
        }
        let What::Probe { step, name, object, number, site } = event.what else { return None };
        let changed = (event.seq, event.time_ns, site);
        if step == ProbeEvent::SlotsMade {
            let (node, incarnation) = (event.node, event.incarnation);
            let counter =
                Counter { name, node, incarnation, cap: number, count: None, holders: BTreeSet::new(), changed };
            self.counters.insert(object, counter);
            return None;
        }
        if !matches!(step, ProbeEvent::SlotTaken | ProbeEvent::SlotReturned | ProbeEvent::SlotsCounted) {
            return None;
        }
        let counter = self.counters.get_mut(&object)?;
        self.differing.remove(&(counter.changed.1, object));
        match step {
            ProbeEvent::SlotTaken => drop(counter.holders.insert(number)),
            ProbeEvent::SlotReturned => drop(counter.holders.remove(&number)),
            _ => counter.count = Some(number as i64),
        }
        counter.changed = changed;
        if counter.differs() {
            self.differing.insert((event.time_ns, object));
        }
        let count = counter.count?;
        let (name, node) = (facts.text(counter.name), facts.node(event.node));
        let outside = match count {
            ..0 => format!("{name} of {node} shows {count}"),
            _ if count as u64 > counter.cap => format!("{name} of {node} shows {count} of {}", counter.cap),
            _ => return None,
        };
        Some(violation(event.seq, event.seq, name, file_of(facts.text(site)), outside))
    }
}

impl SlotsConserved {
    /// Checks the counters that are at rest.
    fn at_rest(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let (changed_ns, object) = *self.differing.first()?;
        if event.what != What::Quiescent && event.time_ns.saturating_sub(changed_ns) < self.rest_ns {
            return None;
        }
        self.differing.remove(&(changed_ns, object));
        let counter = self.counters.get(&object)?;
        let (name, node) = (facts.text(counter.name), facts.node(counter.node));
        let (count, holders) = (counter.count.unwrap_or(0), counter.holders.len());
        let sentence =
            format!("{name} of {node} (incarnation {}) shows {count} and has {holders} holders", counter.incarnation);
        Some(violation(event.seq, counter.changed.0, name, file_of(facts.text(counter.changed.2)), sentence))
    }
}

fn violation(at: Seq, turning: Seq, name: &str, site: String, sentence: String) -> Violation {
    Violation {
        invariant: ID.to_owned(),
        class: name.to_owned(),
        sites: vec![site],
        subject: name.to_owned(),
        sentence,
        at,
        turning: vec![turning],
        origins: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    fn sentences(script: Script) -> Vec<String> {
        run(SlotsConserved::at_rest_after(None), script).into_iter().map(|violation| violation.sentence).collect()
    }

    #[test]
    fn a_counter_below_zero_or_above_its_cap_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::SlotsMade, "downloads", 1, 5).probe(
            ProbeEvent::SlotsCounted,
            "downloads",
            1,
            -1_i64 as u64,
        );
        script.probe(ProbeEvent::SlotsCounted, "downloads", 1, 6);
        assert_eq!(sentences(script), ["downloads of node-0 shows -1", "downloads of node-0 shows 6 of 5"]);
    }

    #[test]
    fn a_counter_and_its_cap_have_64_bits() {
        let mut script = Script::new();
        script.probe(ProbeEvent::SlotsMade, "bytes", 1, 6 << 32).probe(
            ProbeEvent::SlotsCounted,
            "bytes",
            1,
            (6 << 32) + 1,
        );
        assert_eq!(sentences(script), ["bytes of node-0 shows 25769803777 of 25769803776"]);
    }

    #[test]
    fn a_counter_that_rests_away_from_its_holders_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::SlotsMade, "downloads", 1, 5).probe(ProbeEvent::SlotTaken, "downloads", 1, 7);
        script.probe(ProbeEvent::SlotsCounted, "downloads", 1, 1).probe(ProbeEvent::SlotsCounted, "downloads", 1, 0);
        script.after_ns(2_000_000).quiescent();
        assert_eq!(sentences(script), ["downloads of node-0 (incarnation 1) shows 0 and has 1 holders"]);
    }

    #[test]
    fn a_counter_that_lags_for_a_moment_keeps_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::SlotsMade, "downloads", 1, 5).probe(ProbeEvent::SlotTaken, "downloads", 1, 7);
        script.after_ns(10_000).probe(ProbeEvent::SlotsCounted, "downloads", 1, 1);
        script.after_ns(5_000_000).probe(ProbeEvent::SlotReturned, "downloads", 1, 7);
        script.after_ns(10_000).probe(ProbeEvent::SlotsCounted, "downloads", 1, 0).after_ns(5_000_000).quiescent();
        assert_eq!(sentences(script), [""; 0]);
    }
}
