//! Shrinks the plan of a finding, and confirms the result in a fresh process.
//! `search::shrink` decides which plans are smaller.

use super::comparison::{compare, failing_run};
use super::outcome::Nondeterminism;
use crate::failure::failing_run::FailingRun;
use crate::failure::token::Token;
use crate::model::refusal::Refusal;
use crate::run::request::Request;
use crate::runner::Executor;
use crate::search::shrink::{Smaller, search};

/// The most replays of a run that never ends: each takes as long as a bound of the watchdog. One is enough to learn whether the
/// failure takes any fault at all.
const SLOW_MAX: u64 = 1;

/// The finding with the smallest plan that breaks in the same way, as far as `replays_max` replays find it.
pub(crate) fn shrink(
    executor: &dyn Executor,
    of: FailingRun,
    replays_max: u64,
) -> Result<Result<FailingRun, Nondeterminism>, Refusal> {
    let token: Token = of.finding.token.parse()?;
    let request = token.request(false);
    let known = of.injections().is_some().then(|| of.finding.plan.clone());
    let replays_max = if of.ended.is_slow() { replays_max.min(SLOW_MAX) } else { replays_max };
    let Smaller { request, reply, shrunk } = search(executor, &request, known, &of.finding.signature, replays_max)?;
    let Some(reply) = reply else {
        return Ok(Ok(FailingRun { shrunk: Some(shrunk), ..of }));
    };
    let again = executor.fresh(&Request { record: true, ..request.clone() })?;
    if let Some(nondeterminism) = compare(request.seed, &reply, &again) {
        return Ok(Err(nondeterminism));
    }
    let smaller = failing_run(&request, again, of.finding.first_run);
    Ok(Ok(smaller.map_or(of, |failure| FailingRun { shrunk: Some(shrunk), ..failure })))
}
