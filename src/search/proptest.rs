//! Plans as `proptest` strategies: drawn and shrunk as in campaigns, for a user's own tests.
//! Keyed choices draw the plan, as in a campaign; proptest only chooses the seed.

#![allow(clippy::test_attr_in_doctest, reason = "the example is a test file, as a user writes it")]

use crate::failure::token::Token;
use crate::fault::{self, Plan};
use crate::model::build::Build;
use crate::run::request::Request;
use crate::runner::{Executor, Launch, Pool, RunnerError, serve_if_runner};
use crate::scenario::definition::Scenario;
use crate::scenario::description::Description;
use crate::search::shrink::simpler_plans;
use afterlife_sim::choice::Choices;
use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;
use std::fmt;
use std::sync::Arc;

/// A strategy of plans for a scenario's function: `plans!(orders)`. Each value is one seed with the plan that the scenario's
/// [`Faults`](crate::Faults) draw from it; [`holds`](Planned::holds) runs it in a process of its own. Failures are shrunk as in a
/// campaign, within proptest's `max_shrink_iters`. Use it only in a `proptest!` test: runner processes are that test, started
/// again.
///
/// ```
/// use afterlife::{Faults, Sim};
/// use proptest::prelude::*;
/// use std::time::Duration;
///
/// fn a_counter_that_is_restarted(sim: &mut Sim) {
///     let counter = sim.node("counter", |node| async move {
///         node.stopping().await;
///         Ok(())
///     });
///     sim.client("clock", |_| async {
///         tokio::time::sleep(Duration::from_secs(5)).await;
///         Ok(())
///     });
///     sim.faults(counter, Faults::lifecycle().quiet_after(Duration::from_secs(4)));
/// }
///
/// proptest! {
///     #![proptest_config(ProptestConfig::with_cases(16))]
///     #[test]
///     fn the_counter_survives_every_fault(run in afterlife::plans!(a_counter_that_is_restarted)) {
///         prop_assume!(!run.plan().injections.is_empty());
///         run.holds()?;
///     }
/// }
/// ```
#[macro_export]
macro_rules! plans {
    ($script:ident) => {{
        fn here() {}
        $crate::Plans::of($crate::Scenario::new(stringify!($script), $script), ::std::any::type_name_of_val(&here))
    }};
}

/// A strategy of [`Planned`] runs; see [`plans!`](crate::plans).
#[derive(Clone)]
pub struct Plans {
    offer: Arc<Offer>,
}

/// The parts that all values of one strategy share.
struct Offer {
    scenario: Scenario,
    build: Build,
    faults: Vec<(fault::Targets, fault::Faults)>,
    injected: Vec<fault::Injection>,
    path: String,
    pool: Pool,
}

impl fmt::Debug for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plans of {}", self.offer.scenario.name())
    }
}

impl Plans {
    /// The plans of a scenario, for the test that contains `here`: use [`plans!`](crate::plans).
    ///
    /// # Panics
    /// If no runner process can be started.
    #[doc(hidden)]
    pub fn of(scenario: Scenario, here: &str) -> Self {
        serve_if_runner(&[&scenario]);
        let path = test_path(here);
        let launch = Launch::of_this_test(&path).unwrap_or_else(|error| panic!("{}", RunnerError::Start(error)));
        let build = scenario.default_build();
        // As far as plans are concerned, a scenario's nodes and faults are the same for every seed.
        let described = scenario.describe(build, 0).unwrap_or_else(|why| panic!("{why}"));
        let Description { faults, injected, .. } = described;
        Self { offer: Arc::new(Offer { scenario, build, faults, injected, path, pool: Pool::new(launch, 1) }) }
    }
}

/// The test runner's path of the function around this one: `crate::orders::hold::{{closure}}::here` is `orders::hold`.
fn test_path(here: &str) -> String {
    let inner = here.strip_suffix("::here").unwrap_or(here);
    let path: Vec<&str> = inner.split("::").skip(1).take_while(|name| !name.starts_with("{{")).collect();
    path.join("::")
}

impl Strategy for Plans {
    type Tree = PlanTree;
    type Value = Planned;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = any::<u64>().new_tree(runner)?.current();
        let drawn = fault::draw(&Choices::new(seed), &self.offer.faults, self.offer.scenario.engine());
        let plan = Plan { injections: self.offer.injected.iter().cloned().chain(drawn.injections).collect() };
        let planned = Planned { offer: self.offer.clone(), seed, plan };
        Ok(PlanTree { failing: planned.clone(), shown: planned, simpler: Vec::new() })
    }
}

/// A plan and its simpler plans.
pub struct PlanTree {
    failing: Planned,
    shown: Planned,
    /// The plans that are still to be tried, the next one last.
    simpler: Vec<Plan>,
}

impl PlanTree {
    fn show_next(&mut self) -> bool {
        match self.simpler.pop() {
            Some(plan) => {
                self.shown.plan = plan;
                true
            }
            None => {
                self.shown.plan = self.failing.plan.clone();
                false
            }
        }
    }
}

impl ValueTree for PlanTree {
    type Value = Planned;

    fn current(&self) -> Planned {
        self.shown.clone()
    }

    fn simplify(&mut self) -> bool {
        self.failing = self.shown.clone();
        self.simpler = simpler_plans(&self.failing.plan);
        self.simpler.reverse();
        self.show_next()
    }

    fn complicate(&mut self) -> bool {
        self.show_next()
    }
}

/// One run of a scenario under one plan.
#[derive(Clone)]
pub struct Planned {
    offer: Arc<Offer>,
    seed: u64,
    plan: Plan,
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} under {:?}", self.offer.scenario.name(), self.plan.injections)
    }
}

/// A claim that broke under a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {sentence}\n  replay   AFTERLIFE_REPLAY={token}")]
pub struct Broken {
    /// The invariant's id.
    pub invariant: String,
    /// The sentence of the violation.
    pub sentence: String,
    /// The token of the run.
    pub token: String,
}

impl Planned {
    /// The seed of everything that the plan does not determine.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs it in a process of its own. Every call is the same run.
    ///
    /// # Errors
    /// The first claim that broke.
    ///
    /// # Panics
    /// If the runner process cannot be started, or does not know the scenario.
    pub fn holds(&self) -> Result<(), Broken> {
        let Offer { scenario, build, path, pool, .. } = &*self.offer;
        let token = Token {
            scenario: scenario.name().to_owned(),
            build: *build,
            engine: scenario.engine(),
            seed: self.seed,
            plan: Some(self.plan.clone()),
        };
        let request: Request = token.request(false);
        let mut replies = Vec::new();
        let ran = pool.in_order(&mut std::iter::once(request), &mut |_, reply| {
            replies.push(reply);
            std::ops::ControlFlow::Continue(())
        });
        ran.unwrap_or_else(|error| panic!("{error}, in the test `{path}`"));
        match replies.into_iter().flat_map(|reply| reply.violations).next() {
            None => Ok(()),
            Some(violation) => {
                Err(Broken { invariant: violation.invariant, sentence: violation.sentence, token: token.to_string() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_test_follows_from_a_name_in_it() {
        assert_eq!(test_path("shop::orders::hold::{{closure}}::here"), "orders::hold");
        assert_eq!(test_path("shop::hold::here"), "hold");
    }
}
