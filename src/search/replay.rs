//! A replay: one known run, executed twice in fresh processes and compared with its record.
//! It prints nothing and writes nothing.

use crate::failure::failing_run::FailingRun;
use crate::failure::token::Token;
use crate::model::verdict::Verdict;
use crate::run::log_filter::Filter;
use crate::run::request::{Record, Reply, Request};
use crate::runner::{Executor, RunnerError};
use crate::search::campaign::{failing_run, nothing_struck};
use crate::search::check::same;
use crate::search::moment::Moment;
use afterlife_sim::event::Digest;
use std::sync::Arc;

/// The outcome of a replay.
#[derive(Clone, Debug)]
pub(crate) enum Replayed {
    /// The run broke a claim, as expected.
    Broke(Box<FailingRun>),
    /// The run held.
    Held(Box<Reply>),
    /// The two runs differ.
    Nondeterministic([Digest; 2]),
    /// The plan names a node that the scenario no longer has.
    PlanUnfit {
        /// The highest node number that it names.
        node: u16,
        /// The number of nodes.
        nodes: usize,
    },
    /// The run held, and nothing of its plan struck: it shows nothing.
    NothingStruck {
        /// The number of injections.
        injections: usize,
        /// The run.
        reply: Box<Reply>,
    },
    /// The run differs from the record, because the code has changed.
    RecordUnfit {
        /// The record's digest.
        expected: Digest,
        /// The run's digest.
        met: Digest,
        /// The first event that differs, as recorded and now. `None` for a run that has ended.
        first: Option<[Option<Moment>; 2]>,
    },
    /// The two runs are the same up to the requested time, and nothing had broken by then.
    CutShort {
        /// The requested time, in virtual nanoseconds.
        until_ns: u64,
        /// The run up to it.
        reply: Box<Reply>,
    },
}

/// The options of a replay, besides its token.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// The recorded run. Any other run is unfit.
    pub(crate) recorded: Option<&'a FailingRun>,
    /// The traced lines that are shown.
    pub(crate) log: Option<&'a Filter>,
    /// The virtual time at which the run ends, in nanoseconds, if it has not ended by then.
    pub(crate) until_ns: Option<u64>,
}

impl Replayed {
    /// The run's record, if there is one run.
    pub(crate) fn record(&self) -> Option<&Record> {
        match self {
            Self::Broke(failure) => Some(&failure.record),
            Self::Held(reply) | Self::CutShort { reply, .. } | Self::NothingStruck { reply, .. } => {
                reply.record.as_ref()
            }
            Self::Nondeterministic(_) | Self::PlanUnfit { .. } | Self::RecordUnfit { .. } => None,
        }
    }

    /// The verdict, which decides the exit code.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Broke(_) => Verdict::Broke,
            Self::Held(_) | Self::CutShort { .. } => Verdict::Held,
            Self::Nondeterministic(_) => Verdict::Nondeterministic,
            Self::PlanUnfit { .. } | Self::RecordUnfit { .. } | Self::NothingStruck { .. } => Verdict::Unfit,
        }
    }
}

