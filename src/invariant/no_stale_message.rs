//! No message reaches a process that belongs to another life: one that was meant for its predecessor, or one that its
//! sender's predecessor sent, after the process has heard from the successor.
//!
//! It is off unless a scenario turns it on with `Sim::also`. A network may deliver such messages, and a program that marks
//! its messages with an epoch or an incarnation ignores them rightly; so for most systems the event in the story is what
//! is wanted, and a claim about what came of it. It is for protocols that promise that it cannot happen: who fences, waits
//! out old messages, or binds connections to an incarnation.

use super::contract::{Facts, Invariant};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, What};

pub(super) const ID: &str = "no-stale-message";

/// Has nothing to remember: the room notices.
#[derive(Default)]
pub(super) struct NoStaleMessage;

impl Invariant for NoStaleMessage {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Stale { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let What::Stale { of, incarnation, conn } = event.what else { return None };
        let (name, other) = (facts.node(event.node), facts.node(of));
        let what = if conn == u32::MAX { "a datagram" } else { "bytes of a connection" };
        let sentence = if of == event.node {
            format!("{name}, in life {}, received {what} that was meant for its life {incarnation}", event.incarnation)
        } else {
            format!("{name} received {what} of life {incarnation} of {other} after it had heard from a later one")
        };
        Some(Violation {
            invariant: ID.to_owned(),
            class: if conn == u32::MAX { "datagram" } else { "connection" }.to_owned(),
            sites: Vec::new(),
            subject: name.to_owned(),
            sentence,
            at: event.seq,
            turning: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;
    use afterlife_sim::event::NodeId;

    #[test]
    fn a_stale_message_breaks_it_and_says_whose_it_was() {
        let mut script = Script::new();
        script.stale(NodeId(0), 1, u32::MAX).stale(NodeId(1), 2, 7);
        let said: Vec<String> = run(NoStaleMessage, script).into_iter().map(|it| it.sentence).collect();
        assert_eq!(
            said,
            [
                "node-0, in life 1, received a datagram that was meant for its life 1",
                "node-0 received bytes of a connection of life 2 of node-1 after it had heard from a later one",
            ]
        );
    }
}
