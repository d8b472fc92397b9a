//! Never two incarnations of a node at once, and no act of one that is over.
//! It checks the room itself rather than the system in it, and costs a look at one number for each event that it sees.
//!
//! A *message* of an earlier incarnation that reaches a later one is no violation of it: networks deliver such messages,
//! and a sound program tells them from current ones. See `no_stale_message`, which a scenario turns on.

use super::contract::{Facts, Invariant};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, NodeId, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "one-incarnation";

/// Knows which incarnation of each node runs.
#[derive(Default)]
pub(super) struct OneIncarnation {
    running: BTreeMap<NodeId, u16>,
}

impl Invariant for OneIncarnation {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        // What a thread does by its own will and does not do often.
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
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        if event.node == NodeId::SIMULATION {
            return None;
        }
        let running = self.running.get(&event.node).copied();
        let name = facts.node(event.node);
        let life = event.incarnation;
        let said = match (event.what, running) {
            (What::Started, None) => {
                self.running.insert(event.node, life);
                return None;
            }
            (What::Started, Some(other)) => format!("life {life} of {name} began while life {other} ran"),
            (What::Exited { .. }, _) => {
                self.running.remove(&event.node);
                return None;
            }
            (_, Some(running)) if running == life => return None,
            // What the room does to a node that is down, such as removing a file of it, has no thread of a life.
            (_, None) if event.thread == 0 => return None,
            (_, Some(running)) => format!("life {life} of {name} acted, and life {running} runs"),
            (_, None) => format!("life {life} of {name} acted after its end"),
        };
        Some(Violation {
            invariant: ID.to_owned(),
            class: "incarnation".to_owned(),
            sites: Vec::new(),
            subject: name.to_owned(),
            sentence: said,
            at: event.seq,
            turning: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;
    use afterlife_sim::event::Death;

    #[test]
    fn one_life_after_the_other_holds() {
        let mut script = Script::new();
        script.started(1).note(1, 1).exited(Death::Kill).started(2).note(2, 1).exited(Death::Kill);
        assert_eq!(run(OneIncarnation::default(), script), []);
    }

    #[test]
    fn a_life_that_begins_before_the_last_one_ended_breaks_it() {
        let mut script = Script::new();
        script.started(1).started(2);
        let [violation] = &run(OneIncarnation::default(), script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "life 2 of node-0 began while life 1 ran");
    }

    #[test]
    fn an_act_of_a_life_that_is_over_breaks_it() {
        let mut script = Script::new();
        script.started(1).exited(Death::Kill).note(1, 3).started(2).note(1, 3);
        let said: Vec<String> = run(OneIncarnation::default(), script).into_iter().map(|it| it.sentence).collect();
        assert_eq!(said, ["life 1 of node-0 acted after its end", "life 1 of node-0 acted, and life 2 runs"]);
    }
}
