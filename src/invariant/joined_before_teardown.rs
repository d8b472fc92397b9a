//! Every borrower and every task of something has ended before it is torn down.
//! A task that was cancelled while it was still queued has ended: it never ran and never will.

use super::contract::{Facts, Invariant};
use super::site::place;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "joined-before-teardown";

#[derive(Clone, Copy)]
struct Held {
    seq: Seq,
    name: Name,
    site: Name,
    /// A task that has not begun.
    queued: bool,
    /// A task that was asked to stop.
    cancelled: bool,
    /// The owner has said since when it takes this task for ended.
    joined: Option<(Seq, Name)>,
}

#[derive(Default)]
struct Owner {
    held: BTreeMap<u64, Held>,
    gone: Option<(Seq, Name)>,
}

/// Follows who holds what, by the number of the resource or the scope.
#[derive(Default)]
pub(super) struct JoinedBeforeTeardown {
    owners: BTreeMap<u32, Owner>,
}

impl Invariant for JoinedBeforeTeardown {
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
                let it = self.owners.remove(&object)?;
                let held = it.held.into_values().next()?;
                let (node, name) = (facts.node(event.node), facts.text(name));
                let sentence = format!("{node} closed {name} while somebody held it");
                Some(violation(event, facts, name, [site, held.site], held.seq, sentence))
            }
            What::Probe { step, name, object, number, site } => {
                self.told(event, facts, step, (name, object, number, site))
            }
            _ => None,
        }
    }
}

impl JoinedBeforeTeardown {
    fn told(
        &mut self,
        event: &Event,
        facts: &dyn Facts,
        step: ProbeEvent,
        (name, object, number, site): (Name, u32, u64, Name),
    ) -> Option<Violation> {
        let it = self.owners.entry(object).or_default();
        let new =
            Held { seq: event.seq, name, site, queued: step == ProbeEvent::TaskQueued, cancelled: false, joined: None };
        match step {
            ProbeEvent::Borrowed | ProbeEvent::TaskQueued => {
                it.held.insert(number, new);
                None
            }
            ProbeEvent::Returned | ProbeEvent::TaskEnded => {
                it.held.remove(&number);
                None
            }
            ProbeEvent::TaskCancelled => {
                it.held.entry(number).and_modify(|held| held.cancelled = true);
                None
            }
            ProbeEvent::TaskBegan => {
                let held = it.held.entry(number).or_insert(new);
                (held.queued, held.seq, held.site) = (false, event.seq, site);
                let (node, task) = (facts.node(event.node), facts.text(name));
                let (since, since_site, sentence) = match (it.gone, held.joined) {
                    (Some((gone, gone_site)), _) => {
                        (gone, gone_site, format!("task {task} of {node} began although its owner was gone"))
                    }
                    (None, Some((joined, joined_site))) => {
                        let sentence = format!("task {task} of {node} began although its owner had taken it for ended");
                        (joined, joined_site, sentence)
                    }
                    (None, None) => return None,
                };
                Some(violation(event, facts, task, [site, since_site], since, sentence))
            }
            ProbeEvent::Joined | ProbeEvent::ScopeClosed => {
                if step == ProbeEvent::ScopeClosed {
                    it.gone = Some((event.seq, site));
                }
                let Some(running) = it.held.values().find(|held| !(held.queued && held.cancelled)).copied() else {
                    it.held.values_mut().for_each(|held| held.joined = Some((event.seq, site)));
                    return None;
                };
                let (node, scope, task) = (facts.node(event.node), facts.text(name), facts.text(running.name));
                let how = if running.queued { "was still queued" } else { "still ran" };
                let did = if step == ProbeEvent::Joined { "took all tasks for ended" } else { "went" };
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
        sites: sites.map(|site| place(facts.text(site))).into(),
        subject: class.to_owned(),
        sentence,
        at: event.seq,
        turning: vec![turning],
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
        script.open("db", 1).told(ProbeEvent::Borrowed, "db", 1, 7).closed("db", 1);
        assert_eq!(sentences(script), ["node-0 closed db while somebody held it"]);
    }

    #[test]
    fn a_close_after_every_borrow_has_been_returned_does_not() {
        let mut script = Script::new();
        script.open("db", 1).told(ProbeEvent::Borrowed, "db", 1, 7).told(ProbeEvent::Borrowed, "db", 1, 8);
        script.told(ProbeEvent::Returned, "db", 1, 7).told(ProbeEvent::Returned, "db", 1, 8).closed("db", 1);
        assert_eq!(check(script), []);
    }

    #[test]
    fn an_owner_that_goes_while_its_task_runs_breaks_it() {
        let mut script = Script::new();
        script.told(ProbeEvent::ScopeOpened, "downloads", 1, 0).told(ProbeEvent::TaskQueued, "sst-3", 1, 2);
        script.told(ProbeEvent::TaskBegan, "sst-3", 1, 2).told(ProbeEvent::TaskCancelled, "sst-3", 1, 2);
        script.told(ProbeEvent::ScopeClosed, "downloads", 1, 0);
        assert_eq!(sentences(script), ["downloads of node-0 went while task sst-3 still ran"]);
    }

    #[test]
    fn a_task_that_was_cancelled_while_still_queued_does_not() {
        let mut script = Script::new();
        script.told(ProbeEvent::ScopeOpened, "downloads", 1, 0).told(ProbeEvent::TaskQueued, "sst-3", 1, 2);
        script.told(ProbeEvent::TaskCancelled, "sst-3", 1, 2).told(ProbeEvent::Joined, "downloads", 1, 0);
        script.told(ProbeEvent::TaskEnded, "sst-3", 1, 2).told(ProbeEvent::ScopeClosed, "downloads", 1, 0);
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_task_that_begins_after_its_owner_is_gone_breaks_it() {
        let mut script = Script::new();
        script.told(ProbeEvent::TaskQueued, "sst-3", 1, 2).told(ProbeEvent::TaskCancelled, "sst-3", 1, 2);
        script.told(ProbeEvent::ScopeClosed, "downloads", 1, 0).told(ProbeEvent::TaskBegan, "sst-3", 1, 2);
        assert_eq!(sentences(script), ["task sst-3 of node-0 began although its owner was gone"]);
    }

    #[test]
    fn a_task_that_begins_after_it_was_taken_for_ended_breaks_it() {
        let mut script = Script::new();
        script.told(ProbeEvent::TaskQueued, "sst-1", 1, 10).told(ProbeEvent::TaskCancelled, "sst-1", 1, 10);
        script.told(ProbeEvent::Joined, "downloads", 1, 0).told(ProbeEvent::TaskBegan, "sst-1", 1, 10);
        assert_eq!(sentences(script), ["task sst-1 of node-0 began although its owner had taken it for ended"]);
        // One that was queued since is another matter.
        let mut script = Script::new();
        script.told(ProbeEvent::Joined, "downloads", 1, 0).told(ProbeEvent::TaskQueued, "sst-1", 1, 10);
        script.told(ProbeEvent::TaskBegan, "sst-1", 1, 10).told(ProbeEvent::TaskEnded, "sst-1", 1, 10);
        script.told(ProbeEvent::Joined, "downloads", 1, 0);
        assert_eq!(sentences(script), [""; 0]);
    }
}
