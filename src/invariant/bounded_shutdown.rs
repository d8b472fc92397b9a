//! *bounded-shutdown*: a process that is asked to stop ends within its budget. Other invariants cover data that the stop
//! loses.

use super::contract::{Facts, Monitor};
use crate::model::duration::span;
use crate::model::role::role_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Death, Event, NodeId, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "bounded-shutdown";

/// The stop requests that are under way, by node.
#[derive(Default)]
pub(super) struct BoundedShutdown {
    /// The bound that the scenario set, whatever the budget is.
    bound_ns: Option<u64>,
    asked: BTreeMap<NodeId, Asked>,
}

struct Asked {
    seq: Seq,
    time_ns: u64,
    budget_ns: u64,
}

impl BoundedShutdown {
    /// With a bound beside the budget of each stop.
    pub(super) fn within(bound_ns: Option<u64>) -> Self {
        Self { bound_ns, ..Self::default() }
    }
}

impl Monitor for BoundedShutdown {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::StopRequested { .. } | What::Exited { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        match event.what {
            What::StopRequested { budget_ns } => {
                // A second request does not give it more time.
                self.asked.entry(event.node).or_insert(Asked { seq: event.seq, time_ns: event.time_ns, budget_ns });
                None
            }
            What::Exited { how } => {
                let asked = self.asked.remove(&event.node)?;
                let took_ns = event.time_ns - asked.time_ns;
                let bound_ns = self.bound_ns.filter(|bound_ns| took_ns > *bound_ns);
                if how != Death::Overrun && bound_ns.is_none() {
                    return None;
                }
                let node = facts.node(event.node);
                let (bound, sentence) = match bound_ns {
                    Some(bound_ns) => {
                        let (took, bound) = (span(took_ns), span(bound_ns));
                        let sentence = format!("{node} took {took} to stop after it was asked to, more than {bound}");
                        (format!("bound {bound}"), sentence)
                    }
                    None => {
                        let budget = span(asked.budget_ns);
                        let sentence = format!("{node} had not stopped {budget} after it was asked to, and was killed");
                        (format!("budget {budget}"), sentence)
                    }
                };
                Some(Violation {
                    invariant: ID.to_owned(),
                    class: role_of(node).to_owned(),
                    sites: Vec::new(),
                    subject: format!("{node}, {bound}"),
                    sentence,
                    at: event.seq,
                    turning: vec![asked.seq],
                    origins: Vec::new(),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    #[test]
    fn a_stop_that_runs_over_its_budget_breaks_it() {
        let mut script = Script::new();
        script.stop_requested(30_000_000_000).after_ns(30_000_000_000).exited(Death::Overrun);
        let [violation] = &run(BoundedShutdown::default(), script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 had not stopped 30 s after it was asked to, and was killed");
        assert_eq!(violation.class, "node");
    }

    #[test]
    fn a_stop_within_its_budget_and_a_kill_in_the_middle_of_one_do_not() {
        for how in [Death::Exit { code: 0 }, Death::Kill, Death::PowerLoss, Death::Panic] {
            let mut script = Script::new();
            script.stop_requested(30_000_000_000).after_ns(29_000_000_000).exited(how);
            assert_eq!(run(BoundedShutdown::default(), script), []);
        }
    }

    #[test]
    fn a_bound_of_the_scenario_counts_whatever_the_budget_is() {
        for (took_ns, broken) in [(10_000_000_000, false), (10_000_000_001, true)] {
            let mut script = Script::new();
            script.stop_requested(30_000_000_000).after_ns(took_ns).exited(Death::Exit { code: 0 });
            let violations = run(BoundedShutdown::within(Some(10_000_000_000)), script);
            assert_eq!(!violations.is_empty(), broken, "{violations:?}");
            let sentence = violations.first().map_or("", |violation| &violation.sentence);
            assert!(
                sentence.is_empty() || sentence.ends_with("to stop after it was asked to, more than 10 s"),
                "{sentence}"
            );
        }
    }

    #[test]
    fn a_second_request_is_harmless_and_gives_no_more_time() {
        let mut script = Script::new();
        script.stop_requested(30_000_000_000).after_ns(20_000_000_000).stop_requested(30_000_000_000);
        script.after_ns(5_000_000_000).exited(Death::Exit { code: 0 });
        assert_eq!(run(BoundedShutdown::default(), script), []);
    }
}
