//! Starts the runner of the built-in systems for tests, each command with its own output folder.
//! It only asserts that the runner writes nothing to standard error.

// Each test file is its own program and uses only a part of this.
#![allow(dead_code)]

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The runner with these arguments.
pub(crate) fn runner(arguments: &[&str]) -> Command {
    let out = [env!("CARGO_TARGET_TMPDIR"), env!("CARGO_CRATE_NAME"), &arguments.join("_").replace('/', "-")];
    let mut command = Command::new(env!("CARGO_BIN_EXE_afterlife"));
    command.args(arguments).env("AFTERLIFE_OUT", out.iter().collect::<PathBuf>()).env("NO_COLOR", "1");
    command
}

/// The runner with these arguments and without shrinking, which the shrinker's tests cover.
pub(crate) fn unshrunk(arguments: &[&str]) -> Command {
    let mut command = runner(arguments);
    command.env("AFTERLIFE_SHRINK", "0");
    command
}

/// Runs a command and returns its exit code and output.
pub(crate) fn output(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().expect("the runner starts");
    let text = |bytes| String::from_utf8(bytes).expect("a report is text");
    assert_eq!(text(stderr), "");
    (status.code(), text(stdout))
}

/// The lines of a JSON report.
pub(crate) fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// Runs a campaign and returns up to `max` findings, unshrunk.
pub(crate) fn findings(scenario: &str, build: &str, seeds: &str, max: &str) -> Vec<Value> {
    let words = ["run", scenario, "--build", build, "--seeds", seeds, "--max-failures", max, "--report", "json"];
    let (code, out) = output(&mut unshrunk(&words));
    let lines = lines(&out);
    let held = lines.last().and_then(|summary| summary["held"].as_bool()).expect("a summary says whether it held");
    assert_eq!(code, Some(i32::from(!held)), "{out}");
    lines.into_iter().filter(|line| line["kind"] == "finding").collect()
}

/// Asserts that a campaign over these seeds holds and runs all of them.
pub(crate) fn holds(scenario: &str, seeds: u64) {
    let count = seeds.to_string();
    let (code, out) =
        output(&mut runner(&["run", scenario, "--build", "sound", "--seeds", &count, "--report", "json"]));
    assert_eq!(code, Some(0), "{out}");
    let summary = lines(&out).pop().expect("there is a summary");
    assert_eq!((summary["runs"].as_u64(), summary["held"].as_bool()), (Some(seeds), Some(true)));
}

/// Asserts that every build of a scenario is deterministic.
pub(crate) fn is_deterministic(scenario: &str) {
    let (code, out) = output(&mut runner(&["check", scenario, "--pairs", "2"]));
    assert_eq!(code, Some(0), "{out}");
}

/// A finding's field, as text.
pub(crate) fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding[key].as_str().unwrap_or_default()
}

/// The digest at the end of a page.
pub(crate) fn digest(page: &str) -> Option<&str> {
    page.lines().find_map(|line| line.trim().strip_prefix("digest "))
}

/// Asserts that a finding's token replays in a fresh process, and returns the page that this shows.
pub(crate) fn replays(finding: &Value) -> String {
    let (code, page) = output(&mut runner(&["replay", text(finding, "token")]));
    assert_eq!((code, digest(&page)), (Some(1), finding["digest"].as_str()), "{page}");
    page
}
