//! A test binary that is a runner as well: its scenarios break on purpose, and its tests call it as a user would.
//! It plants nothing itself and judges nothing.

#![allow(dead_code, reason = "each test binary uses what it needs")]

use afterlife::{Build, Injection, Plan, Scenario, Sim, Token, Trigger};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::panic::UnwindSafe;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Memory budgets want it; to scenarios without one it makes no difference.
#[global_allocator]
static MEMORY: afterlife::Memory = afterlife::Memory;

/// Set where this binary is called as a command, and not as a test runner.
const COMMAND: &str = "PLANTED_COMMAND";

/// One behaviour: the scenarios that show it, and the tests that run them.
#[derive(Default)]
pub(crate) struct Module {
    scenarios: Vec<Scenario>,
    trials: Vec<Trial>,
}

impl Module {
    /// Tests that start the binary over these scenarios.
    pub(crate) fn new(scenarios: Vec<Scenario>, trials: Vec<Trial>) -> Self {
        Self { scenarios, trials }
    }

    /// Scenarios that must hold, each a test of its own: a campaign over all its seeds.
    pub(crate) fn campaigns(campaigns: Vec<(Scenario, &'static str)>) -> Self {
        let (scenarios, names): (Vec<_>, Vec<_>) = campaigns.into_iter().unzip();
        let trials = names.into_iter().map(|path| trial(path, move || campaign_holds(name_of(path)))).collect();
        Self { scenarios, trials }
    }

    /// Both of them.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.scenarios.extend(other.scenarios);
        self.trials.extend(other.trials);
        self
    }
}

/// A scenario in one build, under its function's name.
pub(crate) fn scenario(name: &'static str, script: fn(&mut Sim)) -> Scenario {
    Scenario::new(name, script).seeds(20)
}

/// A test under its function's path.
pub(crate) fn trial(path: &str, test: impl FnOnce() + UnwindSafe + Send + 'static) -> Trial {
    let in_crate = path.split_once("::").map_or(path, |(_, path)| path);
    Trial::test(in_crate, move || {
        std::panic::catch_unwind(test).map_err(|panic| match panic.downcast_ref::<String>() {
            Some(message) => Failed::from(message),
            None => Failed::from(panic.downcast_ref::<&str>().copied().unwrap_or("a panic without a text")),
        })
    })
}

