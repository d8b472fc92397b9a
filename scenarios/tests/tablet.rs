//! The tablet's three builds: the crash loop is found and replays in any process, upstream's fix ends it, and the sound build holds.
//! `promise.rs` tests the runner on any system.

mod runner;

use runner::{digest, findings, holds, is_deterministic, output, replays, runner, text};
use serde_json::Value;
use std::sync::OnceLock;

/// The findings in the shipped build.
fn shipped() -> &'static [Value] {
    static FOUND: OnceLock<Vec<Value>> = OnceLock::new();
    FOUND.get_or_init(|| findings("tablet", "shipped", "120", "20"))
}

/// The reported crash loop: the process dies of the nil map, or of the nil event that follows at once.
fn is_reported(finding: &Value) -> bool {
    let signature = text(finding, "signature");
    text(finding, "invariant") == "no-crash-loop"
        && (signature.contains("tablet/stats.rs") || signature.contains("tablet/shard_sync.rs"))
}

#[test]
fn the_shipped_build_has_the_crash_loop_and_its_token_replays() {
    let finding = shipped().iter().find(|finding| is_reported(finding)).expect("the reported crash loop is found");
    let page = replays(finding);
    let mut bare = runner(&["replay", text(finding, "token")]);
    let (_, other) = output(bare.env_clear().env("NO_COLOR", "1").current_dir("/"));
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
fn every_build_is_deterministic() {
    is_deterministic("tablet");
}
