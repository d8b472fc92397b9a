//! The coordinator in its three builds: the reported crash is found and had again, upstream's fix removes it and leaves
//! another, and the sound build holds. What a campaign promises in general is in `promise.rs`.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

fn said(words: &[&str]) -> (Option<i32>, String) {
    let out: PathBuf =
        [env!("CARGO_TARGET_TMPDIR"), "coordinator", &words.join("_").replace('/', "-")].iter().collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_afterlife"));
    let Output { status, stdout, stderr } =
        command.args(words).env("AFTERLIFE_OUT", out).env("NO_COLOR", "1").output().expect("the runner starts");
    let text = |bytes| String::from_utf8(bytes).expect("a report is text");
    assert_eq!(text(stderr), "");
    (status.code(), text(stdout))
}

/// What a campaign finds in a build, one of each kind.
fn findings(build: &str, seeds: &str) -> Vec<Value> {
    let words = ["run", "coordinator", "--build", build, "--seeds", seeds, "--max-failures", "1000"];
    let (code, out) = said(&[&words[..], &["--shrink", "0", "--report", "json"]].concat());
    assert_eq!(code, Some(1), "{out}");
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    lines.filter(|line| line["kind"] == "finding").collect()
}

fn in_shipped() -> &'static [Value] {
    static FOUND: OnceLock<Vec<Value>> = OnceLock::new();
    FOUND.get_or_init(|| findings("shipped", "60"))
}

fn has(found: &[Value], invariant: &str, subject: &str) -> bool {
    let of = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    found.iter().any(|it| of(it, "invariant") == invariant && of(it, "subject").starts_with(subject))
}

fn digest(page: &str) -> Option<&str> {
    page.lines().find_map(|line| line.trim().strip_prefix("digest "))
}

#[test]
fn the_shipped_build_uses_a_query_status_that_was_freed() {
    assert!(has(in_shipped(), "no-use-after-teardown", "query-status"), "{:?}", in_shipped());
}

#[test]
fn a_token_has_the_crash_again_in_a_fresh_process() {
    let crash = in_shipped().iter().find(|it| it["invariant"] == "no-use-after-teardown").expect("the crash is found");
    let token = crash["token"].as_str().expect("a finding has a token");
    let (code, first) = said(&["replay", token]);
    assert_eq!(code, Some(1));
    assert_eq!(digest(&first), crash["digest"].as_str());
    for _ in 0..3 {
        assert_eq!(said(&["replay", token]).1, first);
    }
}

#[test]
fn upstreams_fix_keeps_the_query_status_and_leaves_the_connections_callback() {
    let found = findings("patched", "120");
    assert!(!has(&found, "no-use-after-teardown", "query-status"), "{found:?}");
    assert!(has(&found, "no-callback-after-deregistration", "progress-callback"), "{found:?}");
    assert!(
        has(&found, "no-use-after-teardown", "used-output") || has(&found, "no-use-after-teardown", "affected-rows"),
        "{found:?}"
    );
}

/// Each of its runs has statuses that come when their query is over, and find no coordinator: that is not reported.
#[test]
fn the_sound_build_holds() {
    let (code, out) = said(&["run", "coordinator", "--build", "sound", "--seeds", "60", "--report", "json"]);
    assert_eq!(code, Some(0), "{out}");
    let summary: Value =
        out.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("there is a summary");
    assert_eq!((summary["runs"].as_u64(), summary["held"].as_bool()), (Some(60), Some(true)));
}

#[test]
fn every_build_runs_one_seed_one_way() {
    let (code, out) = said(&["check", "coordinator", "--pairs", "2"]);
    assert_eq!(code, Some(0), "{out}");
}
