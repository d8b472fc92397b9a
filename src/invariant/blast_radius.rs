//! *blast-radius*: a fault on one node ends processes on that node only. A service on a node that no fault has struck must not fail
//! after a fault has struck another node: cascades begin with services that do not survive the loss of a peer.
//!
//! The order of events decides, not their causes. So a service that failed before any fault, and may fail by itself, does not
//! count. A link fault strikes both ends of its link. Clients do not count.

use super::contract::{Facts, Monitor};
use super::deaths::ended;
use super::deaths::is_failure;
use crate::model::role::role_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, NodeId, Seq, What};
use std::collections::BTreeSet;

pub(super) const ID: &str = "blast-radius";

/// The nodes that each fault strikes, and those that were struck.
#[derive(Default)]
pub(super) struct BlastRadius {
    /// The nodes that each injection of the plan strikes.
    strikes: Vec<Vec<NodeId>>,
    /// The nodes that are not services.
    clients: BTreeSet<NodeId>,
    struck: BTreeSet<NodeId>,
    last: Option<Seq>,
    /// The nodes that failed before any fault.
    frail: BTreeSet<NodeId>,
}

impl BlastRadius {
    /// For a plan whose injections strike these nodes, where these are clients.
    pub(super) fn of(strikes: Vec<Vec<NodeId>>, clients: impl IntoIterator<Item = NodeId>) -> Self {
        Self { strikes, clients: clients.into_iter().collect(), ..Self::default() }
    }
}

impl Monitor for BlastRadius {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Fault { .. } | What::Exited { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        match event.what {
            What::Fault { injection, .. } => {
                self.last = Some(event.seq);
                self.struck.insert(event.node);
                self.struck.extend(self.strikes.get(injection as usize).into_iter().flatten());
                None
            }
            What::Exited { how } if is_failure(how) && !self.clients.contains(&event.node) => {
                let Some(fault) = self.last else {
                    self.frail.insert(event.node);
                    return None;
                };
                if self.struck.contains(&event.node) || self.frail.contains(&event.node) {
                    return None;
                }
                let (node, how) = (facts.node(event.node), ended(how));
                Some(Violation {
                    invariant: ID.to_owned(),
                    class: how.clone(),
                    sites: vec![role_of(node).to_owned()],
                    subject: node.to_owned(),
                    sentence: format!("{node} {how}, although faults had struck only other nodes"),
                    at: event.seq,
                    turning: vec![fault],
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
    use afterlife_sim::event::{Death, Name};

    const FAULT: What = What::Fault { kind: Name::NONE, injection: 0, detail: Name::NONE };
    const BAD: [Death; 5] =
        [Death::Exit { code: 1 }, Death::Panic, Death::Abort, Death::OutOfMemory, Death::Signal { signal: 11 }];

    fn check(script: Script) -> Vec<Violation> {
        run(BlastRadius::of(vec![vec![NodeId(0), NodeId(1)]], [NodeId(3)]), script)
    }

    #[test]
    fn a_service_that_fails_after_a_fault_elsewhere_breaks_it() {
        for how in BAD {
            let mut script = Script::new();
            script.happens(FAULT).exited(Death::Kill).on(2).exited(how);
            let [violation] = &check(script)[..] else { panic!("one violation") };
            assert_eq!(violation.turning, [Seq(0)]);
            assert_eq!(violation.sites, ["node"]);
        }
        let mut script = Script::new();
        script.happens(FAULT).on(2).exited(BAD[0]);
        let sentence = &check(script)[0].sentence;
        assert_eq!(sentence, "node-2 ended with exit code 1, although faults had struck only other nodes");
    }

    #[test]
    fn a_struck_node_may_fail_and_so_may_either_end_of_a_link() {
        for node in [0, 1] {
            let mut script = Script::new();
            script.happens(FAULT).on(node).exited(Death::Panic);
            assert_eq!(check(script), []);
        }
    }

    #[test]
    fn an_orderly_end_and_a_kill_do_not_count() {
        for how in [Death::Exit { code: 0 }, Death::Kill, Death::Overrun, Death::PowerLoss] {
            let mut script = Script::new();
            script.happens(FAULT).on(2).exited(how);
            assert_eq!(check(script), []);
        }
    }

    #[test]
    fn a_client_does_not_count() {
        let mut script = Script::new();
        script.happens(FAULT).on(3).exited(Death::Panic);
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_service_that_failed_without_any_fault_may_fail_again() {
        let mut script = Script::new();
        script.on(2).exited(Death::Abort).on(0).happens(FAULT).on(2).exited(Death::Abort);
        assert_eq!(check(script), []);
    }
}
