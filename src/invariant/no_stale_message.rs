//! *no-stale-message*: a process receives no message that was sent to its predecessor, and none from an earlier incarnation of
//! the sender once it has received from a later one.
//!
//! It is off by default; `Sim::turn_on` turns it on. A network may deliver such messages, and a program that marks its messages
//! with an epoch or an incarnation rightly ignores them. It is for protocols that promise that this cannot happen: those that
//! fence, wait out old messages, or bind connections to an incarnation.

use super::contract::{Facts, Monitor};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, What};

pub(super) const ID: &str = "no-stale-message";

/// Stateless: the kernel notices.
#[derive(Default)]
pub(super) struct NoStaleMessage;

impl Monitor for NoStaleMessage {
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
            format!("{name}, in incarnation {}, received {what} for its incarnation {incarnation}", event.incarnation)
        } else {
            format!(
                "{name} received {what} of incarnation {incarnation} of {other} after it had received from a later one"
            )
        };
        Some(Violation {
            invariant: ID.to_owned(),
            class: if conn == u32::MAX { "datagram" } else { "connection" }.to_owned(),
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
    use afterlife_sim::event::NodeId;

    #[test]
    fn a_stale_message_breaks_it_and_names_the_incarnation() {
        let mut script = Script::new();
        script.stale(NodeId(0), 1, u32::MAX).stale(NodeId(1), 2, 7);
        let sentences: Vec<String> =
            run(NoStaleMessage, script).into_iter().map(|violation| violation.sentence).collect();
        assert_eq!(
            sentences,
            [
                "node-0, in incarnation 1, received a datagram for its incarnation 1",
                "node-0 received bytes of a connection of incarnation 2 of node-1 after it had received from a later one",
            ]
        );
    }
}
