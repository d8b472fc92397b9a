//! The command `check`: seeds run twice, in two processes.

use crate::cli::arguments::Check;
use crate::cli::context::{human, request};
use crate::cli::select;
use crate::invariant::NO_UNSUPPORTED_CALL;
use crate::model::build::Build;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{Line, Tone, WIDTH, differs, matching, wrap};
use crate::runner::{Executor, Launch, Pool, RunnerError};
use crate::scenario::definition::Scenario;
use crate::search::budget::{Limit, check_ends};
use crate::search::check::check;
use std::ops::Range;

pub(in crate::cli) fn check_pairs(scenarios: &[Scenario], arguments: &Check) -> Result<Verdict, Refusal> {
    let chosen = select::matching(scenarios, arguments.filter.as_deref())?;
    let limit = Limit { seeds: "--seeds", next: "write a range such as --seeds 0..100" };
    arguments.seeds.iter().try_for_each(|seeds| check_ends(seeds, None, &limit))?;
    let launch = Launch::of_this_program().map_err(RunnerError::Start)?;
    let pool = Pool::new(if arguments.strict { launch.strict() } else { launch }, 1);
    let mut human = human();
    let mut checked = false;
    let mut verdict = Verdict::Held;
    for scenario in &chosen {
        for build in select::builds(scenario, arguments.build) {
            checked = true;
            let seeds = arguments.seeds.clone().unwrap_or(0..arguments.pairs);
            let pairs = seeds.end - seeds.start;
            if arguments.strict
                && let Some(escape) = escape(&pool, scenario, build, seeds.clone())?
            {
                verdict = verdict.and(Verdict::Broke);
                human
                    .print(&wrap(&escape, WIDTH).into_iter().map(|line| Line::of(Tone::Bad, line)).collect::<Vec<_>>());
                continue;
            }
            let difference =
                seeds.map(|seed| request(scenario, build, seed)).find_map(|request| check(&pool, &request).transpose());
            let lines = match difference.transpose()? {
                None => vec![matching(scenario.name(), build, pairs)],
                Some(difference) => {
                    verdict = verdict.and(Verdict::Nondeterministic);
                    differs(scenario.name(), build, &difference)
                }
            };
            human.print(&lines);
        }
    }
    match (checked, arguments.build) {
        (false, Some(build)) => Err(select::no_such_build(&chosen, build)),
        _ => Ok(verdict),
    }
}

/// The first call in these runs that bypasses the virtual kernel.
fn escape(pool: &Pool, scenario: &Scenario, build: Build, seeds: Range<u64>) -> Result<Option<String>, Refusal> {
    for seed in seeds {
        let reply = pool.fresh(&request(scenario, build, seed))?;
        let escape = reply.violations.into_iter().find(|violation| violation.invariant == NO_UNSUPPORTED_CALL);
        if let Some(violation) = escape {
            return Ok(Some(format!("{}, {build}, seed {seed}: {}", scenario.name(), violation.sentence)));
        }
    }
    Ok(None)
}
