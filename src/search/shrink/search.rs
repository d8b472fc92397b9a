//! Shrinking by replays: asks an executor which simpler plans break a run in the same way.
//! The caller confirms the last replay in a fresh process.

use super::minimise::minimise;
use crate::failure::shrunk::Shrunk;
use crate::fault::Plan;
use crate::model::violation::Signature;
use crate::run::request::{Reply, Request};
use crate::runner::{Executor, RunnerError};
use std::ops::ControlFlow;

/// The number of other seeds that the smallest plan is tried with at the end.
const OTHER_SEEDS: u64 = 4;

/// A smaller run that breaks in the same way.
pub(crate) struct Smaller {
    /// Its request.
    pub(crate) request: Request,
    /// Its reply; `None` if nothing could be made smaller and the request is the given one.
    pub(crate) reply: Option<Reply>,
    /// The result of shrinking.
    pub(crate) shrunk: Shrunk,
}

/// Shrinks the plan of a run that broke with this signature, within `replays_max` replays. `known` is its plan; `None` if its
/// process ended before it reported the plan that the seed had drawn.
pub(crate) fn search(
    executor: &dyn Executor,
    request: &Request,
    known: Option<Plan>,
    signature: &Signature,
    replays_max: u64,
) -> Result<Smaller, RunnerError> {
    let request = Request { record: false, stack_at: None, log: None, ..request.clone() };
    let plan = match known {
        Some(plan) => plan,
        None => executor.fresh(&Request { only_plan: true, ..request.clone() })?.plan,
    };
    let mut last = None;
    let minimal = minimise(&plan, replays_max, |plans: &[Plan]| {
        let mut requests = plans.iter().map(|plan| Request { plan: Some(plan.clone()), ..request.clone() });
        let mut tried = 0;
        let mut found = None;
        executor.in_order(&mut requests, &mut |_, reply| {
            tried += 1;
            if breaks(&reply, signature) {
                found = Some(reply);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let breaks = found.is_some();
        last = found.or(last.take());
        Ok((tried, breaks))
    })?;
    let smaller = Request { plan: Some(minimal.plan.clone()), ..request.clone() };
    let others = OTHER_SEEDS.min(replays_max - minimal.replays);
    let mut seeds = (0, 0);
    let other = |seed: u64| Request { seed: request.seed.wrapping_add(1 + seed), ..smaller.clone() };
    executor.in_order(&mut (0..others).map(other), &mut |_, reply| {
        seeds = (seeds.0 + 1, seeds.1 + u64::from(breaks(&reply, signature)));
        ControlFlow::Continue(())
    })?;
    let is_left = |place: &usize| minimal.left.contains(place);
    let not = plan
        .injections
        .into_iter()
        .enumerate()
        .filter(|(place, _)| !is_left(place))
        .map(|(_, injection)| injection)
        .collect();
    let shrunk = Shrunk { replays: minimal.replays + seeds.0, not, whole: minimal.whole, seeds };
    // A plan that the seed draws is not part of the token.
    let request = if last.is_some() { smaller } else { request };
    Ok(Smaller { request, reply: last, shrunk })
}

fn breaks(reply: &Reply, signature: &Signature) -> bool {
    reply.violations.first().is_some_and(|violation| violation.signature() == *signature)
}
