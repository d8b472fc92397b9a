//! The clients: the job that runs through all five systems, the analysts that query beside it, and the bookkeepers that write to the
//! masters.
//! They know addresses and the expected answers.

use super::plan::{KEYSPACE, META, PARTITIONS, PROXIES, SHARD, TABLE, TOPO, masters};
use super::rows::{loaded, through_the_proxies};
use crate::line_protocol::Lines;
use crate::raft_master;
use crate::replica_loader::{self, BulkLoadStatus, Control};
use crate::rt::time;
use crate::tablet;
use afterlife::{Ledger, Node, NodeResult, Rng};
use futures_util::future::join_all;
use rand::RngExt;
use std::time::Duration;

/// The pause between two attempts.
const RETRY: Duration = Duration::from_secs(1);
/// The volumes that a bookkeeper creates, the partitions of each, and the queries that an analyst sends.
const VOLUMES: usize = 3;
const PARTS: usize = 7;
const QUERIES: usize = 7;
/// The time that an analyst waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Loads the files. Starts over until a load succeeds.
pub(super) async fn load(node: Node) -> BulkLoadStatus {
    let mut rng = node.rng();
    let client = replica_loader::Client::new(META);
    loop {
        client.healthy().await;
        while client.start_bulk_load().await.is_err() {
            time::sleep(RETRY).await;
        }
        for _ in 0..rng.random_range(0..2) {
            time::sleep(ms(rng.random_range(200..12_000))).await;
            // A refused request came too early or too late.
            let _ = match rng.random_range(0..4) {
                // The loop below restarts it.
                0 => client.control(Control::Pause).await,
                _ => client.balance(rng.random_range(0..PARTITIONS)).await,
            };
        }
        let status = loop {
            let load = client.query_bulk_load().await;
            if let Ok(load) = load
                && load.closed
            {
                break load.status;
            }
            let _ = client.control(Control::Restart).await;
            time::sleep(RETRY).await;
        };
        if status == BulkLoadStatus::Succeed {
            return status;
        }
    }
}

/// Verifies the targets' rows against the files. Returns the number of rows compared, and of those that differ.
pub(super) async fn verify() -> (u64, u64) {
    let client = tablet::Client::new(TOPO, KEYSPACE, SHARD);
    for attempt in 0.. {
        let uuid = format!("verify-{attempt}");
        while client.create(&uuid, tablet::Options::default()).await.is_err() {
            time::sleep(RETRY).await;
        }
        loop {
            time::sleep(RETRY).await;
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
pub(super) async fn job(node: Node, found: Ledger<String>, verified: Ledger<(u64, u64)>) -> NodeResult {
    load(node).await;
    for row in through_the_proxies(&format!("select from {TABLE}")).await {
        found.note(row.first().cloned().unwrap_or_default());
    }
    found.complete();
    verified.note(verify().await);
    Ok(())
}

/// Creates volumes while the masters are rolled, each with all its partitions at once, so that a master always has entries left to
/// apply.
pub(super) async fn keep_books(node: Node, acked: Ledger<String>) -> NodeResult {
    let mut rng = node.rng();
    let client = raft_master::Client::new(masters());
    for number in 0..VOLUMES {
        let volume = format!("{}-{number}", node.name());
        if client.create_volume(&volume).await.is_ok() {
            acked.note(volume.clone());
            // An unacknowledged volume may exist or not.
            join_all((0..PARTS).map(|_| client.create_partition(&volume))).await;
        }
        time::sleep(ms(rng.random_range(100..6_000))).await;
    }
    Ok(())
}

/// Queries the loaded rows over a reused connection. Many queries end early: by a limit, by a kill, or because the client stops
/// waiting.
pub(super) async fn analyse(node: Node) -> NodeResult {
    let mut rng = node.rng();
    let mut lines: Option<Lines> = None;
    loaded().await;
    for number in 0..QUERIES {
        let proxy = format!("proxy-{}:6033", rng.random_range(0..PROXIES));
        let id = format!("{}-{number}", node.name());
        let text = question(&node, &mut rng);
        let (kills, leaves) = (rng.random_range(0..6) == 0, rng.random_range(0..6) == 0);
        let soon = ms(rng.random_range(0..300));
        if lines.is_none() {
            lines = time::timeout(PATIENCE, Lines::connect(&proxy)).await.ok().and_then(Result::ok);
        }
        if let Some(open) = &mut lines {
            let patience = if leaves { soon } else { PATIENCE };
            let asking = time::timeout(patience, open.query(Some(&id), &text));
            let killing = async {
                if kills {
                    time::sleep(soon).await;
                    kill(&proxy, &id).await;
                }
            };
            let (asked, ()) = tokio::join!(asking, killing);
            if !matches!(asked, Ok(Ok(_))) {
                lines = None;
            }
        }
        time::sleep(ms(rng.random_range(0..1_500))).await;
    }
    Ok(())
}

/// Draws a query: all or a part of the table, of some priority, with or without progress reports.
fn question(node: &Node, rng: &mut Rng) -> String {
    let limit = if rng.random_range(0..2) == 0 { format!(" limit {}", rng.random_range(1..6)) } else { String::new() };
    let (parallel, priority) = (rng.random_range(1..=PARTITIONS), rng.random_range(0..=3));
    let progress = [0, 2, 5][rng.random_range(0..3_usize)];
    let user = node.name();
    format!(
        "select from {TABLE}{limit} settings parallel={parallel} priority={priority} progress_every_ms={progress} user={user}"
    )
}

/// Kills a query over a separate connection. It may have ended by itself.
async fn kill(proxy: &str, id: &str) {
    let killing = async {
        if let Ok(mut lines) = Lines::connect(proxy).await {
            let _ = lines.query(None, &format!("kill {id}")).await;
        }
    };
    let _ = time::timeout(PATIENCE, killing).await;
}
