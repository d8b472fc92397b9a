//! The promise on a built-in system: the runner finds the crash, and its token replays it byte for byte in any process.
//! The root package's `tests/e2e/campaign/promise.rs` tests the same promise on small planted scenarios, and every refusal.

mod runner;

use runner::{digest, holds, is_deterministic, lines, output, runner, text};
use serde_json::Value;
use std::sync::OnceLock;

/// The first finding in the shipped build.
fn finding() -> &'static Value {
    static FINDING: OnceLock<Value> = OnceLock::new();
    FINDING.get_or_init(|| {
        let words =
            ["run", "raft-master", "--build", "shipped", "--seeds", "40", "--max-failures", "10", "--report", "json"];
        let (code, out) = output(&mut runner(&words));
        assert_eq!(code, Some(1), "{out}");
        // Early and repeated signals are found on the way.
        let is_the_crash = |line: &Value| line["kind"] == "finding" && line["invariant"] == "no-use-after-teardown";
        lines(&out).into_iter().find(is_the_crash).expect("the campaign finds the crash")
    })
}

fn token() -> &'static str {
    text(finding(), "token")
}

#[test]
fn the_shutdown_crash_is_found_in_the_shipped_build() {
    let finding = finding();
    assert_eq!(finding["scenario"], "raft-master");
    assert_eq!(finding["build"], "shipped");
    assert_eq!(finding["invariant"], "no-use-after-teardown");
    assert!(finding["subject"].as_str().is_some_and(|subject| subject.starts_with("metadata-db")), "{finding}");
    assert!(token().starts_with("a2-raft-master-"), "{}", token());
}

#[test]
fn twenty_replays_are_one_run() {
    let (code, first) = output(&mut runner(&["replay", token()]));
    assert_eq!(code, Some(1));
    assert_eq!(digest(&first), finding()["digest"].as_str());
    for _ in 1..20 {
        assert_eq!(output(&mut runner(&["replay", token()])), (Some(1), first.clone()));
    }
}

#[test]
fn a_replay_elsewhere_is_the_same_run() {
    let (_, usual) = output(&mut runner(&["replay", token()]));
    let mut bare = runner(&["replay", token()]);
    let (_, other) = output(bare.env_clear().env("NO_COLOR", "1").current_dir("/"));
    assert_eq!(digest(&other), digest(&usual));
    let (_, futex) = output(runner(&["replay", token()]).env("AFTERLIFE_SWITCH", "futex"));
    assert_eq!(digest(&futex), digest(&usual));
}

#[test]
fn the_environment_replays_as_the_command_does() {
    let by_command = output(&mut runner(&["replay", token()]));
    assert_eq!(output(runner(&[]).env("AFTERLIFE_REPLAY", token())), by_command);
}

#[test]
fn the_sound_build_holds() {
    holds("raft-master", 30);
}

#[test]
fn every_build_is_deterministic() {
    is_deterministic("raft-master");
}

#[test]
fn one_job_and_two_find_the_same() {
    let campaign = |jobs| {
        let words = ["run", "raft-master", "--build", "shipped", "--seeds", "10", "--report", "json", "--jobs", jobs];
        let (code, out) = output(&mut runner(&words));
        let mut lines = lines(&out);
        for line in lines.iter_mut().filter_map(Value::as_object_mut) {
            for real in ["cpu_ns", "path", "id"] {
                line.remove(real);
            }
        }
        (code, lines)
    };
    assert_eq!(campaign("1"), campaign("2"));
}
