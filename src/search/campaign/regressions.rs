//! The kept runs of a campaign, before all others: each must hold, and must still fit its scenario.
//! It reads no file: the order has them.

use crate::failure::regressions::Regression;
use crate::fault::Plan;
use crate::model::refusal::Refusal;
use crate::run::request::{Reply, Request};
use crate::runner::Executor;
use afterlife_sim::event::What;
use std::collections::BTreeSet;

/// What came of a kept run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegressionRun {
    /// The run.
    pub(crate) regression: Regression,
    /// What it came to.
    pub(crate) outcome: RegressionOutcome,
}

/// What a kept run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegressionOutcome {
    /// It holds now.
    Held,
    /// It broke: the campaign tells of it as of any finding.
    Broke,
    /// Its plan no longer fits the scenario, for this reason.
    Unfit(String),
}

/// Has a kept run again, with its record.
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

/// Why the plan of a recorded run does not fit, if it does not: it names nodes that are no more, or nothing of it struck in a
/// run that held, so that it tests nothing.
fn unfit(reply: &Reply) -> Option<String> {
    let record = reply.record.as_ref()?;
    let Plan { injections } = &reply.plan;
    let nodes = record.nodes.len();
    if let Some(node) = reply.plan.last_node().filter(|node| usize::from(*node) >= nodes) {
        return Some(format!("it names node number {node}, but there are {nodes} nodes"));
    }
    let number = |what: &What| match what {
        What::Fault { injection, .. } => Some(*injection),
        _ => None,
    };
    let struck: BTreeSet<u32> = record.events.iter().filter_map(|event| number(&event.what)).collect();
    let nothing_struck = !injections.is_empty() && struck.is_empty() && reply.violations.is_empty();
    nothing_struck.then(|| "no fault of its plan strikes any more".to_owned())
}
