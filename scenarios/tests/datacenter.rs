//! The promise on the one network: each outage is found in it, and its place says whose it is; the build that one could ship holds.
//! How soon, `docs/variants.md` says. What the runner does with any system is in `promise.rs`.

mod runner;

use runner::{findings, holds, runs_one_way, text};

/// That what is found first is of the one system that is as shipped, and not of the four that are sound.
fn is_found(system: &str, folder: &str) {
    let found = findings(&format!("datacenter-{system}"), "shipped", "120", "1");
    let finding = found.first().unwrap_or_else(|| panic!("nothing is found of {system}"));
    let signature = text(finding, "signature");
    assert!(signature.contains(&format!("scenarios/src/{folder}/")), "{signature}");
}

#[test]
fn the_raft_master_is_found() {
    is_found("raft-master", "raft_master");
}

#[test]
fn the_replica_loader_is_found() {
    is_found("loader", "replica_loader");
}

#[test]
fn the_coordinator_is_found() {
    is_found("coordinator", "coordinator");
}

#[test]
fn the_proxy_is_found() {
    is_found("proxy", "proxy");
}

#[test]
fn the_tablet_is_found() {
    is_found("tablet", "tablet");
}

#[test]
fn the_sound_build_holds() {
    holds("datacenter", 4);
}

#[test]
fn every_build_runs_one_seed_one_way() {
    runs_one_way("datacenter");
}
