//! The raft master as a scenario: three masters under load, stops and slow disks, and what must hold.
//! It knows the master by its entry points only.

use super::{Client, MasterConfig, run_master};
use crate::rt;
use afterlife::{Build, Faults, Scenario, Sim};
use rand::RngExt;
use std::time::Duration;

/// The scenario, in its three builds.
pub fn scenario() -> Scenario {
    Scenario::new("raft-master", script)
        .about("CubeFS: a master that stops closes its database under an apply in flight")
        .builds(&Build::ALL)
        .seeds(2_000)
        .issue("cubefs/cubefs#3128")
        .breaks(&[(Build::Shipped, CRASH), (Build::Patched, CRASH)])
}

/// The reported crash, and what is left of it after upstream's fix.
const CRASH: &str = "no-use-after-teardown";

/// How many clients write, and how many volumes each makes.
const CLIENTS: usize = 2;
const VOLUMES: usize = 25;

fn peers() -> Vec<(u64, String, String)> {
    (0..3).map(|index| (index + 1, format!("master-{index}:7001"), format!("master-{index}:8080"))).collect()
}

fn addresses() -> Vec<String> {
    peers().into_iter().map(|(_, _, api)| api).collect()
}

fn build(build: Build) -> super::Build {
    match build {
        Build::Shipped => super::Build::Shipped,
        Build::Patched => super::Build::Patched,
        Build::Sound => super::Build::Sound,
    }
}

fn script(sim: &mut Sim) {
    let release = build(sim.build());
    sim.workers(2);
    let masters = sim.nodes("master", 3, move |node| async move {
        let config = MasterConfig::new(node.index() as u64 + 1, peers(), "/var/lib/master", release);
        run_master(config, node.stopping()).await?;
        Ok(())
    });
    sim.workers(0);
    let acked = sim.ledger::<String>("acknowledged volumes");
    let found = sim.ledger::<String>("volumes after recovery");
    for index in 0..CLIENTS {
        sim.client(&format!("client-{index}"), move |node| async move {
            let mut rng = node.rng();
            let client = Client::new(addresses());
            for number in 0..VOLUMES {
                let volume = format!("v{index}-{number}");
                if client.create_volume(&volume).await.is_ok() {
                    acked.note(volume);
                }
                rt::time::sleep(Duration::from_millis(rng.random_range(60..600))).await;
            }
            Ok(())
        });
    }
    sim.verifier("auditor", move |_| async move {
        let client = Client::new(addresses());
        for volume in client.list_volumes().await? {
            found.note(volume);
        }
        found.complete();
        Ok(())
    });
    sim.faults(
        masters,
        Faults::none()
            .stops(Duration::from_secs(30))
            .kills()
            .partitions()
            .slow_disks(Duration::from_secs(1), Duration::from_secs(20), Duration::from_millis(30))
            .from(Duration::from_secs(2))
            .quiet_after(Duration::from_secs(10))
            .aimed_at("use metadata-db", 100)
            .at_most(4),
    );
    sim.nothing_acked_is_lost(acked, found);
    sim.sometimes("a master restarts", |view| view.restarts() > 0);
}
