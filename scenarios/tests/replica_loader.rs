//! The promise on the bulk loader: the report and what the fix leaves open are found, each by its own claim, each token has
//! its run again in a fresh process, and the sound build holds.

mod runner;

use runner::{findings, holds, replays, runs_one_way, text};
use serde_json::Value;

fn invariants(findings: &[Value]) -> Vec<&str> {
    let mut found: Vec<&str> = findings.iter().map(|finding| text(finding, "invariant")).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn the_report_and_the_death_of_the_others_are_found_in_the_shipped_build() {
    let findings = findings("replica-loader", "shipped", "250", "30");
    let found = invariants(&findings);
    for invariant in ["no-use-after-teardown", "joined-before-teardown", "blast-radius"] {
        assert!(found.contains(&invariant), "{invariant} is not among {found:?}");
    }
    let report = findings.iter().find(|finding| finding["invariant"] == "no-use-after-teardown").expect("it is there");
    assert!(text(report, "subject").starts_with("files, generation"), "{report}");
    replays(report);
}

#[test]
fn the_patched_build_has_no_crash_and_what_the_fix_left_open() {
    let findings = findings("replica-loader", "patched", "500", "30");
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
    holds("replica-loader", 40);
}

#[test]
fn every_build_runs_one_seed_one_way() {
    runs_one_way("replica-loader");
}
