//! Modules of a test binary: scenarios and tests of one behaviour.

use super::command::{campaign_holds, is_command};
use afterlife::{Scenario, Sim};
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::panic::UnwindSafe;
use std::process::ExitCode;

/// One behaviour: the scenarios that show it, and the tests that run them.
#[derive(Default)]
pub(crate) struct Module {
    scenarios: Vec<Scenario>,
    trials: Vec<Trial>,
}

impl Module {
    /// Tests that call this binary over these scenarios.
    pub(crate) fn new(scenarios: Vec<Scenario>, trials: Vec<Trial>) -> Self {
        Self { scenarios, trials }
    }

    /// Scenarios that must hold. Each is a test of its own: a campaign over all its seeds.
    pub(crate) fn campaigns(campaigns: Vec<(Scenario, &'static str)>) -> Self {
        let test =
            |(scenario, path): (Scenario, &str)| (scenario, trial(path, move || campaign_holds(scenario.name())));
        let (scenarios, trials) = campaigns.into_iter().map(test).unzip();
        Self { scenarios, trials }
    }

    /// The scenarios and tests of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.scenarios.extend(other.scenarios);
        self.trials.extend(other.trials);
        self
    }
}

/// A scenario with one build.
pub(crate) fn scenario(name: &'static str, script: fn(&mut Sim)) -> Scenario {
    Scenario::new(name, script).seeds(20)
}

/// A test with this path, without the name of the crate.
pub(crate) fn trial(path: &str, test: impl FnOnce() + UnwindSafe + Send + 'static) -> Trial {
    let in_crate = path.split_once("::").map_or(path, |(_, path)| path);
    Trial::test(in_crate, move || {
        std::panic::catch_unwind(test).map_err(|panic| match panic.downcast_ref::<String>() {
            Some(message) => Failed::from(message),
            None => Failed::from(panic.downcast_ref::<&str>().copied().unwrap_or("a panic without a message")),
        })
    })
}

/// Scenarios named after their functions: `scenarios![a_stop, a_kill]`.
macro_rules! scenarios {
    ($($script:ident),* $(,)?) => {
        vec![$(crate::harness::scenario(stringify!($script), $script)),*]
    };
}
pub(crate) use scenarios;

/// Tests named after their functions: `trials![a_stop_sends_fin, a_kill_resets]`.
macro_rules! trials {
    ($($test:ident),* $(,)?) => {
        vec![$(crate::harness::trial(concat!(module_path!(), "::", stringify!($test)), $test)),*]
    };
}
pub(crate) use trials;

/// Scenarios that are tests themselves, each with its number of seeds: `campaigns![bytes_arrive: 20, ports_differ: 100]`.
macro_rules! campaigns {
    ($($script:ident: $seeds:literal),* $(,)?) => {
        vec![$((
            crate::harness::scenario(stringify!($script), $script).seeds($seeds),
            concat!(module_path!(), "::", stringify!($script)),
        )),*]
    };
}
pub(crate) use campaigns;

/// The main function of such a binary: a runner process, a command, or the tests.
pub(crate) fn main(modules: impl IntoIterator<Item = Module>) -> ExitCode {
    let Module { scenarios, mut trials } = modules.into_iter().fold(Module::default(), Module::and);
    if is_command() || std::env::var_os("AFTERLIFE_RUNNER").is_some() {
        return afterlife::main(&scenarios);
    }
    trials.push(trial("every_scenario_has_a_unique_name", move || {
        let mut names = BTreeSet::new();
        let repeated: Vec<_> = scenarios.iter().map(Scenario::name).filter(|name| !names.insert(*name)).collect();
        assert_eq!(repeated, [""; 0]);
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
