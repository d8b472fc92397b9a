//! *joined-before-teardown*: every borrower and every task of an object has ended before the object is torn down. A task that was
//! cancelled while it was queued has ended: it never ran and never will.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "joined-before-teardown";

#[derive(Clone, Copy)]
struct Held {
    seq: Seq,
    name: Name,
    site: Name,
    /// True if it is a task that has not begun.
    queued: bool,
    /// True if it is a task that was asked to stop.
    cancelled: bool,
    /// The moment at which the owner reported that all its tasks had ended.
    joined: Option<(Seq, Name)>,
}

#[derive(Default)]
struct Owner {
    held: BTreeMap<u64, Held>,
    gone: Option<(Seq, Name)>,
}

/// The borrowers and tasks of each resource and scope, by object number.
#[derive(Default)]
pub(super) struct JoinedBeforeTeardown {
    owners: BTreeMap<u32, Owner>,
}

impl Monitor for JoinedBeforeTeardown {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        match what {
            What::ResourceClosed { .. } => true,
            What::Probe { step, .. } => matches!(
                step,
                ProbeEvent::Borrowed
                    | ProbeEvent::Returned
                    | ProbeEvent::TaskQueued
                    | ProbeEvent::TaskBegan
                    | ProbeEvent::TaskCancelled
                    | ProbeEvent::TaskEnded
                    | ProbeEvent::Joined
                    | ProbeEvent::ScopeClosed
            ),
            _ => false,
        }
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        match event.what {
            What::ResourceClosed { name, object, site } => {
                let owner = self.owners.remove(&object)?;
                let held = owner.held.into_values().next()?;
                let (node, name) = (facts.node(event.node), facts.text(name));
                let sentence = format!("{node} closed {name} while it was borrowed");
                Some(violation(event, facts, name, [site, held.site], held.seq, sentence))
            }
            What::Probe { step, name, object, number, site } => {
                self.probe_event(event, facts, step, (name, object, number, site))
            }
            _ => None,
        }
    }
}

impl JoinedBeforeTeardown {
    fn probe_event(
        &mut self,
        event: &Event,
        facts: &dyn Facts,
        step: ProbeEvent,
        (name, object, number, site): (Name, u32, u64, Name),
    ) -> Option<Violation> {
        let owner = self.owners.entry(object).or_default();
        let new =
            Held { seq: event.seq, name, site, queued: step == ProbeEvent::TaskQueued, cancelled: false, joined: None };
        match step {
            ProbeEvent::Borrowed | ProbeEvent::TaskQueued => {
                owner.held.insert(number, new);
                None
            }
            ProbeEvent::Returned | ProbeEvent::TaskEnded => {
                owner.held.remove(&number);
                None
            }
            ProbeEvent::TaskCancelled => {
                owner.held.entry(number).and_modify(|held| held.cancelled = true);
                None
            }
            ProbeEvent::TaskBegan => {
                let held = owner.held.entry(number).or_insert(new);
                (held.queued, held.seq, held.site) = (false, event.seq, site);
                let (node, task) = (facts.node(event.node), facts.text(name));
                let (since, since_site, sentence) = match (owner.gone, held.joined) {
                    (Some((gone, gone_site)), _) => {
                        (gone, gone_site, format!("task {task} of {node} began although its owner was gone"))
                    }
                    (None, Some((joined, joined_site))) => {
                        let sentence =
                            format!("task {task} of {node} began although its owner had reported that it ended");
                        (joined, joined_site, sentence)
                    }
                    (None, None) => return None,
                };
                Some(violation(event, facts, task, [site, since_site], since, sentence))
            }
            ProbeEvent::Joined | ProbeEvent::ScopeClosed => {
                if step == ProbeEvent::ScopeClosed {
                    owner.gone = Some((event.seq, site));
                }
                let Some(running) = owner.held.values().find(|held| !(held.queued && held.cancelled)).copied() else {
                    owner.held.values_mut().for_each(|held| held.joined = Some((event.seq, site)));
                    return None;
                };
                let (node, scope, task) = (facts.node(event.node), facts.text(name), facts.text(running.name));
                let how = if running.queued { "was still queued" } else { "still ran" };
                let did = if step == ProbeEvent::Joined { "reported that all tasks had ended" } else { "closed" };
                let sentence = format!("{scope} of {node} {did} while task {task} {how}");
                Some(violation(event, facts, scope, [site, running.site], running.seq, sentence))
            }
            _ => None,
        }
    }
}

