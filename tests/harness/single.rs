//! Single runs of a scenario under a given plan.

use super::command::{Output, cli};
use afterlife::{Build, Engine, Injection, Plan, Token, Trigger};
use serde_json::Value;
use std::time::Duration;

/// A trigger at this time.
pub(crate) fn at(time: Duration) -> Trigger {
    Trigger::at(time)
}

/// Replays one seed of a scenario under this plan.
pub(crate) fn replay(scenario: &str, seed: u64, injections: Vec<Injection>) -> Output {
    let plan = Some(Plan { injections });
    let token = Token { scenario: scenario.to_owned(), build: Build::DEFAULT, engine: Engine::PORTABLE, seed, plan };
    cli(&["replay", &token.to_string()])
}

/// Asserts that three seeds hold under this plan.
pub(crate) fn holds(scenario: &str, injections: &[Injection]) {
    for seed in 0..3 {
        let output = replay(scenario, seed, injections.to_vec());
        assert_eq!(output.code, 0, "seed {seed}:\n{}{}", output.out, output.err);
    }
}

/// Asserts that the run of seed 0 under this plan breaks this invariant.
pub(crate) fn breaks(scenario: &str, injections: &[Injection], invariant: &str) -> Output {
    let output = replay(scenario, 0, injections.to_vec());
    let first = output.out.lines().next().unwrap_or_default();
    let heading = format!("✗ {}", afterlife::testing::title(invariant));
    let breaks = output.code == 1 && first.starts_with(&heading);
    assert!(breaks, "not `{heading}`:\n{}{}", output.out, output.err);
    output
}

/// The record of the run of seed 1 under this plan, as a runner process of this binary sends it. Asserts that the run holds.
pub(crate) fn recorded(scenario: &str, injections: &[Injection]) -> Value {
    let plan = Some(Plan { injections: injections.to_vec() });
    let token = Token { scenario: scenario.to_owned(), build: Build::DEFAULT, engine: Engine::PORTABLE, seed: 1, plan };
    let reply = afterlife::testing::reply_to(&token).expect("the runner replies");
    assert_eq!(reply["violations"], serde_json::json!([]), "{reply}");
    reply["record"].clone()
}
