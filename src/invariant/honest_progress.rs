//! What a job says about its progress is true: never above 100, 100 or complete means that every item was verified, and a job
//! all of whose items are verified does not rest below 100. That every item comes to be verified is another matter: see
//! `recovers`.

use super::contract::{Facts, Invariant};
use super::site::place;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, NodeId, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "honest-progress";

struct Job {
    name: Name,
    items: u64,
    verified: u64,
    last: Seq,
    node: NodeId,
    site: Name,
    /// The last that was told, unless it was 100 or the job is complete.
    below: Option<u64>,
}

/// Follows every job by its number.
#[derive(Default)]
pub(super) struct HonestProgress {
    jobs: BTreeMap<u32, Job>,
}

impl Invariant for HonestProgress {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(
            what,
            What::Probe {
                step: ProbeEvent::ProgressBegan
                    | ProbeEvent::ItemVerified
                    | ProbeEvent::ProgressReported
                    | ProbeEvent::ProgressDone,
                ..
            } | What::Exited { .. }
                | What::Quiescent
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let (step, name, object, number, site) = match event.what {
            What::Probe { step, name, object, number, site } => (step, name, object, number, site),
            What::Exited { .. } => {
                self.jobs.retain(|_, job| job.node != event.node);
                return None;
            }
            _ => return self.rests(event, facts),
        };
        if step == ProbeEvent::ProgressBegan {
            let (last, node) = (event.seq, event.node);
            self.jobs.insert(object, Job { name, items: number, verified: 0, last, node, site, below: None });
            return None;
        }
        let job = self.jobs.get_mut(&object)?;
        let (name, node) = (facts.text(job.name), facts.node(event.node));
        let missing = job.items.saturating_sub(job.verified);
        let of = format!("{} of {} items were verified", job.verified, job.items);
        let sentence = match step {
            ProbeEvent::ItemVerified => {
                job.verified += 1;
                let too_many = job.verified > job.items;
                too_many.then(|| format!("{name} of {node} verified {} items of {}", job.verified, job.items))
            }
            ProbeEvent::ProgressReported if number > 100 => Some(format!("{name} of {node} says {number} %")),
            ProbeEvent::ProgressReported if number == 100 && missing > 0 => {
                Some(format!("{name} of {node} says 100 % when {of}"))
            }
            ProbeEvent::ProgressDone if missing > 0 => {
                Some(format!("{name} of {node} says that it is complete when {of}"))
            }
            _ => None,
        };
        match step {
            ProbeEvent::ProgressReported => (job.below, job.site) = ((number < 100).then_some(number), site),
            ProbeEvent::ProgressDone => job.below = None,
            _ => {}
        }
        let turning = std::mem::replace(&mut job.last, event.seq);
        Some(Violation {
            invariant: ID.to_owned(),
            class: name.to_owned(),
            sites: vec![place(facts.text(site))],
            subject: name.to_owned(),
            sentence: sentence?,
            at: event.seq,
            turning: vec![turning],
        })
    }
}

impl HonestProgress {
    /// Nothing will happen any more: who has verified all and shows less will never show it.
    fn rests(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let verified = |job: &Job| job.verified == job.items;
        let (job, below) = self.jobs.values_mut().filter(|job| verified(job)).find_map(|job| {
            let below = job.below.take()?;
            Some((job, below))
        })?;
        let (name, node) = (facts.text(job.name), facts.node(job.node));
        Some(Violation {
            invariant: ID.to_owned(),
            class: name.to_owned(),
            sites: vec![place(facts.text(job.site))],
            subject: name.to_owned(),
            sentence: format!("{name} of {node} rests at {below} %, and every item of it is verified"),
            at: event.seq,
            turning: vec![job.last],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;
    use afterlife_sim::event::Death;

    fn sentences(script: Script) -> Vec<String> {
        run(HonestProgress::default(), script).into_iter().map(|violation| violation.sentence).collect()
    }

    #[test]
    fn more_than_a_hundred_and_a_hundred_too_early_break_it() {
        let mut script = Script::new();
        script.told(ProbeEvent::ProgressBegan, "download", 1, 3).told(ProbeEvent::ItemVerified, "download", 1, 0);
        script.told(ProbeEvent::ProgressReported, "download", 1, 100).told(
            ProbeEvent::ProgressReported,
            "download",
            1,
            133,
        );
        script.told(ProbeEvent::ProgressDone, "download", 1, 0);
        assert_eq!(
            sentences(script),
            [
                "download of node-0 says 100 % when 1 of 3 items were verified",
                "download of node-0 says 133 %",
                "download of node-0 says that it is complete when 1 of 3 items were verified",
            ]
        );
    }

    #[test]
    fn an_item_that_is_counted_twice_breaks_it() {
        let mut script = Script::new();
        script.told(ProbeEvent::ProgressBegan, "download", 1, 1);
        script.told(ProbeEvent::ItemVerified, "download", 1, 0).told(ProbeEvent::ItemVerified, "download", 1, 0);
        assert_eq!(sentences(script), ["download of node-0 verified 2 items of 1"]);
    }

    #[test]
    fn a_job_that_verifies_before_it_tells_does_not() {
        let mut script = Script::new();
        script.told(ProbeEvent::ProgressBegan, "download", 1, 2).told(ProbeEvent::ItemVerified, "download", 1, 0);
        script.told(ProbeEvent::ProgressReported, "download", 1, 50).told(ProbeEvent::ItemVerified, "download", 1, 0);
        script.told(ProbeEvent::ProgressReported, "download", 1, 100).told(ProbeEvent::ProgressDone, "download", 1, 0);
        assert_eq!(sentences(script), [""; 0]);
    }

    #[test]
    fn a_job_that_rests_below_a_hundred_with_everything_verified_breaks_it() {
        let all = |script: &mut Script| {
            script.told(ProbeEvent::ProgressBegan, "download", 1, 3);
            for percent in [33, 66, 99] {
                script.told(ProbeEvent::ItemVerified, "download", 1, 0).told(
                    ProbeEvent::ProgressReported,
                    "download",
                    1,
                    percent,
                );
            }
        };
        let mut script = Script::new();
        all(&mut script);
        script.quiescent();
        assert_eq!(sentences(script), ["download of node-0 rests at 99 %, and every item of it is verified"]);
        // Nobody waits for the last figure of a job that is complete, or of a process that is gone.
        let mut script = Script::new();
        all(&mut script);
        script.told(ProbeEvent::ProgressDone, "download", 1, 0).quiescent();
        assert_eq!(sentences(script), [""; 0]);
        let mut script = Script::new();
        all(&mut script);
        script.exited(Death::Kill).quiescent();
        assert_eq!(sentences(script), [""; 0]);
    }
}
