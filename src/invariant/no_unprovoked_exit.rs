//! *no-unprovoked-exit*: no service fails before any fault has struck and although nobody asked it to stop. After a fault on another node,
//! *blast-radius* judges; a service that a fault has struck may fail.
//!
//! A service that its supervisor starts again does not count until the supervisor gives up: *no-crash-loop* watches it meanwhile. A panic
//! breaks *no-silent-panic* first.

use super::contract::{Facts, Monitor};
use super::deaths::is_failure;
use super::last_words::Failed;
use crate::model::role::role_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, NodeId, What};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const ID: &str = "no-unprovoked-exit";

/// The services of a run that no fault has struck yet.
#[derive(Default)]
pub(super) struct NoUnprovokedExit {
    services: BTreeSet<NodeId>,
    struck: bool,
    asked_to_stop: BTreeSet<NodeId>,
    panics: BTreeMap<NodeId, Name>,
}

impl NoUnprovokedExit {
    /// For these services.
    pub(super) fn of(services: impl IntoIterator<Item = NodeId>) -> Self {
        Self { services: services.into_iter().collect(), ..Self::default() }
    }
}

impl Monitor for NoUnprovokedExit {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        !self.services.is_empty()
            && matches!(
                what,
                What::Fault { .. }
                    | What::Started
                    | What::StopRequested { .. }
                    | What::Panicked { .. }
                    | What::Exited { .. }
            )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let node = event.node;
        match event.what {
            What::Fault { .. } => self.struck = true,
            What::Started => {
                self.asked_to_stop.remove(&node);
                self.panics.remove(&node);
            }
            What::StopRequested { .. } => {
                self.asked_to_stop.insert(node);
            }
            What::Panicked { message, .. } => {
                self.panics.insert(node, message);
            }
            What::Exited { how } if is_failure(how) && !self.struck && self.services.contains(&node) => {
                if self.asked_to_stop.contains(&node) || facts.will_restart(node) {
                    return None;
                }
                let name = facts.node(node);
                let panic = facts.text(self.panics.get(&node).copied().unwrap_or(Name::NONE));
                let failed = Failed::of(node, how, " before any fault", panic, facts);
                return Some(Violation {
                    invariant: ID.to_owned(),
                    class: failed.class,
                    sites: vec![role_of(name).to_owned()],
                    subject: name.to_owned(),
                    sentence: format!("{name} {}", failed.sentence),
                    at: event.seq,
                    turning: failed.lines,
                    origins: Vec::new(),
                });
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;
    use afterlife_sim::event::{Death, Seq};

    const FAILED: Death = Death::Exit { code: 1 };
    const FAULT: What = What::Fault { kind: Name::NONE, injection: 0, detail: Name::NONE };

    fn check(script: Script) -> Vec<Violation> {
        run(NoUnprovokedExit::of([NodeId(0), NodeId(1)]), script)
    }

    #[test]
    fn a_service_that_fails_by_itself_breaks_it_in_its_own_words() {
        let mut script = Script::new();
        script.happens(What::Started).printed("Error: config.toml: no such file").exited(FAILED);
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 failed before any fault: config.toml: no such file");
        assert_eq!(violation.signature().to_string(), "no-unprovoked-exit · config.toml: no such file · node");
        assert_eq!(violation.turning, [Seq(1)]);
    }

    #[test]
    fn a_service_that_printed_nothing_is_told_by_its_end() {
        let mut script = Script::new();
        script.happens(What::Started).exited(Death::Exit { code: 3 });
        assert_eq!(check(script)[0].sentence, "node-0 ended with exit code 3 before any fault, and printed nothing");
        let mut script = Script::new();
        script.happens(What::Started).printed("compacting").exited(Death::OutOfMemory);
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(
            violation.sentence,
            "node-0 died out of memory before any fault; the last line that it printed: compacting"
        );
        assert_eq!(violation.class, "died out of memory");
    }

    #[test]
    fn after_a_fault_on_any_node_others_judge() {
        let mut script = Script::new();
        script.on(1).happens(FAULT).on(0).exited(FAILED);
        assert_eq!(check(script), []);
    }

    #[test]
    fn an_end_in_order_or_on_request_keeps_it() {
        for how in [Death::Exit { code: 0 }, Death::Kill] {
            let mut script = Script::new();
            script.exited(how);
            assert_eq!(check(script), []);
        }
        let mut script = Script::new();
        script.happens(What::Started).stop_requested(1).exited(FAILED);
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_service_that_is_started_again_is_left_to_its_supervisor() {
        let mut script = Script::new();
        script.with_restarts().exited(FAILED);
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_client_does_not_count() {
        let mut script = Script::new();
        script.on(2).exited(FAILED);
        assert_eq!(check(script), []);
    }
}
