//! The loop of shrinking: simpler plans are tried in a fixed order until none breaks or the bound on replays is reached.
//! It does not replay plans; its caller passes a function that does.

use super::simpler::{Place, simpler};
use crate::fault::Plan;
use std::collections::BTreeSet;

/// The result of shrinking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Minimal {
    /// The smallest plan that still breaks.
    pub(crate) plan: Plan,
    /// The indices of the original plan's injections that are left.
    pub(crate) left: Vec<usize>,
    /// The number of plans that were tried.
    pub(crate) replays: u64,
    /// True if every simpler plan was tried, so that each remaining injection is needed; false if the bound was reached first.
    pub(crate) whole: bool,
}

/// Shrinks a plan as long as it still breaks. `first_that_breaks` tries plans in order up to the first that breaks, and returns the
/// number that it tried and whether the last one breaks.
pub(crate) fn minimise<E>(
    plan: &Plan,
    replays_max: u64,
    mut first_that_breaks: impl FnMut(&[Plan]) -> Result<(usize, bool), E>,
) -> Result<Minimal, E> {
    let left = (0..plan.injections.len()).collect();
    let mut minimal = Minimal { plan: plan.clone(), left, replays: 0, whole: false };
    // Plans that hold. Other steps may propose them again.
    let mut held = BTreeSet::new();
    let mut from = Place::default();
    loop {
        let mut candidates = simpler(&minimal.plan);
        // The next success is most likely at the place of the last one.
        let next = candidates.partition_point(|candidate| candidate.place < from);
        candidates.rotate_left(next);
        candidates.retain(|candidate| !held.contains(&key(&candidate.plan)));
        if candidates.is_empty() {
            minimal.whole = true;
            return Ok(minimal);
        }
        let affordable = usize::try_from(replays_max - minimal.replays).unwrap_or(usize::MAX);
        candidates.truncate(affordable);
        if candidates.is_empty() {
            return Ok(minimal);
        }
        let plans: Vec<Plan> = candidates.iter().map(|candidate| candidate.plan.clone()).collect();
        let (tried, breaks) = first_that_breaks(&plans)?;
        minimal.replays += tried as u64;
        let holding = if breaks { tried - 1 } else { tried };
        held.extend(plans[..holding].iter().map(key));
        if breaks {
            let found = candidates.swap_remove(holding);
            minimal.left.drain(found.gone);
            minimal.plan = found.plan;
            from = found.place;
        }
    }
}

/// A plan as text, which identifies it.
fn key(plan: &Plan) -> String {
    format!("{plan:?}")
}

#[cfg(test)]
mod tests {
    use super::super::simpler::tests::measure;
    use super::*;
    use crate::fault::strategies::plan;
    use crate::fault::{Fault, Injection, Kill, Trigger};
    use afterlife_sim::event::NodeId;
    use proptest::prelude::*;
    use std::convert::Infallible;
    use std::time::Duration;

    fn shrunk(plan: &Plan, replays_max: u64, breaks: impl Fn(&Plan) -> bool) -> Minimal {
        let ask = |plans: &[Plan]| -> Result<(usize, bool), Infallible> {
            let first = plans.iter().position(&breaks);
            Ok((first.map_or(plans.len(), |first| first + 1), first.is_some()))
        };
        let Ok(minimal) = minimise(plan, replays_max, ask);
        minimal
    }

    fn kill(node: u16, time_ns: u64, down_ns: u64) -> Injection {
        Injection {
            trigger: Trigger::at(Duration::from_nanos(time_ns)),
            fault: Fault::kill(NodeId(node), Duration::from_nanos(down_ns)),
        }
    }

    /// Breaks if each of these nodes is killed for at least `least_ns`.
    fn needs(nodes: &[u16], least_ns: u64) -> impl Fn(&Plan) -> bool + '_ {
        move |plan| {
            let kills = |node: u16| {
                let kills = plan.injections.iter().filter_map(|injection| injection.fault.as_kind::<Kill>());
                kills.map(Kill::node_and_down_ns).any(|(whom, down_ns)| whom.0 == node && down_ns >= least_ns)
            };
            nodes.iter().all(|node| kills(*node))
        }
    }

    #[test]
    fn only_the_needed_injections_are_left() {
        let plan = Plan { injections: (0..12).map(|node| kill(node, 1_234_567_890, 2_222_222_222)).collect() };
        let minimal = shrunk(&plan, 500, needs(&[3, 8], 0));
        assert_eq!(minimal.plan.injections, [kill(3, 1_000_000_000, 0), kill(8, 1_000_000_000, 0)]);
        assert_eq!((minimal.left.as_slice(), minimal.whole), ([3, 8].as_slice(), true));
        assert!(minimal.replays < 60, "{} replays", minimal.replays);
        assert_eq!(shrunk(&plan, 500, |_| true).plan, Plan::default());
    }

    #[test]
    fn the_bound_is_respected_and_reported() {
        let plan = Plan { injections: (0..12).map(|node| kill(node, 1_234_567_890, 2_222_222_222)).collect() };
        for replays_max in 0..40 {
            let minimal = shrunk(&plan, replays_max, needs(&[3, 8], 777_777_777));
            assert!(minimal.replays <= replays_max);
            assert!(needs(&[3, 8], 777_777_777)(&minimal.plan));
            assert!(!minimal.whole || replays_max > 20, "{replays_max} replays cannot be enough");
        }
    }

    /// An arbitrary claim, for which any part of a plan may be needed.
    fn whim(whim: u64) -> impl Fn(&Plan) -> bool {
        move |plan| {
            !plan.injections.is_empty()
                && !crate::failure::fnv::fnv(key(plan).bytes().chain(whim.to_le_bytes())).is_multiple_of(3)
        }
    }

    proptest! {
        #[test]
        fn a_shrunk_plan_still_breaks_is_never_longer_and_shrinks_no_further(plan in plan(), number: u64) {
            let breaks = whim(number);
            prop_assume!(breaks(&plan));
            let minimal = shrunk(&plan, 10_000, &breaks);
            prop_assert!(breaks(&minimal.plan));
            prop_assert!(measure(&minimal.plan) <= measure(&plan));
            prop_assert_eq!(minimal.left.len(), minimal.plan.injections.len());
            prop_assert!(minimal.whole);
            let again = shrunk(&minimal.plan, 10_000, &breaks);
            prop_assert_eq!(&again.plan, &minimal.plan);
            prop_assert_eq!(shrunk(&plan, 10_000, &breaks), minimal);
        }
    }
}
