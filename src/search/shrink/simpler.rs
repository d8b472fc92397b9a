//! What is simpler than a plan: fewer injections, simpler faults, earlier occurrences, shorter and rounder times.
//! Every plan that it proposes is smaller by one measure, so that shrinking comes to an end. It runs nothing.

use crate::fault::{Fault, Injection, LinkTrouble, Plan, Trigger};
use std::ops::Range;

/// A lasting fault that is shorter than this can no longer be told from none.
const LASTING_NS: u64 = 1_000_000;

/// To what a moment is rounded down, coarsest first. Windows of faults begin at whole seconds as a rule, so that a rounded
/// moment stays in its window.
const MOMENT_NS: [u64; 4] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000];

/// A plan that is simpler than another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Where it differs: what is tried next after a success begins here.
    pub(super) place: Place,
    /// The plan.
    pub(super) plan: Plan,
    /// Which injections of the other plan it does without.
    pub(super) gone: Range<usize>,
}

/// Where a candidate differs: the stage (which is how many injections go at once, most first; then what of one injection),
/// and the injection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    stage: usize,
    injection: usize,
    value: usize,
}

/// All plans that are one step simpler, those first from which most is gained.
pub(super) fn simpler(plan: &Plan) -> Vec<Candidate> {
    let mut candidates = fewer(plan);
    let stage = usize::BITS as usize;
    for (injection, whole) in plan.injections.iter().enumerate() {
        let mut add = |value: usize, changed: Injection| {
            let mut plan = plan.clone();
            plan.injections[injection] = changed;
            candidates.push(Candidate { place: Place { stage, injection, value }, plan, gone: 0..0 });
        };
        for fault in kinds(&whole.fault) {
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

/// The plans of [`simpler`] alone.
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

/// Simpler kinds of a fault: a kill loses nothing that was written, a cut both ways has no direction to remember, and what ends by
/// the clock waits for nobody.
fn kinds(fault: &Fault) -> Vec<Fault> {
    match *fault {
        Fault::PowerLoss { node, down_ns } => vec![Fault::Kill { node, down_ns }],
        Fault::Partition { from, to, one_way: true, for_ns } => {
            vec![Fault::Partition { from, to, one_way: false, for_ns }]
        }
        Fault::HoldThread { node, nth, until: Some(_), for_ns } => {
            vec![Fault::HoldThread { node, nth, until: None, for_ns }]
        }
        _ => Vec::new(),
    }
}

/// A number of an injection that may become smaller.
enum Number<'a> {
    /// Down to this least value; the sign of a signed one stays.
    Long {
        at: &'a mut u64,
        least: u64,
    },
    Short {
        at: &'a mut u32,
        least: u32,
    },
    Signed {
        at: &'a mut i64,
    },
    /// A moment: it is only rounded, because what was before it has not happened yet.
    Moment {
        at: &'a mut u64,
    },
}

impl Number<'_> {
    fn smaller(&self) -> Vec<u64> {
        match self {
            Self::Long { at, least } => downwards(**at, *least),
            Self::Short { at, least } => downwards(u64::from(**at), u64::from(*least)),
            Self::Signed { at } => downwards(at.unsigned_abs(), LASTING_NS),
            Self::Moment { at } => {
                let rounded = MOMENT_NS.iter().map(|unit| **at / unit * unit);
                distinct(rounded.filter(|rounded| 0 < *rounded && *rounded < **at))
            }
        }
    }

    fn set(&mut self, value: u64) {
        match self {
            Self::Long { at, .. } | Self::Moment { at } => **at = value,
            Self::Short { at, .. } => **at = u32::try_from(value).unwrap_or(**at),
            Self::Signed { at } => **at = i64::try_from(value).unwrap_or(i64::MAX) * at.signum(),
        }
    }
}

fn numbers(injection: &mut Injection) -> Vec<Number<'_>> {
    let mut numbers = match &mut injection.trigger {
        Trigger::At { time_ns } => vec![Number::Moment { at: time_ns }],
        Trigger::On { nth, after_ns, .. } => {
            vec![Number::Short { at: nth, least: 1 }, Number::Long { at: after_ns, least: 0 }]
        }
    };
    let lasting = |at| Number::Long { at, least: LASTING_NS };
    match &mut injection.fault {
        Fault::Stop { down_ns, .. } | Fault::Kill { down_ns, .. } | Fault::PowerLoss { down_ns, .. } => {
            numbers.push(Number::Long { at: down_ns, least: 0 });
        }
        Fault::Partition { for_ns, .. }
        | Fault::Pause { for_ns, .. }
        | Fault::HoldThread { for_ns, .. }
        | Fault::SqueezeMemory { for_ns, .. }
        | Fault::SkewClock { for_ns, .. }
        | Fault::FailDisk { for_ns, .. } => numbers.push(lasting(for_ns)),
        Fault::SlowDisk { extra_ns, for_ns, .. } => numbers.extend([lasting(extra_ns), lasting(for_ns)]),
        Fault::DisturbLink { how, for_ns, .. } => {
            if let LinkTrouble::Slow { extra_ns } = how {
                numbers.push(lasting(extra_ns));
            }
            numbers.push(lasting(for_ns));
        }
        Fault::StepClock { by_ns, .. } => numbers.push(Number::Signed { at: by_ns }),
        Fault::DamageFile { nth, .. } => numbers.push(Number::Short { at: nth, least: 1 }),
        Fault::ResetConnections { .. } => {}
    }
    numbers
}

