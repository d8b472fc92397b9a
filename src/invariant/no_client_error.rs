//! *no-client-error*: every client and verifier ends without an error, as in any test framework. A scenario names those that may fail with
//! [`Sim::may_fail`](crate::Sim::may_fail).
//!
//! Ends that the plan caused on the client itself do not count: those after a stop request, a lack of memory while a fault makes it
//! scarce, and any failure while a fault makes the client's disk refuse operations. A client that its supervisor starts again has not
//! ended. A panic breaks *no-silent-panic* first.

use super::contract::{Facts, Monitor};
use super::deaths::{is_by_a_fault, is_failure};
use super::last_words::Failed;
use crate::model::role::role_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Death, Event, Name, NodeId, Seq, What};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const ID: &str = "no-client-error";

/// The clients and verifiers that may not fail, and the services that have failed.
#[derive(Default)]
pub(super) struct NoClientError {
    clients: BTreeSet<NodeId>,
    asked_to_stop: BTreeSet<NodeId>,
    panics: BTreeMap<NodeId, Name>,
    /// The services that are down after a failure, with the end of each.
    down: BTreeMap<NodeId, (Seq, String)>,
}

impl NoClientError {
    /// For these clients and verifiers, except those that may fail.
    pub(super) fn of(clients: impl IntoIterator<Item = NodeId>, may_fail: &BTreeSet<NodeId>) -> Self {
        Self { clients: clients.into_iter().filter(|node| !may_fail.contains(node)).collect(), ..Self::default() }
    }

    fn ended(&mut self, how: Death, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let node = event.node;
        let name = facts.node(node);
        if !is_failure(how) {
            return None;
        }
        let panic = facts.text(self.panics.get(&node).copied().unwrap_or(Name::NONE));
        let Failed { sentence, class, lines } = Failed::of(node, how, "", panic, facts);
        if !self.clients.contains(&node) {
            self.down.insert(node, (event.seq, format!("{name} {sentence}")));
            return None;
        }
        if is_by_a_fault(how, node, facts) || self.asked_to_stop.contains(&node) || facts.will_restart(node) {
            return None;
        }
        // The reason is often a service that is not there any more.
        let down = self.down.values().max_by_key(|(at, _)| *at);
        let why = down.map_or(String::new(), |(_, failed)| format!("; before that, {failed}"));
        Some(Violation {
            invariant: ID.to_owned(),
            class,
            sites: vec![role_of(name).to_owned()],
            subject: name.to_owned(),
            sentence: format!("{name} {sentence}{why}"),
            at: event.seq,
            turning: lines.into_iter().chain(down.map(|(at, _)| *at)).collect(),
            origins: Vec::new(),
        })
    }
}

impl Monitor for NoClientError {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        !self.clients.is_empty()
            && matches!(what, What::Started | What::StopRequested { .. } | What::Panicked { .. } | What::Exited { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let node = event.node;
        match event.what {
            What::Started => {
                self.asked_to_stop.remove(&node);
                self.panics.remove(&node);
                self.down.remove(&node);
                None
            }
            What::StopRequested { .. } => {
                self.asked_to_stop.insert(node);
                None
            }
            What::Panicked { message, .. } => {
                self.panics.insert(node, message);
                None
            }
            What::Exited { how } => self.ended(how, event, facts),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    const FAILED: Death = Death::Exit { code: 1 };

    /// Node 0 is a client, node 1 a client that may fail, and the others are services.
    fn check(script: &Script) -> Vec<Violation> {
        run(NoClientError::of([NodeId(0), NodeId(1)], &BTreeSet::from([NodeId(1)])), script.clone())
    }

    #[test]
    fn a_client_that_returns_an_error_breaks_it_in_its_own_words() {
        let mut script = Script::new();
        script.happens(What::Started).printed("sending").printed("Error: POST /orders/17: refused").exited(FAILED);
        let [violation] = &check(&script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 failed: POST /orders/17: refused");
        assert_eq!(violation.signature().to_string(), "no-client-error · POST /orders/#: refused · node");
        assert_eq!(violation.turning, [Seq(2)]);
    }

    #[test]
    fn a_client_that_printed_nothing_is_told_by_its_end() {
        for (how, sentence) in [
            (Death::Exit { code: 3 }, "node-0 ended with exit code 3, and printed nothing"),
            (Death::OutOfMemory, "node-0 died out of memory, and printed nothing"),
            (Death::Signal { signal: 11 }, "node-0 died by signal 11, and printed nothing"),
        ] {
            let mut script = Script::new();
            script.happens(What::Started).exited(how);
            assert_eq!(check(&script)[0].sentence, sentence);
        }
    }

    #[test]
    fn a_panic_is_told_by_its_message() {
        let mut script = Script::new();
        script
            .happens(What::Started)
            .printed("sending")
            .panicked("totals\n  left: 3", "src/a.rs:1")
            .exited(Death::Panic);
        assert_eq!(check(&script)[0].sentence, "node-0 panicked: totals; left: 3");
    }

    #[test]
    fn the_failed_service_that_it_needed_is_named() {
        let mut script = Script::new();
        script.on(2).happens(What::Started).printed("Error: no such file").exited(FAILED);
        script.on(0).printed("Error: refused").exited(FAILED);
        let [violation] = &check(&script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 failed: refused; before that, node-2 failed: no such file");
        assert_eq!(violation.turning, [Seq(3), Seq(2)]);
        assert_eq!(violation.signature().to_string(), "no-client-error · refused · node");
    }

    #[test]
    fn an_end_without_an_error_keeps_it() {
        for how in [Death::Exit { code: 0 }, Death::Kill, Death::PowerLoss, Death::Overrun] {
            let mut script = Script::new();
            script.happens(What::Started).exited(how);
            assert_eq!(check(&script), []);
        }
    }

    #[test]
    fn a_client_that_may_fail_and_a_service_do_not_count() {
        for node in [1, 2] {
            let mut script = Script::new();
            script.on(node).exited(FAILED);
            assert_eq!(check(&script), []);
        }
    }

    #[test]
    fn an_end_that_a_fault_on_the_client_caused_does_not_count() {
        let mut stopped = Script::new();
        stopped.happens(What::Started).stop_requested(1).exited(FAILED);
        let (mut squeezed, mut refused) = (Script::new(), Script::new());
        squeezed.with_scarce_memory().exited(Death::OutOfMemory);
        refused.with_failing_disk().exited(FAILED);
        for script in [stopped, squeezed, refused] {
            assert_eq!(check(&script), []);
        }
    }

    #[test]
    fn a_client_that_is_started_again_has_not_ended() {
        let mut script = Script::new();
        script.with_restarts().exited(FAILED);
        assert_eq!(check(&script), []);
    }
}
