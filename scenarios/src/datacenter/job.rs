//! The clients: the job that goes through all five systems, the queries beside it, and who writes to the master meanwhile.
//! They know addresses, and what the answers should be.

use super::plan::{KEYSPACE, META, PARTITIONS, PROXIES, SHARD, TABLE, TOPO, masters};
use super::rows::through_the_proxies;
use crate::line_protocol::Lines;
use crate::raft_master;
use crate::replica_loader::{self, BulkLoadStatus, Control};
use crate::rt::time;
use crate::tablet;
use afterlife::{Ledger, Node, Outcome};
use rand::RngExt;
use std::time::Duration;

const AGAIN: Duration = Duration::from_secs(1);
/// How many volumes the bookkeeper makes, and how many queries the analyst asks.
const VOLUMES: usize = 20;
const QUERIES: usize = 12;
/// How long the analyst waits for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Loads the files. Whether that succeeds is the load's affair; that it ends is not.
pub(super) async fn load(node: Node) -> BulkLoadStatus {
    let mut rng = node.rng();
    let client = replica_loader::Client::new(META);
    loop {
        client.healthy().await;
        while client.start_bulk_load().await.is_err() {
            time::sleep(AGAIN).await;
        }
        if rng.random_range(0..2) == 0 {
            time::sleep(ms(rng.random_range(200..12_000))).await;
            // What is refused was too early or too late.
            let _ = client.balance(rng.random_range(0..PARTITIONS)).await;
        }
        let status = loop {
            let load = client.query_bulk_load().await;
            if let Ok(load) = load
                && load.closed
            {
                break load.status;
            }
            let _ = client.control(Control::Restart).await;
            time::sleep(AGAIN).await;
        };
        if status == BulkLoadStatus::Succeed {
            return status;
        }
    }
}

/// Verifies what the targets were given against the files. Returns how many rows were compared, and how many differ.
pub(super) async fn verify() -> (u64, u64) {
    let client = tablet::Client::new(TOPO, KEYSPACE, SHARD);
    for attempt in 0.. {
        let uuid = format!("verify-{attempt}");
        while client.create(&uuid, tablet::Options::default()).await.is_err() {
            time::sleep(AGAIN).await;
        }
        loop {
            time::sleep(AGAIN).await;
            let Ok(vdiffs) = client.show().await else { continue };
            let Some(vdiff) = vdiffs.into_iter().find(|vdiff| vdiff.uuid == uuid) else { break };
            match vdiff.state.as_str() {
                "completed" => {
                    let compared = vdiff.tables.iter().map(|table| table.2).sum();
                    let differing = vdiff.tables.iter().map(|table| u64::from(table.3)).sum();
                    return (compared, differing);
                }
                "error" | "stopped" => break,
                _ => {}
            }
        }
    }
    (0, 0)
}

/// The job: load, query through the proxy, verify.
pub(super) async fn job(node: Node, found: Ledger<String>, verified: Ledger<(u64, u64)>) -> Outcome {
    load(node).await;
    for row in through_the_proxies(&format!("select from {TABLE}")).await {
        found.note(row.first().cloned().unwrap_or_default());
    }
    found.complete();
    verified.note(verify().await);
    Ok(())
}

/// Makes volumes, so that the raft master has work while it is stopped.
pub(super) async fn keep_books(node: Node, acked: Ledger<String>) -> Outcome {
    let mut rng = node.rng();
    let client = raft_master::Client::new(masters());
    for number in 0..VOLUMES {
        let volume = format!("v{number}");
        if client.create_volume(&volume).await.is_ok() {
            acked.note(volume);
        }
        time::sleep(ms(rng.random_range(60..900))).await;
    }
    Ok(())
}

/// Asks queries that end early, over connections that are used again.
pub(super) async fn analyse(node: Node) -> Outcome {
    let mut rng = node.rng();
    let mut lines: Option<Lines> = None;
    for number in 0..QUERIES {
        if lines.is_none() {
            let address = format!("proxy-{}:6033", rng.random_range(0..PROXIES));
            lines = time::timeout(PATIENCE, Lines::connect(&address)).await.ok().and_then(Result::ok);
        }
        if let Some(open) = &mut lines {
            let limit = if rng.random_range(0..2) == 0 { " limit 1" } else { "" };
            let progress = rng.random_range(0..3) * 2;
            let text = format!("select from {TABLE}{limit} settings parallel=2 progress_every_ms={progress}");
            let id = format!("{}-{number}", node.name());
            let asked = time::timeout(PATIENCE, open.query(Some(&id), &text)).await;
            if !matches!(asked, Ok(Ok(_))) {
                lines = None;
            }
        }
        time::sleep(ms(rng.random_range(100..4_000))).await;
    }
    Ok(())
}