fn violation(
    event: &Event,
    facts: &dyn Facts,
    class: &str,
    sites: [Name; 2],
    turning: Seq,
    sentence: String,
) -> Violation {
    Violation {
        invariant: ID.to_owned(),
        class: class.to_owned(),
        sites: sites.map(|site| file_of(facts.text(site))).into(),
        subject: class.to_owned(),
        sentence,
        at: event.seq,
        turning: vec![turning],
        origins: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    fn check(script: Script) -> Vec<Violation> {
        run(JoinedBeforeTeardown::default(), script)
    }

    fn sentences(script: Script) -> Vec<String> {
        check(script).into_iter().map(|violation| violation.sentence).collect()
    }

    #[test]
    fn a_close_under_a_borrow_breaks_it() {
        let mut script = Script::new();
        script.open("db", 1).probe(ProbeEvent::Borrowed, "db", 1, 7).closed("db", 1);
        assert_eq!(sentences(script), ["node-0 closed db while it was borrowed"]);
    }

    #[test]
    fn a_close_after_every_borrow_has_been_returned_keeps_it() {
        let mut script = Script::new();
        script.open("db", 1).probe(ProbeEvent::Borrowed, "db", 1, 7).probe(ProbeEvent::Borrowed, "db", 1, 8);
        script.probe(ProbeEvent::Returned, "db", 1, 7).probe(ProbeEvent::Returned, "db", 1, 8).closed("db", 1);
        assert_eq!(check(script), []);
    }

    #[test]
    fn an_owner_that_closes_while_its_task_runs_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::ScopeOpened, "downloads", 1, 0).probe(ProbeEvent::TaskQueued, "sst-3", 1, 2);
        script.probe(ProbeEvent::TaskBegan, "sst-3", 1, 2).probe(ProbeEvent::TaskCancelled, "sst-3", 1, 2);
        script.probe(ProbeEvent::ScopeClosed, "downloads", 1, 0);
        assert_eq!(sentences(script), ["downloads of node-0 closed while task sst-3 still ran"]);
    }

    #[test]
    fn a_task_that_was_cancelled_while_still_queued_keeps_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::ScopeOpened, "downloads", 1, 0).probe(ProbeEvent::TaskQueued, "sst-3", 1, 2);
        script.probe(ProbeEvent::TaskCancelled, "sst-3", 1, 2).probe(ProbeEvent::Joined, "downloads", 1, 0);
        script.probe(ProbeEvent::TaskEnded, "sst-3", 1, 2).probe(ProbeEvent::ScopeClosed, "downloads", 1, 0);
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_task_that_begins_after_its_owner_is_gone_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::TaskQueued, "sst-3", 1, 2).probe(ProbeEvent::TaskCancelled, "sst-3", 1, 2);
        script.probe(ProbeEvent::ScopeClosed, "downloads", 1, 0).probe(ProbeEvent::TaskBegan, "sst-3", 1, 2);
        assert_eq!(sentences(script), ["task sst-3 of node-0 began although its owner was gone"]);
    }

    #[test]
    fn a_task_that_begins_after_its_end_was_reported_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::TaskQueued, "sst-1", 1, 10).probe(ProbeEvent::TaskCancelled, "sst-1", 1, 10);
        script.probe(ProbeEvent::Joined, "downloads", 1, 0).probe(ProbeEvent::TaskBegan, "sst-1", 1, 10);
        assert_eq!(sentences(script), ["task sst-1 of node-0 began although its owner had reported that it ended"]);
        // A task that was queued since then may begin.
        let mut script = Script::new();
        script.probe(ProbeEvent::Joined, "downloads", 1, 0).probe(ProbeEvent::TaskQueued, "sst-1", 1, 10);
        script.probe(ProbeEvent::TaskBegan, "sst-1", 1, 10).probe(ProbeEvent::TaskEnded, "sst-1", 1, 10);
        script.probe(ProbeEvent::Joined, "downloads", 1, 0);
        assert_eq!(sentences(script), [""; 0]);
    }
}
