//! *one-incarnation*: at most one incarnation of a node runs, and none acts after its end. It checks the simulation rather than the
//! system in it.
//!
//! A *message* of an earlier incarnation that reaches a later one does not break it: networks deliver such messages, and a sound
//! program distinguishes them from current ones. See `no_stale_message`.

use super::contract::{Facts, Monitor};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, NodeId, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "one-incarnation";

/// The running incarnation of each node.
#[derive(Default)]
pub(super) struct OneIncarnation {
    running: BTreeMap<NodeId, u16>,
}

impl Monitor for OneIncarnation {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        // Actions of threads, except frequent ones.
        matches!(
            what,
            What::Started
                | What::Exited { .. }
                | What::Listening { .. }
                | What::Connecting { .. }
                | What::Accepted { .. }
                | What::FileOpened { .. }
                | What::EntryChanged { .. }
                | What::Panicked { .. }
                | What::ResourceOpened { .. }
                | What::ResourceClosed { .. }
                | What::Phase { .. }
                | What::Reached { .. }
                | What::Noted { .. }
                | What::Completed { .. }
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        if event.node == NodeId::SIMULATION {
            return None;
        }
        let running = self.running.get(&event.node).copied();
        let name = facts.node(event.node);
        let incarnation = event.incarnation;
        let sentence = match (event.what, running) {
            (What::Started, None) => {
                self.running.insert(event.node, incarnation);
                return None;
            }
            (What::Started, Some(other)) => {
                format!("incarnation {incarnation} of {name} began while incarnation {other} ran")
            }
            (What::Exited { .. }, _) => {
                self.running.remove(&event.node);
                return None;
            }
            (_, Some(running)) if running == incarnation => return None,
            // The simulation acts on a node that is down, such as by removing a file, without a thread.
            (_, None) if event.thread == 0 => return None,
            (_, Some(running)) => format!("incarnation {incarnation} of {name} acted while incarnation {running} ran"),
            (_, None) => format!("incarnation {incarnation} of {name} acted after its end"),
        };
        Some(Violation {
            invariant: ID.to_owned(),
            class: "incarnation".to_owned(),
            sites: Vec::new(),
            subject: name.to_owned(),
            sentence,
            at: event.seq,
            turning: Vec::new(),
            origins: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;
    use afterlife_sim::event::Death;

    #[test]
    fn one_incarnation_after_the_other_holds() {
        let mut script = Script::new();
        script.started(1).note(1, 1).exited(Death::Kill).started(2).note(2, 1).exited(Death::Kill);
        assert_eq!(run(OneIncarnation::default(), script), []);
    }

    #[test]
    fn an_incarnation_that_begins_before_the_last_one_ended_breaks_it() {
        let mut script = Script::new();
        script.started(1).started(2);
        let [violation] = &run(OneIncarnation::default(), script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "incarnation 2 of node-0 began while incarnation 1 ran");
    }

    #[test]
    fn an_act_of_an_incarnation_that_is_over_breaks_it() {
        let mut script = Script::new();
        script.started(1).exited(Death::Kill).note(1, 3).started(2).note(1, 3);
        let sentences: Vec<String> =
            run(OneIncarnation::default(), script).into_iter().map(|violation| violation.sentence).collect();
        assert_eq!(
            sentences,
            ["incarnation 1 of node-0 acted after its end", "incarnation 1 of node-0 acted while incarnation 2 ran"]
        );
    }
}