/// Replays the run of a token.
pub(crate) fn replay(
    executor: &dyn Executor,
    token: &Token,
    Wanted { recorded, log, until_ns }: Wanted<'_>,
) -> Result<Replayed, RunnerError> {
    let request = Request { until_ns, ..token.request(true) };
    let traced = Request { log: log.map(Filter::to_string), ..request.clone() };
    let [mut reply, mut again] = executor.fresh_pair([&request, &traced])?;
    let strayed = log.is_some() && !same(&reply, &again);
    if let (Some(record), Some(traced)) = (&mut reply.record, &mut again.record) {
        (record.lines, record.strayed) = (std::mem::take(&mut traced.lines), strayed);
    }
    // Tracing runs code that is otherwise skipped, so it may have changed the run. The run without tracing counts.
    if strayed {
        again = executor.fresh(&request)?;
    }
    if !same(&reply, &again) {
        return Ok(Replayed::Nondeterministic([reply.digest, again.digest]));
    }
    let nodes = reply.record.as_ref().map(|record| record.nodes.len());
    if let (Some(nodes), Some(node)) = (nodes, reply.plan.last_node())
        && usize::from(node) >= nodes
    {
        return Ok(Replayed::PlanUnfit { node, nodes });
    }
    if let Some(recorded) = recorded.filter(|recorded| recorded.finding.digest != reply.digest) {
        let first = reply.record.as_ref().and_then(|record| differs(&recorded.record, record, until_ns));
        // A part of a run has another digest than the whole.
        if until_ns.is_none() || first.is_some() {
            return Ok(Replayed::RecordUnfit { expected: recorded.finding.digest, met: reply.digest, first });
        }
    }
    Ok(match (failing_run(&request, reply.clone(), 1), until_ns) {
        (Some(failure), _) => Replayed::Broke(Box::new(failure)),
        (None, Some(until_ns)) if reply.virtual_ns >= until_ns => {
            Replayed::CutShort { until_ns, reply: Box::new(reply) }
        }
        (None, _) if nothing_struck(&reply) => {
            Replayed::NothingStruck { injections: reply.plan.injections.len(), reply: Box::new(reply) }
        }
        (None, _) => Replayed::Held(Box::new(reply)),
    })
}

