//! *honest-progress*: a job reports true progress. It never exceeds 100 %; 100 % or completion means that every item is verified;
//! and a job that has verified every item does not stay below 100 %. Verifying the items at all is a matter of *recovers*.

use super::contract::{Facts, Monitor};
use super::site::file_of;
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
    /// The last reported percentage, unless it was 100 or the job is complete.
    below: Option<u64>,
}

/// The jobs, by object number.
#[derive(Default)]
pub(super) struct HonestProgress {
    jobs: BTreeMap<u32, Job>,
}

impl Monitor for HonestProgress {
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
            ProbeEvent::ProgressReported if number > 100 => Some(format!("{name} of {node} reports {number} %")),
            ProbeEvent::ProgressReported if number == 100 && missing > 0 => {
                Some(format!("{name} of {node} reports 100 % when {of}"))
            }
            ProbeEvent::ProgressDone if missing > 0 => Some(format!("{name} of {node} reports completion when {of}")),
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
            sites: vec![file_of(facts.text(site))],
            subject: name.to_owned(),
            sentence: sentence?,
            at: event.seq,
            turning: vec![turning],
            origins: Vec::new(),
        })
    }
}

impl HonestProgress {
    /// Nothing further will happen: a job that has verified every item and reports less will never report 100 %.
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
            sites: vec![file_of(facts.text(job.site))],
            subject: name.to_owned(),
            sentence: format!("{name} of {node} stays at {below} %, although every item is verified"),
            at: event.seq,
            turning: vec![job.last],
            origins: Vec::new(),
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
    fn more_than_100_and_100_too_early_break_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::ProgressBegan, "download", 1, 3).probe(ProbeEvent::ItemVerified, "download", 1, 0);
        script.probe(ProbeEvent::ProgressReported, "download", 1, 100).probe(
            ProbeEvent::ProgressReported,
            "download",
            1,
            133,
        );
        script.probe(ProbeEvent::ProgressDone, "download", 1, 0);
        assert_eq!(
            sentences(script),
            [
                "download of node-0 reports 100 % when 1 of 3 items were verified",
                "download of node-0 reports 133 %",
                "download of node-0 reports completion when 1 of 3 items were verified",
            ]
        );
    }

    #[test]
    fn an_item_that_is_counted_twice_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::ProgressBegan, "download", 1, 1);
        script.probe(ProbeEvent::ItemVerified, "download", 1, 0).probe(ProbeEvent::ItemVerified, "download", 1, 0);
        assert_eq!(sentences(script), ["download of node-0 verified 2 items of 1"]);
    }

    #[test]
    fn a_job_that_verifies_before_it_reports_keeps_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::ProgressBegan, "download", 1, 2).probe(ProbeEvent::ItemVerified, "download", 1, 0);
        script.probe(ProbeEvent::ProgressReported, "download", 1, 50).probe(ProbeEvent::ItemVerified, "download", 1, 0);
        script.probe(ProbeEvent::ProgressReported, "download", 1, 100).probe(
            ProbeEvent::ProgressDone,
            "download",
            1,
            0,
        );
        assert_eq!(sentences(script), [""; 0]);
    }

    #[test]
    fn a_job_that_rests_below_100_with_every_item_verified_breaks_it() {
        let all = |script: &mut Script| {
            script.probe(ProbeEvent::ProgressBegan, "download", 1, 3);
            for percent in [33, 66, 99] {
                script.probe(ProbeEvent::ItemVerified, "download", 1, 0).probe(
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
        assert_eq!(sentences(script), ["download of node-0 stays at 99 %, although every item is verified"]);
        // The last report of a complete job, or of a dead process, does not matter.
        let mut script = Script::new();
        all(&mut script);
        script.probe(ProbeEvent::ProgressDone, "download", 1, 0).quiescent();
        assert_eq!(sentences(script), [""; 0]);
        let mut script = Script::new();
        all(&mut script);
        script.exited(Death::Kill).quiescent();
        assert_eq!(sentences(script), [""; 0]);
    }
}
