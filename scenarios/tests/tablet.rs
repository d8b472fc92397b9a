//! The promise on the tablet: the runner finds the crash loop, its token has it again in any process, and the build that one
//! could ship holds. What the runner does with any system is in `promise.rs`.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The runner, writing into a folder of this test's own.
fn runner(words: &[&str]) -> Command {
    let out: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "tablet", &words.join("_").replace('/', "-")].iter().collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_afterlife"));
    command.args(words).env("AFTERLIFE_OUT", out).env("NO_COLOR", "1");
    command
}

fn said(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().expect("the runner starts");
    let text = |bytes| String::from_utf8(bytes).expect("a report is text");
    assert_eq!(text(stderr), "");
    (status.code(), text(stdout))
}

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn findings(build: &str, seeds: &str) -> Vec<Value> {
    let words = [
        "run",
        "tablet",
        "--build",
        build,
        "--seeds",
        seeds,
        "--shrink",
        "0",
        "--max-failures",
        "20",
        "--report",
        "json",
    ];
    let (code, out) = said(&mut runner(&words));
    assert!(matches!(code, Some(0 | 1)), "{out}");
    lines(&out).into_iter().filter(|line| line["kind"] == "finding").collect()
}

/// What was found in the shipped build.
fn shipped() -> &'static [Value] {
    static FOUND: OnceLock<Vec<Value>> = OnceLock::new();
    FOUND.get_or_init(|| findings("shipped", "30"))
}

fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding[key].as_str().unwrap_or_default()
}

/// The crash loop of the report: what it dies of is the map, or the nil event that follows in the same moment.
fn is_reported(finding: &Value) -> bool {
    let signature = text(finding, "signature");
    text(finding, "invariant") == "no-crash-loop"
        && (signature.contains("tablet/stats.rs") || signature.contains("tablet/shard_sync.rs"))
}

fn digest(page: &str) -> Option<&str> {
    page.lines().find_map(|line| line.trim().strip_prefix("digest "))
}

#[test]
fn the_crash_loop_is_found_in_the_shipped_build_and_its_token_has_it_again() {
    let finding = shipped().iter().find(|finding| is_reported(finding)).expect("the reported crash loop is found");
    let token = text(finding, "token");
    let (code, page) = said(&mut runner(&["replay", token]));
    assert_eq!(code, Some(1));
    assert_eq!(digest(&page), finding["digest"].as_str());
    let mut bare = runner(&["replay", token]);
    let (_, other) = said(bare.env_clear().env("NO_COLOR", "1").current_dir("/"));
    assert_eq!(digest(&other), digest(&page));
}

#[test]
fn upstreams_fix_ends_the_reported_loop() {
    let patched = findings("patched", "20");
    assert!(!patched.iter().any(is_reported), "{patched:#?}");
}

#[test]
fn the_sound_build_holds() {
    assert_eq!(findings("sound", "8"), [] as [Value; 0]);
}
