//! The runner of the built-in systems, as tests start it: each command writes into a folder of its own.
//! Only tests see it; it judges nothing but that the runner says what it says without complaint.

// Each test file is a program of its own and needs some of this.
#![allow(dead_code)]

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The runner with these words.
pub(crate) fn runner(words: &[&str]) -> Command {
    let out = [env!("CARGO_TARGET_TMPDIR"), env!("CARGO_CRATE_NAME"), &words.join("_").replace('/', "-")];
    let mut command = Command::new(env!("CARGO_BIN_EXE_afterlife"));
    command.args(words).env("AFTERLIFE_OUT", out.iter().collect::<PathBuf>()).env("NO_COLOR", "1");
    command
}

/// The runner with these words, telling plans as they were drawn: how they shrink is tested where the shrinker is.
pub(crate) fn unshrunk(words: &[&str]) -> Command {
    let mut command = runner(words);
    command.env("AFTERLIFE_SHRINK", "0");
    command
}

/// What it says, and its exit code. It must not complain.
pub(crate) fn said(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().expect("the runner starts");
    let text = |bytes| String::from_utf8(bytes).expect("a report is text");
    assert_eq!(text(stderr), "");
    (status.code(), text(stdout))
}

/// The lines of a JSON report.
pub(crate) fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// What a campaign found, unshrunk, up to `max` findings.
pub(crate) fn findings(scenario: &str, build: &str, seeds: &str, max: &str) -> Vec<Value> {
    let words = ["run", scenario, "--build", build, "--seeds", seeds, "--max-failures", max, "--report", "json"];
    let (code, out) = said(&mut unshrunk(&words));
    let lines = lines(&out);
    let held = lines.last().and_then(|summary| summary["held"].as_bool()).expect("a summary says whether it held");
    assert_eq!(code, Some(i32::from(!held)), "{out}");
    lines.into_iter().filter(|line| line["kind"] == "finding").collect()
}

/// That a campaign over these seeds holds, and had all of them.
pub(crate) fn holds(scenario: &str, seeds: u64) {
    let count = seeds.to_string();
    let (code, out) = said(&mut runner(&["run", scenario, "--build", "sound", "--seeds", &count, "--report", "json"]));
    assert_eq!(code, Some(0), "{out}");
    let summary = lines(&out).pop().expect("there is a summary");
    assert_eq!((summary["runs"].as_u64(), summary["held"].as_bool()), (Some(seeds), Some(true)));
}

/// That every build of a scenario runs a seed one way.
pub(crate) fn runs_one_way(scenario: &str) {
    let (code, out) = said(&mut runner(&["check", scenario, "--pairs", "2"]));
    assert_eq!(code, Some(0), "{out}");
}

/// A text of a finding.
pub(crate) fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding[key].as_str().unwrap_or_default()
}

/// The digest that a page ends with.
pub(crate) fn digest(page: &str) -> Option<&str> {
    page.lines().find_map(|line| line.trim().strip_prefix("digest "))
}

/// That a finding's token has its run again, in a process that has nothing to do with the campaign; the page that it shows.
pub(crate) fn replays(finding: &Value) -> String {
    let (code, page) = said(&mut runner(&["replay", text(finding, "token")]));
    assert_eq!((code, digest(&page)), (Some(1), finding["digest"].as_str()), "{page}");
    page
}
