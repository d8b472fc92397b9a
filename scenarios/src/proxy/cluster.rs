//! The cluster: a detached thread for each peer, which compares checksums and copies what is newer there.
//! It listens to nobody: peers come in as admin sessions.

use super::admin_session::load_to_runtime;
use super::checksums::{Checksum, MODULES, read};
use super::config::{CLUSTER_ANSWER, CLUSTER_CHECK, CLUSTER_DIFFS_BEFORE_SYNC, CLUSTER_STATUS_EVERY, MONITOR_SLICE};
use super::glo::Glo;
use super::threads;
use crate::line_protocol::QueryError;
use crate::line_protocol::blocking::Lines;
use afterlife_probe as probe;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Instant;

/// `GloProxyCluster`.
#[derive(Default)]
pub(super) struct Cluster {
    checks: AtomicU64,
}

/// Starts a thread for each peer. Upstream detaches them, and its shutdown does not mention them.
pub(super) fn start_peer_threads(glo: &Arc<Glo>) {
    for peer in glo.config.peers.clone() {
        threads::create_detached(glo, "cluster", None, move |glo| {
            let mut differs = BTreeMap::new();
            while !glo.vars.shutdown() {
                let talked = talk(glo, &peer, &mut differs);
                glo.debug("cluster", format_args!("peer {peer}: {talked:?}"));
                pause(glo, Instant::now());
            }
        });
    }
}

/// Checks a peer again and again, until it fails or this process stops.
fn talk(glo: &Arc<Glo>, peer: &str, differs: &mut BTreeMap<&'static str, u32>) -> Result<(), QueryError> {
    let mut lines = Lines::connect(peer, CLUSTER_ANSWER)?;
    let mut round = 0_u32;
    while !glo.vars.shutdown() {
        let begun = Instant::now();
        let rows = lines.query("SELECT * FROM runtime_checksums_values", CLUSTER_ANSWER)?.rows;
        glo.cluster.get(format_args!("cluster thread")).checks.fetch_add(1, Ordering::Relaxed);
        for (module, theirs) in rows.iter().filter_map(read) {
            if update_checksum(glo, differs, module, &theirs) {
                pull(glo, &mut lines, module, &theirs)?;
            }
        }
        round += 1;
        if round.is_multiple_of(CLUSTER_STATUS_EVERY) {
            lines.query("SELECT * FROM stats_mysql_global", CLUSTER_ANSWER)?;
        }
        pause(glo, begun);
    }
    Ok(())
}

/// Sleeps until the next check is due, in slices.
fn pause(glo: &Arc<Glo>, begun: Instant) {
    while !glo.vars.shutdown() && begun.elapsed() < CLUSTER_CHECK {
        thread::sleep((CLUSTER_CHECK - begun.elapsed().min(CLUSTER_CHECK)).min(MONITOR_SLICE));
    }
}

/// Whether a module has differed for so many checks that the peer's is to be copied, and is the later one.
fn update_checksum(
    glo: &Arc<Glo>,
    differs: &mut BTreeMap<&'static str, u32>,
    module: &'static str,
    theirs: &Checksum,
) -> bool {
    let ours = glo.admin.get(format_args!("cluster thread")).checksums.get(module);
    let count = differs.entry(module).or_insert(0);
    if ours.as_ref().is_some_and(|ours| ours.checksum == theirs.checksum) {
        *count = 0;
        return false;
    }
    *count += 1;
    let later = ours.is_none_or(|ours| theirs.epoch_s > ours.epoch_s);
    *count >= CLUSTER_DIFFS_BEFORE_SYNC && theirs.version > 1 && later
}

/// `pull_…_from_peer`: fetches a module's rows, loads them, and saves them to disk, `cluster_…_save_to_disk`. Whoever is to change
/// servers meanwhile waits until the disk is done.
fn pull(glo: &Arc<Glo>, lines: &mut Lines, module: &'static str, theirs: &Checksum) -> Result<(), QueryError> {
    debug_assert!(MODULES.contains(&module));
    let rows = lines.query(&format!("SELECT * FROM {module}"), CLUSTER_ANSWER)?.rows;
    let by = format_args!("cluster thread");
    let locked = glo.admin.get(by);
    let _one = locked.sql_query_global.lock().unwrap_or_else(PoisonError::into_inner);
    let admin = glo.admin.get(by);
    admin.admindb.replace(by, module, rows.clone());
    load_to_runtime(glo, &admin, module, &rows, theirs.epoch_s, by);
    let servers = (module == "mysql_servers").then(|| admin.mysql_servers.lock());
    if let Err(error) = admin.save_to_disk(by, module) {
        glo.info(format_args!("{module} was not saved to disk: {error}"));
    }
    drop(servers);
    probe::sometimes!(true, "a module is pulled from a peer");
    Ok(())
}
