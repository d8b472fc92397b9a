//! The promise on the bulk loader: the report and what the fix leaves open are found, each by its own claim, each token has
//! its run again in a fresh process, and the sound build holds.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The runner, writing into a folder of this test's own.
fn runner(words: &[&str]) -> Command {
    let out: PathBuf =
        [env!("CARGO_TARGET_TMPDIR"), "replica-loader", &words.join("_").replace('/', "-")].iter().collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_afterlife"));
    // Plans as they were drawn: what shrinking does to them is not what is tested here.
    command.args(words).env("AFTERLIFE_OUT", out).env("AFTERLIFE_SHRINK", "0").env("NO_COLOR", "1");
    command
}

fn said(words: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = runner(words).output().expect("the runner starts");
    let text = |bytes| String::from_utf8(bytes).expect("a report is text");
    assert_eq!(text(stderr), "");
    (status.code(), text(stdout))
}

/// The findings of a campaign in one build, and whether it held.
fn campaign(build: &str, seeds: &str) -> (Vec<Value>, bool) {
    let words =
        ["run", "replica-loader", "--build", build, "--seeds", seeds, "--max-failures", "30", "--report", "json"];
    let (code, out) = said(&words);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let summary = lines.last().expect("there is a summary");
    let held = summary["held"].as_bool().expect("it says whether it held");
    assert_eq!(code, Some(i32::from(!held)), "{out}");
    (lines.into_iter().filter(|line| line["kind"] == "finding").collect(), held)
}

fn invariants(findings: &[Value]) -> Vec<&str> {
    let mut found: Vec<&str> = findings.iter().filter_map(|finding| finding["invariant"].as_str()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A token has its run again, in a process that has nothing to do with the campaign.
fn replays(finding: &Value) {
    let token = finding["token"].as_str().expect("a finding has a token");
    let (code, page) = said(&["replay", token]);
    assert_eq!(code, Some(1), "{page}");
    let digest = page.lines().find_map(|line| line.trim().strip_prefix("digest "));
    assert_eq!(digest, finding["digest"].as_str(), "{page}");
}

#[test]
fn the_report_and_the_death_of_the_others_are_found_in_the_shipped_build() {
    let (findings, _) = campaign("shipped", "250");
    let found = invariants(&findings);
    for invariant in ["no-use-after-teardown", "joined-before-teardown", "blast-radius"] {
        assert!(found.contains(&invariant), "{invariant} is not among {found:?}");
    }
    let report = findings.iter().find(|finding| finding["invariant"] == "no-use-after-teardown").expect("it is there");
    assert!(report["subject"].as_str().is_some_and(|subject| subject.starts_with("files, generation")), "{report}");
    replays(report);
}

#[test]
fn the_patched_build_has_no_crash_and_what_the_fix_left_open() {
    let (findings, _) = campaign("patched", "100");
    let found = invariants(&findings);
    for invariant in ["no-stale-epoch-effect", "honest-progress", "joined-before-teardown", "always"] {
        assert!(found.contains(&invariant), "{invariant} is not among {found:?}");
    }
    for invariant in ["no-use-after-teardown", "no-silent-panic", "blast-radius"] {
        assert!(!found.contains(&invariant), "{invariant} is among {found:?}");
    }
    replays(findings.iter().find(|finding| finding["invariant"] == "no-stale-epoch-effect").expect("it is there"));
}

#[test]
fn the_sound_build_holds() {
    let (findings, held) = campaign("sound", "40");
    assert!(held, "{findings:?}");
}

#[test]
fn every_build_runs_one_seed_one_way() {
    let (code, out) = said(&["check", "replica-loader", "--pairs", "2"]);
    assert_eq!(code, Some(0), "{out}");
}
