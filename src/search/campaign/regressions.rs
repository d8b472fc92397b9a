//! Replays the regressions of a campaign before all other runs: each must hold, and must still fit its scenario.
//! It reads no file: the options contain them.

use crate::failure::regressions::Regression;
use crate::model::refusal::Refusal;
use crate::run::request::{Reply, Request};
use crate::runner::Executor;
use afterlife_sim::event::What;

/// A regression with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegressionRun {
    /// The regression.
    pub(crate) regression: Regression,
    /// Its outcome.
    pub(crate) outcome: RegressionOutcome,
}

/// The outcome of a regression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegressionOutcome {
    /// It holds now.
    Held,
    /// It broke. The campaign reports it like any other finding.
    Broke,
    /// Its plan no longer fits the scenario, for this reason.
    Unfit(String),
}

/// Replays a regression, with its record.
pub(super) fn replay(
    executor: &dyn Executor,
    regression: &Regression,
) -> Result<(Request, Reply, RegressionOutcome), Refusal> {
    let request = regression.token.request(true);
    let reply = executor.fresh(&request)?;
    let outcome = match unfit(&reply) {
        Some(why) => RegressionOutcome::Unfit(why),
        None if reply.violations.is_empty() => RegressionOutcome::Held,
        None => RegressionOutcome::Broke,
    };
    Ok((request, reply, outcome))
}

/// The reason why the plan of a recorded run no longer fits, if there is one: it names nodes that no longer exist, or the run
/// held and none of its faults struck, so it tests nothing.
fn unfit(reply: &Reply) -> Option<String> {
    let why = no_longer(reply)?;
    Some(format!("{why}; remove the line, or find the failure again and keep that run"))
}

fn no_longer(reply: &Reply) -> Option<String> {
    let record = reply.record.as_ref()?;
    let nodes = record.nodes.len();
    if let Some(node) = reply.plan.last_node().filter(|node| usize::from(*node) >= nodes) {
        return Some(format!("it names node number {node}, but there are {nodes} nodes"));
    }
    nothing_struck(reply).then(|| "none of the faults in its plan strike any more".to_owned())
}

/// Returns whether a recorded run held and nothing of its plan struck, so that it tests nothing.
pub(crate) fn nothing_struck(reply: &Reply) -> bool {
    let Some(record) = &reply.record else { return false };
    let is_fault = |what: &What| matches!(what, What::Fault { .. });
    let planned = !reply.plan.injections.is_empty();
    planned && reply.violations.is_empty() && !record.events.iter().any(|event| is_fault(&event.what))
}
