//! A replay: one known run, had again twice in fresh processes, and compared with what is known of it.
//! It prints nothing and writes nothing.

use crate::campaign::found;
use crate::check::same;
use crate::found::Found;
use crate::run::{Record, Reply, Request};
use crate::runner::{Executor, RunnerError};
use crate::story::last_node_named;
use crate::token::Token;
use crate::verdict::Verdict;
use afterlife_sim::event::Digest;

/// What came of a replay.
#[derive(Clone, Debug)]
pub(crate) enum Replayed {
    /// The run broke a claim, as one expects of a replay.
    Broke(Box<Found>),
    /// The run held.
    Held(Box<Reply>),
    /// The two runs were not the same.
    TwoWays([Digest; 2]),
    /// The plan names a node that the scenario no longer has.
    PlanUnfit {
        /// The highest node number that it names.
        node: u16,
        /// How many nodes there are.
        nodes: usize,
    },
    /// The run is not the one that the record is of: the code has changed since.
    RecordUnfit {
        /// The record's digest.
        expected: Digest,
        /// The run's.
        met: Digest,
    },
}

impl Replayed {
    /// The run's record, if there is one run.
    pub(crate) fn record(&self) -> Option<&Record> {
        match self {
            Self::Broke(found) => Some(&found.record),
            Self::Held(reply) => reply.record.as_ref(),
            Self::TwoWays(_) | Self::PlanUnfit { .. } | Self::RecordUnfit { .. } => None,
        }
    }

    /// What it means for the exit code.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Broke(_) => Verdict::Broke,
            Self::Held(_) => Verdict::Held,
            Self::TwoWays(_) => Verdict::TwoWays,
            Self::PlanUnfit { .. } | Self::RecordUnfit { .. } => Verdict::Unfit,
        }
    }
}

/// Has a token's run again. With an expected digest, any other run than that one is unfit; with a filter, what the program
/// traced comes along.
pub(crate) fn replay(
    executor: &dyn Executor,
    token: &Token,
    expected: Option<Digest>,
    log: Option<&str>,
) -> Result<Replayed, RunnerError> {
    let request = Request { log: log.map(str::to_owned), ..token.request(true) };
    let reply = executor.fresh(&request)?;
    let again = executor.fresh(&request)?;
    if !same(&reply, &again) {
        return Ok(Replayed::TwoWays([reply.digest, again.digest]));
    }
    let nodes = reply.record.as_ref().map(|record| record.nodes.len());
    if let (Some(nodes), Some(node)) = (nodes, last_node_named(&reply.plan.injections))
        && usize::from(node) >= nodes
    {
        return Ok(Replayed::PlanUnfit { node, nodes });
    }
    if let Some(expected) = expected.filter(|expected| *expected != reply.digest) {
        return Ok(Replayed::RecordUnfit { expected, met: reply.digest });
    }
    Ok(match found(&request, reply.clone(), 1) {
        Some(found) => Replayed::Broke(Box::new(found)),
        None => Replayed::Held(Box::new(reply)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::use_after_teardown;
    use crate::run::Build;
    use crate::runner::fake::{Fake, held};
    use std::cell::Cell;

    fn token() -> Token {
        Token { scenario: "toy".into(), build: Build::Sound, seed: 3, plan: None }
    }

    fn as_sampled(request: &Request) -> Reply {
        let found = use_after_teardown();
        Reply {
            digest: found.finding.digest,
            plan: found.finding.plan,
            violations: vec![found.finding.violation],
            record: Some(found.record),
            ..held(request)
        }
    }

    fn verdict(executor: impl Fn(&Request) -> Reply, expected: Option<Digest>) -> Verdict {
        let replayed = replay(&Fake(|request: &Request, _| executor(request)), &token(), expected, None);
        replayed.expect("the fake refuses nothing").verdict()
    }

    #[test]
    fn a_replay_that_breaks_again_exits_as_the_campaign_did() {
        assert_eq!(verdict(as_sampled, None), Verdict::Broke);
        assert_eq!(verdict(as_sampled, Some(use_after_teardown().finding.digest)), Verdict::Broke);
    }

    #[test]
    fn a_token_whose_run_now_holds_is_good_news_and_a_record_of_it_is_unfit() {
        assert_eq!(verdict(held, None), Verdict::Held);
        assert_eq!(verdict(held, Some(Digest(9, 9))), Verdict::Unfit);
    }

    #[test]
    fn a_plan_that_names_a_node_that_is_no_more_is_unfit() {
        let fewer_nodes = |request: &Request| {
            let mut reply = as_sampled(request);
            reply.record.iter_mut().for_each(|record| record.nodes.truncate(2));
            reply
        };
        assert_eq!(verdict(fewer_nodes, None), Verdict::Unfit);
    }

    #[test]
    fn a_replay_that_is_not_the_same_twice_is_no_replay() {
        let runs = Cell::new(0);
        let wobbling = |request: &Request| Reply { digest: Digest(runs.replace(runs.get() + 1), 0), ..held(request) };
        assert_eq!(verdict(wobbling, None), Verdict::TwoWays);
    }
}
