//! Single runs of a scenario under a given plan.

use super::command::{Output, cli};
use afterlife::{Build, Engine, Injection, Plan, Token, Trigger};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
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
    let (mut ours, theirs) = UnixStream::pair().expect("there are free descriptors");
    let program = std::env::current_exe().expect("this process has an executable");
    let mut runner = Command::new(program);
    runner.env_clear().env("AFTERLIFE_RUNNER", "1").env("PATH", "/usr/bin:/bin");
    runner.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
    let mut runner = runner.spawn().expect("this executable can be started again");
    let request = serde_json::json!({
        "scenario": scenario, "build": "default", "engine": Engine::PORTABLE, "seed": 1, "plan": { "injections": injections },
        "record": true, "stack_at": null,
    });
    let request = serde_json::to_vec(&request).expect("a request is plain data");
    let length = (request.len() as u32).to_le_bytes();
    ours.write_all(&length).and_then(|()| ours.write_all(&request)).expect("the runner reads");
    let mut next = || {
        let mut length = [0; 4];
        ours.read_exact(&mut length).expect("the runner answers");
        let mut answer = vec![0; u32::from_le_bytes(length) as usize];
        ours.read_exact(&mut answer).expect("the runner answers");
        answer
    };
    let (answer, _exit_status) = (next(), next());
    // The end of the stream ends the runner.
    drop(ours);
    runner.wait().expect("the runner can be awaited");
    let answer: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
    let reply = &answer["Reply"];
    assert_eq!(reply["violations"], serde_json::json!([]), "{answer}");
    reply["record"].clone()
}
