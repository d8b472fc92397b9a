//! The cluster: a detached thread for each peer, which compares checksums and copies newer modules.
//! It listens for no one: peers connect as admin sessions.

use super::admin::AdminGlobals;
use super::checksums::{Checksum, MODULES, parse};
use super::config::{CLUSTER_ANSWER, CLUSTER_CHECK, CLUSTER_DIFFS_BEFORE_SYNC, CLUSTER_STATUS_EVERY, MONITOR_SLICE};
use super::pointer::Global;
use crate::line_protocol::QueryError;
use crate::line_protocol::blocking::Lines;
use afterlife_probe as probe;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// `GloProxyCluster`.
#[derive(Default)]
pub(super) struct Cluster {
    checks: AtomicU64,
}

/// The thread of one peer, with the globals that it uses.
struct PeerThread {
    globals: AdminGlobals,
    cluster: Global<Cluster>,
    address: String,
    /// The number of consecutive checks in which a module has differed.
    differs: BTreeMap<&'static str, u32>,
}

/// Starts a thread for each peer. Upstream detaches them, and its shutdown does not mention them.
pub(super) fn start_peer_threads(globals: &AdminGlobals, cluster: &Global<Cluster>) {
    let process = &globals.process;
    for address in process.config().peers.clone() {
        let (globals, cluster) = (globals.clone(), cluster.clone());
        let mut peer = PeerThread { globals, cluster, address, differs: BTreeMap::new() };
        process.detached().create("cluster", None, move || peer.run());
    }
}

impl PeerThread {
    fn run(&mut self) {
        while !self.is_shutdown() {
            let talked = self.talk();
            self.globals.process.debug("cluster", format_args!("peer {}: {talked:?}", self.address));
            self.pause(Instant::now());
        }
    }

    fn is_shutdown(&self) -> bool {
        self.globals.process.vars().shutdown()
    }

    /// Checks the peer repeatedly, until it fails or this process stops.
    fn talk(&mut self) -> Result<(), QueryError> {
        let mut lines = Lines::connect(&self.address, CLUSTER_ANSWER)?;
        let mut round = 0_u32;
        while !self.is_shutdown() {
            let begun = Instant::now();
            let rows = lines.query("SELECT * FROM runtime_checksums_values", CLUSTER_ANSWER)?.rows;
            self.cluster.get(format_args!("cluster thread")).checks.fetch_add(1, Ordering::Relaxed);
            for (module, theirs) in rows.iter().filter_map(parse) {
                if self.update_checksum(module, &theirs) {
                    self.pull(&mut lines, module, &theirs)?;
                }
            }
            round += 1;
            if round.is_multiple_of(CLUSTER_STATUS_EVERY) {
                lines.query("SELECT * FROM stats_mysql_global", CLUSTER_ANSWER)?;
            }
            self.pause(begun);
        }
        Ok(())
    }

    /// Sleeps until the next check is due, in slices.
    fn pause(&self, begun: Instant) {
        while !self.is_shutdown() && begun.elapsed() < CLUSTER_CHECK {
            thread::sleep((CLUSTER_CHECK - begun.elapsed().min(CLUSTER_CHECK)).min(MONITOR_SLICE));
        }
    }

    /// Returns `true` if a module has differed for enough checks, and the peer's version is the later one.
    fn update_checksum(&mut self, module: &'static str, theirs: &Checksum) -> bool {
        let ours = self.globals.admin.get(format_args!("cluster thread")).checksums().get(module);
        let count = self.differs.entry(module).or_insert(0);
        if ours.as_ref().is_some_and(|ours| ours.checksum == theirs.checksum) {
            *count = 0;
            return false;
        }
        *count += 1;
        let later = ours.is_none_or(|ours| theirs.epoch_s > ours.epoch_s);
        *count >= CLUSTER_DIFFS_BEFORE_SYNC && theirs.version > 1 && later
    }

    /// `pull_…_from_peer`: fetches a module's rows, loads them, and saves them to disk, `cluster_…_save_to_disk`. Another change of
    /// servers waits until the disk is done.
    fn pull(&self, lines: &mut Lines, module: &'static str, theirs: &Checksum) -> Result<(), QueryError> {
        debug_assert!(MODULES.contains(&module));
        let rows = lines.query(&format!("SELECT * FROM {module}"), CLUSTER_ANSWER)?.rows;
        let by = format_args!("cluster thread");
        let locked = self.globals.admin.get(by);
        let _one = locked.lock_commands();
        let admin = self.globals.admin.get(by);
        admin.admindb().replace(by, module, rows.clone());
        admin.load_to_runtime(&self.globals, module, &rows, theirs.epoch_s, by);
        let servers = (module == "mysql_servers").then(|| admin.lock_servers());
        if let Err(error) = admin.save_to_disk(by, module) {
            self.globals.process.info(format_args!("{module} was not saved to disk: {error}"));
        }
        drop(servers);
        probe::sometimes!(true, "a module is pulled from a peer");
        Ok(())
    }
}
