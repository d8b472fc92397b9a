//! The datacenter: each system's outage is found, with a site in that system's folder, and the sound build holds.
//! `docs/variants.md` says how many runs it takes; `promise.rs` tests the runner on any system.

mod runner;

use runner::{findings, holds, is_deterministic, text};

/// Asserts that the first finding belongs to the one shipped system, and not to the four sound ones.
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
fn every_build_is_deterministic() {
    is_deterministic("datacenter");
}