/// The last name of a path.
fn name_of(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// A campaign over as many seeds as the scenario asks for; `AFTERLIFE_SEEDS` asks for others.
pub(crate) fn campaign_holds(scenario: &str) {
    // The test runner already runs tests side by side, so that one runner process for each is enough.
    let said = carry_out(&mut command(&["run", scenario, "--max-failures", "1", "--jobs", "1"]));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

/// Names functions once: `scenarios![a_b, c]` offers `a_b` and `c`.
#[allow(unused_macros, reason = "each test binary uses what it needs")]
macro_rules! scenarios {
    ($($script:ident),* $(,)?) => {
        vec![$(crate::harness::scenario(stringify!($script), $script)),*]
    };
}
#[allow(unused_imports, reason = "each test binary uses what it needs")]
pub(crate) use scenarios;

/// The same for tests.
#[allow(unused_macros, reason = "each test binary uses what it needs")]
macro_rules! trials {
    ($($test:ident),* $(,)?) => {
        vec![$(crate::harness::trial(concat!(module_path!(), "::", stringify!($test)), $test)),*]
    };
}
#[allow(unused_imports, reason = "each test binary uses what it needs")]
pub(crate) use trials;

/// The same for scenarios that are tests themselves, each with its number of seeds: `campaigns![a_b: 20, c: 100]`.
#[allow(unused_macros, reason = "each test binary uses what it needs")]
macro_rules! campaigns {
    ($($script:ident: $seeds:literal),* $(,)?) => {
        vec![$((
            crate::harness::scenario(stringify!($script), $script).seeds($seeds),
            concat!(module_path!(), "::", stringify!($script)),
        )),*]
    };
}
#[allow(unused_imports, reason = "each test binary uses what it needs")]
pub(crate) use campaigns;

/// What such a binary's main function does.
pub(crate) fn main(modules: impl IntoIterator<Item = Module>) -> ExitCode {
    let Module { scenarios, mut trials } = modules.into_iter().fold(Module::default(), Module::and);
    if std::env::var_os(COMMAND).is_some() || std::env::var_os("AFTERLIFE_RUNNER").is_some() {
        return afterlife::main(&scenarios);
    }
    trials.push(trial("every_scenario_has_a_name_of_its_own", move || {
        let mut names = BTreeSet::new();
        let twice: Vec<_> = scenarios.iter().filter(|scenario| !names.insert(scenario.name())).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its standard output.
    pub(crate) out: String,
    /// Its standard error.
    pub(crate) err: String,
}

impl Said {
    /// The lines of a JSON report.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self:?}"));
        self.out.lines().map(line).collect()
    }

    /// Its findings.
    pub(crate) fn findings(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["kind"] == "finding").collect()
    }

    /// Its only finding.
    pub(crate) fn finding(&self) -> Value {
        let findings = self.findings();
        assert_eq!(findings.len(), 1, "one finding, and not {}: {}", findings.len(), self.out);
        findings.into_iter().next().unwrap_or_default()
    }

    /// Its last line.
    pub(crate) fn summary(&self) -> Value {
        let summary = self.lines().pop().unwrap_or_default();
        assert_eq!(summary["kind"], "summary", "the last line is the summary: {self:?}");
        summary
    }
}

/// This binary as a command. What it writes lies in a folder of its own, by the command's words.
pub(crate) fn command(words: &[&str]) -> Command {
    let program = std::env::current_exe().expect("this process has an executable");
    let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let out: PathBuf = [env!("CARGO_TARGET_TMPDIR"), &name, &words.join("_").replace('/', "-")].iter().collect();
    let mut command = Command::new(program);
    command.args(words).env(COMMAND, "1").env("AFTERLIFE_OUT", out).env("NO_COLOR", "1");
    command
}

/// Carries a command out.
pub(crate) fn carry_out(command: &mut Command) -> Said {
    let output = command.output().expect("this executable can be started again");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a report is text");
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// A campaign over these seeds of a scenario, as JSON.
pub(crate) fn run(scenario: &str, seeds: &str) -> Said {
    carry_out(&mut command(&["run", scenario, "--seeds", seeds, "--report", "json"]))
}

/// One run of a scenario under this plan.
pub(crate) fn replay(scenario: &str, seed: u64, injections: Vec<Injection>) -> Said {
    let plan = Some(Plan { injections });
    let token =
        Token { scenario: scenario.to_owned(), build: Build::Sound, engine: afterlife::Engine::PORTABLE, seed, plan }
            .to_string();
    carry_out(&mut command(&["replay", &token]))
}

/// The record of one run under this plan, as a runner process of this binary sends it; the run holds.
pub(crate) fn recorded(scenario: &str, injections: &[Injection]) -> Value {
    let (mut ours, theirs) = UnixStream::pair().expect("there are descriptors");
    let program = std::env::current_exe().expect("this process has an executable");
    let mut runner = Command::new(program);
    runner.env_clear().env("AFTERLIFE_RUNNER", "1").env("PATH", "/usr/bin:/bin");
    let mut runner =
        runner.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).spawn().expect("it can be started again");
    let request = serde_json::json!({
        "scenario": scenario, "build": "sound", "engine": afterlife::Engine::PORTABLE, "seed": 1, "plan": { "injections": injections }, "record": true,
        "stack_at": null,
    });
    let request = serde_json::to_vec(&request).expect("it is plain data");
    let length = (request.len() as u32).to_le_bytes();
    ours.write_all(&length).and_then(|()| ours.write_all(&request)).expect("the runner listens");
    let mut next = || {
        let mut length = [0; 4];
        ours.read_exact(&mut length).expect("the runner answers");
        let mut answer = vec![0; u32::from_le_bytes(length) as usize];
        ours.read_exact(&mut answer).expect("the runner answers");
        answer
    };
    let (answer, _how_the_child_ended) = (next(), next());
    drop(ours);
    runner.wait().expect("it ends with its line");
    let answer: Value = serde_json::from_slice(&answer).expect("answers are JSON");
    let reply = &answer["Reply"];
    assert_eq!(reply["violations"], serde_json::json!([]), "{answer}");
    reply["record"].clone()
}

/// Asserts that a run held under this plan, for a few seeds.
pub(crate) fn holds(scenario: &str, injections: &[Injection]) {
    for seed in 0..3 {
        let said = replay(scenario, seed, injections.to_vec());
        assert_eq!(said.code, 0, "seed {seed}:\n{}{}", said.out, said.err);
    }
}

/// Asserts that a run broke this invariant under this plan.
pub(crate) fn breaks(scenario: &str, injections: &[Injection], invariant: &str) -> Said {
    let said = replay(scenario, 0, injections.to_vec());
    let first = said.out.lines().next().unwrap_or_default();
    let told = format!("✗ {}", invariant.replace('-', " "));
    assert!(said.code == 1 && first.starts_with(&told), "not `{told}`:\n{}{}", said.out, said.err);
    said
}

/// A duration in whole nanoseconds.
pub(crate) fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("a short one")
}

/// A trigger at this time.
pub(crate) fn at(moment: Duration) -> Trigger {
    Trigger::at(moment)
}
