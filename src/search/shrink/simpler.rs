//! The plans that are simpler than a plan: fewer injections, simpler faults, earlier occurrences, shorter and rounder times.
//! Each is smaller by one measure, so that shrinking ends.

use crate::fault::{Injection, Number, Plan, When};
use std::ops::Range;

/// A plan that is simpler than another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The place where it differs. After a success, the next attempts begin here.
    pub(super) place: Place,
    /// The plan.
    pub(super) plan: Plan,
    /// The injections of the other plan that it lacks.
    pub(super) gone: Range<usize>,
}

/// The place where a candidate differs: the stage (the number of injections removed at once, most first; then one injection's
/// content), the injection, and the value in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    stage: usize,
    injection: usize,
    value: usize,
}

/// All plans that are one step simpler, the largest steps first.
pub(super) fn simpler(plan: &Plan) -> Vec<Candidate> {
    let mut candidates = fewer(plan);
    let stage = usize::BITS as usize;
    for (injection, whole) in plan.injections.iter().enumerate() {
        let mut add = |value: usize, changed: Injection| {
            let mut plan = plan.clone();
            plan.injections[injection] = changed;
            candidates.push(Candidate { place: Place { stage, injection, value }, plan, gone: 0..0 });
        };
        for fault in whole.fault.simpler() {
            add(0, Injection { fault, ..whole.clone() });
        }
        let count = numbers(&mut whole.clone()).len();
        for value in 0..count {
            let mut changed = whole.clone();
            let Some(number) = numbers(&mut changed).into_iter().nth(value).map(|number| number.smaller()) else {
                continue;
            };
            for smaller in number {
                numbers(&mut changed)[value].set(smaller);
                add(value + 1, changed.clone());
            }
        }
    }
    candidates
}

/// The plans of [`simpler`].
#[cfg(feature = "proptest")]
pub(crate) fn simpler_plans(plan: &Plan) -> Vec<Plan> {
    simpler(plan).into_iter().map(|candidate| candidate.plan).collect()
}

/// Delta debugging: everything, halves, quarters, single injections.
fn fewer(plan: &Plan) -> Vec<Candidate> {
    let count = plan.injections.len();
    let mut candidates = Vec::new();
    let mut size = count;
    let mut stage = 0;
    while size > 0 {
        for first in (0..count).step_by(size) {
            let gone = first..count.min(first + size);
            let mut plan = plan.clone();
            plan.injections.drain(gone.clone());
            candidates.push(Candidate { place: Place { stage, injection: first, value: 0 }, plan, gone });
        }
        stage += 1;
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    candidates
}

/// The numbers in an injection that may become smaller.
fn numbers(injection: &mut Injection) -> Vec<Number<'_>> {
    let mut numbers = match injection.trigger.when_mut() {
        When::At { time_ns } => vec![Number::Moment { at: time_ns }],
        When::On { nth, after_ns, .. } => {
            vec![Number::Short { at: nth, least: 1 }, Number::Long { at: after_ns, least: 0 }]
        }
    };
    numbers.extend(injection.fault.numbers());
    numbers
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fault::strategies::plan;
    use crate::fault::{Fault, Trigger};
    use afterlife_sim::event::NodeId;
    use proptest::prelude::*;
    use std::time::Duration;

    /// The measure that every step reduces: the number of injections, then the complexity of their faults, then their numbers.
    pub(in crate::search::shrink) fn measure(plan: &Plan) -> (usize, usize, u128) {
        let involved = plan.injections.iter().map(|injection| injection.fault.simpler().len()).sum();
        let magnitudes = |injection: &Injection| -> u128 {
            numbers(&mut injection.clone()).iter().map(|number| u128::from(number.magnitude())).sum()
        };
        let numbers = plan.injections.iter().map(magnitudes);
        (plan.injections.len(), involved, numbers.sum())
    }

    #[test]
    fn halves_are_removed_before_single_injections() {
        let kill =
            |node| Injection { trigger: Trigger::at(Duration::ZERO), fault: Fault::kill(NodeId(node), Duration::ZERO) };
        let gone: Vec<_> = simpler(&Plan { injections: (0..4).map(kill).collect() })
            .into_iter()
            .map(|candidate| candidate.gone)
            .collect();
        assert_eq!(gone, [0..4, 0..2, 2..4, 0..1, 1..2, 2..3, 3..4]);
        assert_eq!(simpler(&Plan::default()), []);
    }

    proptest! {
        #[test]
        fn every_candidate_is_smaller_and_places_are_in_order(plan in plan()) {
            let candidates = simpler(&plan);
            for candidate in &candidates {
                prop_assert!(measure(&candidate.plan) < measure(&plan), "{:?} of {plan:?}", candidate.plan);
            }
            prop_assert!(candidates.is_sorted_by_key(|candidate| candidate.place));
        }
    }
}
