//! The coordinator's three builds: the reported crash is found and replays, upstream's fix removes it and leaves another, and the
//! sound build holds. `promise.rs` has the general promises of a campaign.

mod runner;

use runner::{findings, holds, is_deterministic, replays, text};
use serde_json::Value;
use std::sync::OnceLock;

fn in_shipped() -> &'static [Value] {
    static FOUND: OnceLock<Vec<Value>> = OnceLock::new();
    FOUND.get_or_init(|| findings("coordinator", "shipped", "60", "1000"))
}

fn has(found: &[Value], invariant: &str, subject: &str) -> bool {
    found.iter().any(|one| text(one, "invariant") == invariant && text(one, "subject").starts_with(subject))
}

#[test]
fn the_shipped_build_uses_a_freed_query_status() {
    assert!(has(in_shipped(), "no-use-after-teardown", "query-status"), "{:?}", in_shipped());
}

#[test]
fn a_token_replays_the_crash_in_a_fresh_process() {
    let crash =
        in_shipped().iter().find(|one| one["invariant"] == "no-use-after-teardown").expect("the crash is found");
    let first = replays(crash);
    for _ in 0..3 {
        assert_eq!(replays(crash), first);
    }
}

#[test]
fn upstreams_fix_keeps_the_query_status_and_leaves_the_connections_callback() {
    let found = findings("coordinator", "patched", "120", "1000");
    assert!(!has(&found, "no-use-after-teardown", "query-status"), "{found:?}");
    assert!(has(&found, "no-callback-after-deregistration", "progress-callback"), "{found:?}");
    assert!(
        has(&found, "no-use-after-teardown", "used-output") || has(&found, "no-use-after-teardown", "affected-rows"),
        "{found:?}"
    );
}

/// Its runs have late statuses that find no coordinator. These are not reported.
#[test]
fn the_sound_build_holds() {
    holds("coordinator", 60);
}

#[test]
fn every_build_is_deterministic() {
    is_deterministic("coordinator");
}
