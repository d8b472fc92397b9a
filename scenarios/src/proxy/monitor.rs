//! The monitor, the object behind `GloMyMon`: its flag, its connection pool and the results of its checks.
//! Its threads are elsewhere: `monitor_threads.rs` has the root and the checks, `group_replication.rs` the threads that the root
//! does not know of.

use super::admin::Admin;
use super::config::{Hostgroup, MONITOR_CONNECT, PING_FAILURES_MAX};
use super::gr_hosts::Hosts;
use super::hostgroups::HostgroupsManager;
use super::pointer::Global;
use super::process::Process;
use super::threads;
use super::threads_handler::ThreadsHandler;
use crate::line_protocol::blocking::Lines;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The idle time after which a pooled connection is closed.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// The globals that the monitor's threads use.
#[derive(Clone)]
pub(super) struct MonitorGlobals {
    pub(super) process: Arc<Process>,
    pub(super) my_mon: Global<Monitor>,
    pub(super) mth: Global<ThreadsHandler>,
    pub(super) my_hgm: Global<HostgroupsManager>,
    pub(super) admin: Global<Admin>,
}

/// `MySQL_Monitor`.
pub(super) struct Monitor {
    shutdown: AtomicBool,
    /// `Group_Replication_Hosts_resultset` and `Group_Replication_Hosts_Map`, under `group_replication_mutex`.
    group_replication: Mutex<Hosts>,
    servers: Vec<String>,
    /// `My_Conn_Pool`: idle connections by server, each with the time at which it was returned.
    pool: Mutex<BTreeMap<String, Vec<(Lines, Instant)>>>,
    ping_failures: Mutex<BTreeMap<String, u32>>,
    root: Mutex<Option<JoinHandle<()>>>,
}

impl Monitor {
    pub(super) fn new(hostgroups: &[Hostgroup]) -> Self {
        let mut servers: Vec<String> = hostgroups.iter().flat_map(|group| group.servers.iter().cloned()).collect();
        servers.sort();
        servers.dedup();
        Self {
            shutdown: AtomicBool::new(false),
            group_replication: Mutex::new(Hosts::of(hostgroups)),
            servers,
            pool: Mutex::default(),
            ping_failures: Mutex::default(),
            root: Mutex::new(None),
        }
    }

    /// Keeps the root thread, `MyMon_thread`, to be joined later.
    pub(super) fn keep_root(&self, root: JoinHandle<()>) {
        *lock(&self.root) = Some(root);
    }

    /// `MyMon_thread->join()`.
    pub(super) fn join(&self) {
        let root = lock(&self.root).take();
        if let Some(root) = root {
            threads::join(root);
        }
    }

    /// `GloMyMon->shutdown = true`.
    pub(super) fn stop(&self) {
        self.shutdown.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_shutdown(&self) -> bool {
        self.shutdown.load(Ordering::SeqCst)
    }

    /// All monitored servers.
    pub(super) fn servers(&self) -> &[String] {
        &self.servers
    }

    /// Locks the group-replication state.
    pub(super) fn group_replication(&self) -> MutexGuard<'_, Hosts> {
        lock(&self.group_replication)
    }

    /// `find_resp_srvs`: returns `true` if this server answers pings.
    pub(super) fn is_pingable(&self, server: &str) -> bool {
        lock(&self.ping_failures).get(server).is_none_or(|failures| *failures < PING_FAILURES_MAX)
    }

    /// Records a ping. Returns the number of consecutive failures.
    pub(super) fn record_ping(&self, server: &str, answered: bool) -> u32 {
        let mut failures = lock(&self.ping_failures);
        let count = failures.entry(server.to_owned()).or_insert(0);
        *count = if answered { 0 } else { *count + 1 };
        *count
    }

    /// Returns an idle connection to this server, or a new one, which may take the whole connect timeout.
    pub(super) fn get_or_create_connection(&self, server: &str) -> std::io::Result<Lines> {
        let idle = lock(&self.pool).get_mut(server).and_then(Vec::pop);
        match idle {
            Some((lines, _)) => Ok(lines),
            None => Lines::connect(server, MONITOR_CONNECT),
        }
    }

    /// `put_connection`.
    pub(super) fn put_connection(&self, server: &str, lines: Lines) {
        lock(&self.pool).entry(server.to_owned()).or_default().push((lines, Instant::now()));
    }

    pub(super) fn purge_some_connections(&self) {
        for idle in lock(&self.pool).values_mut() {
            idle.retain(|(_, since)| since.elapsed() < IDLE_MAX);
        }
    }

    /// The destructor: frees maps and pools.
    pub(super) fn destroy(&self) {
        lock(&self.pool).clear();
        lock(&self.ping_failures).clear();
        lock(&self.group_replication).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
