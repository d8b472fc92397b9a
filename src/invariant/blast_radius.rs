//! A fault on one node ends processes on that node only: no service on a node that no fault has struck ends badly after one has
//! struck another. It is on by default: a service that cannot bear the loss of a peer is what cascades are made of. It goes
//! by the order of things, not by their cause; so a service that ended badly before any fault struck, and may do so
//! by itself, is not looked at. A fault of a link strikes both of its sides, and clients do not count.

use super::contract::{Facts, Invariant};
use super::deaths::ended;
use super::deaths::is_failure;
use super::site::class_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, NodeId, Seq, What};
use std::collections::BTreeSet;

pub(super) const ID: &str = "blast-radius";

/// Knows whom each fault strikes, and whom one has.
#[derive(Default)]
pub(super) struct BlastRadius {
    /// Whom each injection of the plan strikes.
    strikes: Vec<Vec<NodeId>>,
    /// Who is no service.
    clients: BTreeSet<NodeId>,
    struck: BTreeSet<NodeId>,
    last: Option<Seq>,
    /// Who ended badly before any fault.
    frail: BTreeSet<NodeId>,
}

impl BlastRadius {
    /// For a plan whose injections strike these nodes, where these are clients.
    pub(super) fn of(strikes: Vec<Vec<NodeId>>, clients: impl IntoIterator<Item = NodeId>) -> Self {
        Self { strikes, clients: clients.into_iter().collect(), ..Self::default() }
    }
}

impl Invariant for BlastRadius {
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
                    sites: vec![class_of(node)],
                    subject: node.to_owned(),
                    sentence: format!("{node} {how}, although no fault had struck it: only others"),
                    at: event.seq,
                    turning: vec![fault],
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
    fn a_service_that_ends_badly_after_a_fault_elsewhere_breaks_it() {
        for how in BAD {
            let mut script = Script::new();
            script.happens(FAULT).exited(Death::Kill).on(2).exited(how);
            let [violation] = &check(script)[..] else { panic!("one violation") };
            assert_eq!(violation.turning, [Seq(0)]);
            assert_eq!(violation.sites, ["node"]);
        }
        let mut script = Script::new();
        script.happens(FAULT).on(2).exited(BAD[0]);
        let said = &check(script)[0].sentence;
        assert_eq!(said, "node-2 ended with exit code 1, although no fault had struck it: only others");
    }

    #[test]
    fn who_was_struck_may_end_and_so_may_either_side_of_a_link() {
        for node in [0, 1] {
            let mut script = Script::new();
            script.happens(FAULT).on(node).exited(Death::Panic);
            assert_eq!(check(script), []);
        }
    }

    #[test]
    fn a_good_end_and_a_kill_are_none_of_its_business() {
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
    fn who_ended_badly_without_any_fault_may_do_so_again() {
        let mut script = Script::new();
        script.on(2).exited(Death::Abort).on(0).happens(FAULT).on(2).exited(Death::Abort);
        assert_eq!(check(script), []);
    }
}
