//! The check for determinism: one request in two fresh processes, compared event by event.
//! It does not find the cause of a difference; it names the first event that differs, and its stack.

use crate::run::request::{Record, Reply, Request};
use crate::runner::{Executor, RunnerError};
use crate::search::moment::Moment;
use afterlife_sim::event::{Digest, Seq};
use std::sync::Arc;

/// Two runs of one request that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The request's seed.
    pub(crate) seed: u64,
    /// The number of events that both have in common.
    pub(crate) common: u64,
    /// The digests.
    pub(crate) digests: [Digest; 2],
    /// The next event of each.
    pub(crate) events: [Next; 2],
    /// The stacks at that event, from two more runs.
    pub(crate) stacks: Vec<Stack>,
}

/// The continuation of a run after the last event in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This event.
    Event(Moment),
    /// The end of the run.
    End,
    /// Unknown, because the run sent no events.
    Unknown,
}

/// A stack at the first event that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    /// The first of the two runs, 0 or 1, that equals this run up to that event; `None` if neither does.
    pub(crate) like: Option<usize>,
    /// The event there, if the run got that far.
    pub(crate) event: Option<Moment>,
    /// The stack, as text.
    pub(crate) text: String,
}

/// Executes a request twice, each time in a fresh process, and returns the difference, if there is one.
pub(crate) fn check(executor: &dyn Executor, request: &Request) -> Result<Option<Difference>, RunnerError> {
    let recorded = Request { record: true, stack_at: None, ..request.clone() };
    let mut pair = executor.fresh_pair([&recorded, &recorded])?;
    if same(&pair[0], &pair[1]) {
        return Ok(None);
    }
    let known = pair.each_ref().map(|reply| reply.record.is_some());
    let records = pair.each_mut().map(|reply| Arc::new(reply.record.take().unwrap_or_default()));
    let common = common(&records[0], &records[1]);
    let mut stacks = Vec::new();
    if records.iter().any(|record| record.events.len() > common) {
        let with_stack = Request { stack_at: Some(Seq(common as u64)), ..recorded };
        for _ in 0..2 {
            let reply = executor.fresh(&with_stack)?;
            stacks.extend(stack(reply, &records, common));
        }
    }
    Ok(Some(Difference {
        seed: request.seed,
        common: common as u64,
        digests: [0, 1].map(|run: usize| pair[run].digest),
        events: [0, 1].map(|run: usize| next(&records[run], known[run], common)),
        stacks,
    }))
}

/// Returns whether two replies are those of the same run. Processor time is real, so it is not compared.
pub(crate) fn same(first: &Reply, second: &Reply) -> bool {
    first.digest == second.digest && first.ended == second.ended && first.violations == second.violations
}

/// The number of events that two records have in common.
fn common(first: &Record, second: &Record) -> usize {
    let pairs = first.digests.iter().zip(&second.digests);
    pairs.take_while(|(first, second)| first == second).count()
}

fn next(record: &Arc<Record>, is_known: bool, at: usize) -> Next {
    match Moment::of(record, at) {
        Some(moment) => Next::Event(moment),
        None if is_known => Next::End,
        None => Next::Unknown,
    }
}

fn stack(reply: Reply, records: &[Arc<Record>; 2], at: usize) -> Option<Stack> {
    let digest = reply.record.as_ref().and_then(|record| record.digests.get(at));
    let like = digest.and_then(|digest| records.iter().position(|record| record.digests.get(at) == Some(digest)));
    let event = reply.record.and_then(|record| Moment::of(&Arc::new(record), at));
    Some(Stack { like, event, text: reply.stack? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;
    use crate::failure::token::Token;
    use crate::runner::fake::{Fake, held};
    use std::cell::Cell;

    fn request() -> Request {
        Token {
            scenario: "toy".into(),
            build: crate::model::build::Build::DEFAULT,
            engine: crate::model::engine::Engine::Native,
            seed: 3,
            plan: None,
        }
        .request(false)
    }

    #[test]
    fn two_equal_runs_have_no_difference() {
        let executor = Fake(|request: &Request, _| held(request));
        assert_eq!(check(&executor, &request()).ok(), Some(None));
    }

    #[test]
    fn the_first_event_that_differs_is_named_with_both_stacks() {
        let runs = Cell::new(0);
        let executor = Fake(|request: &Request, _| {
            let run = runs.replace(runs.get() + 1);
            let mut record = use_after_teardown().record;
            if run % 2 == 1 {
                record.events[9].time_ns += 1;
                record.digests[9..].iter_mut().for_each(|digest| *digest += 1_000);
            }
            let stack = request.stack_at.map(|at| format!("stack of run {run} at {}", at.0));
            Reply { digest: Digest(run % 2, 0), record: Some(record), stack, ..held(request) }
        });
        let difference = check(&executor, &request()).ok().flatten().expect("the digests differ");
        assert_eq!(difference.common, 9);
        let [Next::Event(first), Next::Event(second)] = &difference.events else {
            panic!("both runs have an event there")
        };
        assert_eq!((first.event().seq, first.event().time_ns), (Seq(9), 441_000_000));
        assert_eq!((second.event().seq, second.event().time_ns), (Seq(9), 441_000_001));
        let stacks: Vec<_> = difference.stacks.iter().map(|stack| (stack.like, stack.text.as_str())).collect();
        assert_eq!(stacks, [(Some(0), "stack of run 2 at 9"), (Some(1), "stack of run 3 at 9")]);
    }
}
