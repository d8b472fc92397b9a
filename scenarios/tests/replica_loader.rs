//! The bulk loader's three builds: the reported crash and the defects that the fix leaves are found, each by its own claim, their
//! tokens replay in a fresh process, and the sound build holds.

mod runner;

use runner::{findings, holds, is_deterministic, replays, text};
use serde_json::Value;

fn invariants(findings: &[Value]) -> Vec<&str> {
    let mut found: Vec<&str> = findings.iter().map(|finding| text(finding, "invariant")).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn the_shipped_build_has_the_reported_crash_and_ends_other_nodes() {
    let findings = findings("replica-loader", "shipped", "250", "30");
    let found = invariants(&findings);
    for invariant in ["no-use-after-teardown", "joined-before-teardown", "blast-radius"] {
        assert!(found.contains(&invariant), "{invariant} is not among {found:?}");
    }
    let report = findings
        .iter()
        .find(|finding| finding["invariant"] == "no-use-after-teardown")
        .expect("the invariant is among the findings");
    assert!(text(report, "subject").starts_with("files, generation"), "{report}");
    replays(report);
}

#[test]
fn the_patched_build_has_only_the_defects_that_its_fix_left() {
    let findings = findings("replica-loader", "patched", "500", "30");
    let found = invariants(&findings);
    for invariant in ["no-stale-epoch-effect", "honest-progress", "joined-before-teardown", "always"] {
        assert!(found.contains(&invariant), "{invariant} is not among {found:?}");
    }
    for invariant in ["no-use-after-teardown", "no-silent-panic", "blast-radius"] {
        assert!(!found.contains(&invariant), "{invariant} is among {found:?}");
    }
    replays(
        findings
            .iter()
            .find(|finding| finding["invariant"] == "no-stale-epoch-effect")
            .expect("the invariant is among the findings"),
    );
}

#[test]
fn the_sound_build_holds() {
    holds("replica-loader", 40);
}

#[test]
fn every_build_is_deterministic() {
    is_deterministic("replica-loader");
}
