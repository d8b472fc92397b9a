//! The promise on the tablet: the runner finds the crash loop, its token has it again in any process, and the build that one
//! could ship holds. What the runner does with any system is in `promise.rs`.

mod runner;

use runner::{digest, findings, holds, replays, runner, runs_one_way, said, text};
use serde_json::Value;
use std::sync::OnceLock;

/// What was found in the shipped build.
fn shipped() -> &'static [Value] {
    static FOUND: OnceLock<Vec<Value>> = OnceLock::new();
    FOUND.get_or_init(|| findings("tablet", "shipped", "120", "20"))
}

/// The crash loop of the report: what it dies of is the map, or the nil event that follows in the same moment.
fn is_reported(finding: &Value) -> bool {
    let signature = text(finding, "signature");
    text(finding, "invariant") == "no-crash-loop"
        && (signature.contains("tablet/stats.rs") || signature.contains("tablet/shard_sync.rs"))
}

#[test]
fn the_crash_loop_is_found_in_the_shipped_build_and_its_token_has_it_again() {
    let finding = shipped().iter().find(|finding| is_reported(finding)).expect("the reported crash loop is found");
    let page = replays(finding);
    let mut bare = runner(&["replay", text(finding, "token")]);
    let (_, other) = said(bare.env_clear().env("NO_COLOR", "1").current_dir("/"));
    assert_eq!(digest(&other), digest(&page));
}

#[test]
fn upstreams_fix_ends_the_reported_loop() {
    let patched = findings("tablet", "patched", "20", "20");
    assert!(!patched.iter().any(is_reported), "{patched:#?}");
}

#[test]
fn the_sound_build_holds() {
    holds("tablet", 8);
}

#[test]
fn every_build_runs_one_seed_one_way() {
    runs_one_way("tablet");
}
