//! What a job says about its progress is true: never above 100, and 100 or complete means that every item was verified.
//! That 100 is reached is another matter: see `recovers`.

use super::{Facts, Invariant, place};
use crate::finding::Violation;
use afterlife_sim::event::{Event, Name, Seq, Step, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "honest-progress";

struct Job {
    name: Name,
    items: u32,
    verified: u32,
    last: Seq,
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
            What::Told { step: Step::ProgressBegan | Step::ItemVerified | Step::ProgressTold | Step::ProgressDone, .. }
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let What::Told { step, name, object, number, site } = event.what else { return None };
        if step == Step::ProgressBegan {
            self.jobs.insert(object, Job { name, items: number, verified: 0, last: event.seq });
            return None;
        }
        let job = self.jobs.get_mut(&object)?;
        let (name, node) = (facts.text(job.name), facts.node(event.node));
        let missing = job.items.saturating_sub(job.verified);
        let of = format!("{} of {} items were verified", job.verified, job.items);
        let sentence = match step {
            Step::ItemVerified => {
                job.verified += 1;
                let too_many = job.verified > job.items;
                too_many.then(|| format!("{name} of {node} verified {} items of {}", job.verified, job.items))
            }
            Step::ProgressTold if number > 100 => Some(format!("{name} of {node} says {number} %")),
            Step::ProgressTold if number == 100 && missing > 0 => {
                Some(format!("{name} of {node} says 100 % when {of}"))
            }
            Step::ProgressDone if missing > 0 => Some(format!("{name} of {node} says that it is complete when {of}")),
            _ => None,
        };
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

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    fn sentences(script: Script) -> Vec<String> {
        run(HonestProgress::default(), script).into_iter().map(|violation| violation.sentence).collect()
    }

    #[test]
    fn more_than_a_hundred_and_a_hundred_too_early_break_it() {
        let mut script = Script::new();
        script.told(Step::ProgressBegan, "download", 1, 3).told(Step::ItemVerified, "download", 1, 0);
        script.told(Step::ProgressTold, "download", 1, 100).told(Step::ProgressTold, "download", 1, 133);
        script.told(Step::ProgressDone, "download", 1, 0);
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
        script.told(Step::ProgressBegan, "download", 1, 1);
        script.told(Step::ItemVerified, "download", 1, 0).told(Step::ItemVerified, "download", 1, 0);
        assert_eq!(sentences(script), ["download of node-0 verified 2 items of 1"]);
    }

    #[test]
    fn a_job_that_verifies_before_it_tells_does_not() {
        let mut script = Script::new();
        script.told(Step::ProgressBegan, "download", 1, 2).told(Step::ItemVerified, "download", 1, 0);
        script.told(Step::ProgressTold, "download", 1, 50).told(Step::ItemVerified, "download", 1, 0);
        script.told(Step::ProgressTold, "download", 1, 100).told(Step::ProgressDone, "download", 1, 0);
        assert_eq!(sentences(script), [""; 0]);
    }
}
