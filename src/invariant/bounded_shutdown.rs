//! A process that was asked to stop has stopped within its budget.
//! It says nothing of what the stop lost.

use super::{Facts, Invariant, class_of};
use crate::fault::span;
use crate::finding::Violation;
use afterlife_sim::event::{Death, Event, NodeId, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "bounded-shutdown";

/// Remembers which stop is open on which node.
#[derive(Default)]
pub(super) struct BoundedShutdown {
    asked: BTreeMap<NodeId, (Seq, u64)>,
}

impl Invariant for BoundedShutdown {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::StopRequested { .. } | What::Exited { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        match event.what {
            What::StopRequested { budget_ns } => {
                self.asked.insert(event.node, (event.seq, budget_ns));
                None
            }
            What::Exited { how } => {
                let (seq, budget_ns) = self.asked.remove(&event.node)?;
                if how != Death::Overrun {
                    return None;
                }
                let (node, budget) = (facts.node(event.node), span(budget_ns));
                Some(Violation {
                    invariant: ID.to_owned(),
                    class: class_of(node),
                    sites: Vec::new(),
                    subject: format!("{node}, budget {budget}"),
                    sentence: format!("{node} had not stopped {budget} after it was asked to, and was killed"),
                    at: event.seq,
                    turning: vec![seq],
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
}