/// Smaller numbers, the least first: nothing, a round half, and itself with one and two digits that are not zero.
fn downwards(number: u64, least: u64) -> Vec<u64> {
    let steps = [least, round(number / 2, 1), round(number, 1), round(number, 2)];
    distinct(steps.into_iter().filter(|step| (least..number).contains(step)))
}

/// The number with only its first digits.
fn round(number: u64, digits: u32) -> u64 {
    let all = number.checked_ilog10().map_or(0, |log| log + 1);
    let unit = 10u64.pow(all.saturating_sub(digits));
    number / unit * unit
}

fn distinct(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fault::strategies::plan;
    use proptest::prelude::*;

    /// What every step makes smaller: how many injections, then how involved their faults, then their numbers.
    pub(in crate::search::shrink) fn measure(plan: &Plan) -> (usize, usize, u128) {
        let involved = plan.injections.iter().map(|injection| kinds(&injection.fault).len()).sum();
        let value = |number: Number<'_>| match number {
            Number::Long { at, .. } | Number::Moment { at } => u128::from(*at),
            Number::Short { at, .. } => u128::from(*at),
            Number::Signed { at } => u128::from(at.unsigned_abs()),
        };
        let numbers =
            plan.injections.iter().flat_map(|it| numbers(&mut it.clone()).into_iter().map(value).collect::<Vec<_>>());
        (plan.injections.len(), involved, numbers.sum())
    }

    #[test]
    fn a_number_goes_to_nothing_a_half_and_rounder_ones() {
        assert_eq!(downwards(2_213_456_789, 0), [0, 1_000_000_000, 2_000_000_000, 2_200_000_000]);
        assert_eq!(downwards(68, 1), [1, 30, 60]);
        assert_eq!(downwards(1, 1), [0; 0]);
        assert_eq!(downwards(0, 5), [0; 0]);
        assert_eq!(downwards(u64::MAX, 0).len(), 4);
    }

    #[test]
    fn halves_go_before_single_injections() {
        let kill = |node| Injection { trigger: Trigger::At { time_ns: 0 }, fault: Fault::Kill { node, down_ns: 0 } };
        let gone: Vec<_> =
            simpler(&Plan { injections: (0..4).map(kill).collect() }).into_iter().map(|it| it.gone).collect();
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
