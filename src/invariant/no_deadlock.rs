//! *no-deadlock*: no process waits for something that can never happen: when nothing can run and no deadline is left, no process is
//! at work. An idle service is not at work; a client that has not ended is, and so is a process that was asked to stop.

use super::contract::{Facts, Monitor};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, NodeId, What};
use std::collections::BTreeSet;

pub(super) const ID: &str = "no-deadlock";

/// The nodes that are at work.
#[derive(Default)]
pub(super) struct NoDeadlock {
    stopping: BTreeSet<NodeId>,
    clients: BTreeSet<NodeId>,
}

impl NoDeadlock {
    /// For these clients.
    pub(super) fn of_clients(clients: impl IntoIterator<Item = NodeId>) -> Self {
        Self { stopping: BTreeSet::new(), clients: clients.into_iter().collect() }
    }
}

impl Monitor for NoDeadlock {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::StopRequested { .. } | What::Exited { .. } | What::Quiescent)
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        match event.what {
            What::StopRequested { .. } => {
                self.stopping.insert(event.node);
                None
            }
            What::Exited { .. } => {
                self.stopping.remove(&event.node);
                self.clients.remove(&event.node);
                None
            }
            What::Quiescent => {
                let node = *self.clients.iter().chain(&self.stopping).next()?;
                let name = facts.node(node);
                let waits: Vec<String> =
                    facts.threads().into_iter().filter(|line| line.starts_with(&format!("{name} "))).collect();
                let work = if self.clients.contains(&node) { "its work" } else { "its shutdown" };
                Some(Violation {
                    invariant: ID.to_owned(),
                    class: work.to_owned(),
                    sites: Vec::new(),
                    subject: name.to_owned(),
                    sentence: format!(
                        "{name} never ends {work}: nothing can run and no deadline is left ({})",
                        waits.join("; ")
                    ),
                    at: event.seq,
                    turning: Vec::new(),
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
    use afterlife_sim::event::Death;

    #[test]
    fn a_client_that_waits_for_nothing_breaks_it() {
        let mut script = Script::new();
        script.quiescent();
        let [violation] = &run(NoDeadlock::of_clients([NodeId(0)]), script)[..] else { panic!("one violation") };
        assert!(violation.sentence.starts_with("node-0 never ends its work"), "{}", violation.sentence);
    }

    #[test]
    fn an_idle_service_keeps_it() {
        let mut script = Script::new();
        script.exited(Death::Exit { code: 0 }).quiescent();
        assert_eq!(run(NoDeadlock::of_clients([NodeId(0)]), script), []);
    }

    #[test]
    fn a_stop_that_waits_forever_breaks_it() {
        let mut script = Script::new();
        script.stop_requested(u64::MAX).quiescent();
        let [violation] = &run(NoDeadlock::default(), script)[..] else { panic!("one violation") };
        assert!(violation.sentence.starts_with("node-0 never ends its shutdown"), "{}", violation.sentence);
    }
}