/// The first event in which a run differs from its record. If only a part was run, only that part is compared.
fn differs(recorded: &Record, met: &Record, until_ns: Option<u64>) -> Option<[Option<Moment>; 2]> {
    let same = |index: &usize| recorded.events.get(*index) == met.events.get(*index);
    let most = recorded.events.len().max(met.events.len());
    let index = (0..most).find(|index| !same(index))?;
    if until_ns.is_some() && index >= met.events.len() {
        return None;
    }
    Some([recorded, met].map(|record| Moment::of(&Arc::new(record.clone()), index)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;
    use crate::model::build::Build;
    use crate::run::request::Ended;
    use crate::runner::fake::{Fake, held};
    use afterlife_sim::event::What;
    use std::cell::Cell;

    fn token() -> Token {
        Token {
            scenario: "toy".into(),
            build: Build::DEFAULT,
            engine: crate::model::engine::Engine::Native,
            seed: 3,
            plan: None,
        }
    }

    fn as_sampled(request: &Request) -> Reply {
        let failure = use_after_teardown();
        Reply {
            digest: failure.finding.digest,
            plan: failure.finding.plan,
            violations: vec![failure.finding.violation],
            record: Some(failure.record),
            ..held(request)
        }
    }

    fn replayed(executor: impl Fn(&Request) -> Reply, wanted: Wanted<'_>) -> Replayed {
        let replayed = replay(&Fake(|request: &Request, _| executor(request)), &token(), wanted);
        replayed.expect("the fake refuses nothing")
    }

    fn verdict(executor: impl Fn(&Request) -> Reply, recorded: Option<&FailingRun>) -> Verdict {
        replayed(executor, Wanted { recorded, ..Wanted::default() }).verdict()
    }

    #[test]
    fn a_replay_that_breaks_again_exits_as_the_campaign_did() {
        assert_eq!(verdict(as_sampled, None), Verdict::Broke);
        assert_eq!(verdict(as_sampled, Some(&use_after_teardown())), Verdict::Broke);
    }

    #[test]
    fn a_token_whose_run_now_holds_passes_but_its_record_is_unfit() {
        assert_eq!(verdict(held, None), Verdict::Held);
        assert_eq!(verdict(held, Some(&use_after_teardown())), Verdict::Unfit);
    }

    #[test]
    fn a_record_that_no_longer_fits_names_the_first_event_that_differs() {
        let later = |request: &Request| {
            let mut reply = as_sampled(request);
            reply.record.iter_mut().for_each(|record| record.events[9].time_ns += 1);
            Reply { digest: Digest(9, 9), ..reply }
        };
        let wanted = Wanted { recorded: Some(&use_after_teardown()), ..Wanted::default() };
        let Replayed::RecordUnfit { first: Some([Some(then), Some(now)]), .. } = replayed(later, wanted) else {
            panic!("it is not the run that was recorded")
        };
        assert_eq!((then.event().seq.0, then.event().time_ns), (9, 441_000_000));
        assert_eq!((now.event().seq.0, now.event().time_ns), (9, 441_000_001));
    }

    #[test]
    fn a_log_that_changes_the_run_is_marked_and_the_run_without_it_counts() {
        let strays = |request: &Request| {
            let reply = as_sampled(request);
            Reply { digest: Digest(u64::from(request.log.is_some()), 0), ..reply }
        };
        let filter = Filter::read("debug").expect("it is a filter");
        let wanted = Wanted { log: Some(&filter), ..Wanted::default() };
        let Replayed::Broke(failure) = replayed(strays, wanted) else { panic!("it breaks") };
        assert_eq!((failure.finding.digest, failure.record.strayed), (Digest(0, 0), true));
        let Replayed::Broke(failure) = replayed(as_sampled, wanted) else { panic!("it breaks") };
        assert!(!failure.record.strayed);
    }

    #[test]
    fn a_part_of_a_run_fits_the_record_of_the_whole() {
        let part = |request: &Request| {
            let mut reply = as_sampled(request);
            reply.record.iter_mut().for_each(|record| record.events.truncate(5));
            let virtual_ns = request.until_ns.expect("it was asked for");
            Reply { digest: Digest(9, 9), virtual_ns, violations: Vec::new(), ..reply }
        };
        let recorded = use_after_teardown();
        let wanted = Wanted { recorded: Some(&recorded), until_ns: Some(430_000_000), ..Wanted::default() };
        assert!(matches!(replayed(part, wanted), Replayed::CutShort { until_ns: 430_000_000, .. }));
        let other = |request: &Request| {
            let mut reply = part(request);
            reply.record.iter_mut().for_each(|record| record.events[3].time_ns += 1);
            reply
        };
        assert_eq!(replayed(other, wanted).verdict(), Verdict::Unfit);
    }

    #[test]
    fn a_plan_that_names_a_removed_node_is_unfit() {
        let fewer_nodes = |request: &Request| {
            let mut reply = as_sampled(request);
            reply.record.iter_mut().for_each(|record| record.nodes.truncate(2));
            reply
        };
        assert_eq!(verdict(fewer_nodes, None), Verdict::Unfit);
    }

    #[test]
    fn a_plan_of_which_nothing_strikes_is_unfit() {
        let held_with = |strikes: bool| {
            move |request: &Request| {
                let mut reply = Reply { violations: Vec::new(), ..as_sampled(request) };
                let is_fault = |what: &What| matches!(what, What::Fault { .. });
                reply
                    .record
                    .iter_mut()
                    .for_each(|record| record.events.retain(|event| strikes || !is_fault(&event.what)));
                reply
            }
        };
        assert_eq!(verdict(held_with(true), None), Verdict::Held);
        assert_eq!(verdict(held_with(false), None), Verdict::Unfit);
        assert!(matches!(replayed(held_with(false), Wanted::default()), Replayed::NothingStruck { injections: 3, .. }));
    }

    #[test]
    fn a_replay_whose_two_runs_differ_is_nondeterministic() {
        let runs = Cell::new(0);
        let flaky = |request: &Request| Reply { digest: Digest(runs.replace(runs.get() + 1), 0), ..held(request) };
        assert_eq!(verdict(flaky, None), Verdict::Nondeterministic);
    }

    #[test]
    fn a_run_that_the_machine_ended_once_is_carried_out_again() {
        for ended_by_the_machine in [0, 1] {
            let runs = Cell::new(0);
            let starved = |request: &Request| {
                let reply = as_sampled(request);
                if runs.replace(runs.get() + 1) != ended_by_the_machine {
                    return reply;
                }
                Reply { ended: Ended::Asleep { node: None, bound_ms: 5_000 }, digest: Digest(0, 0), ..reply }
            };
            assert_eq!(verdict(starved, None), Verdict::Broke);
            assert_eq!(runs.get(), 3);
        }
    }
}
