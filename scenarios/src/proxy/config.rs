//! The proxy's configuration, and upstream's intervals and timeouts.
//! This file holds no behaviour.

use super::build::{Build, Flavour};
use std::path::PathBuf;
use std::time::Duration;

/// The interval at which main checks the shutdown flag.
pub(super) const MAIN_LOOP: Duration = Duration::from_millis(200);
/// The poll timeout of admin and the extra servers.
pub(super) const ADMIN_POLL: Duration = Duration::from_millis(500);
/// `admin-refresh_interval`: the time that an admin session polls before it checks the shutdown flag.
pub(super) const ADMIN_REFRESH: Duration = Duration::from_millis(2000);
/// `mysql-poll_timeout`: the same for worker threads.
pub(super) const POLL_TIMEOUT: Duration = Duration::from_millis(2000);
/// The slack beyond a worker's poll timeout before the watchdog counts a missed heartbeat.
pub(super) const HEARTBEAT_SLACK: Duration = Duration::from_secs(1);
/// `restart_on_missing_heartbeats`.
pub(super) const MISSED_HEARTBEATS_MAX: u32 = 10;
/// The interval of the query cache's purge loop.
pub(super) const PURGE_LOOP: Duration = Duration::from_millis(500);

/// `admin-cluster_check_interval_ms`.
pub(super) const CLUSTER_CHECK: Duration = Duration::from_millis(1000);
/// `admin-cluster_check_status_frequency`, in checks.
pub(super) const CLUSTER_STATUS_EVERY: u32 = 10;
/// `admin-cluster_*_diffs_before_sync`.
pub(super) const CLUSTER_DIFFS_BEFORE_SYNC: u32 = 3;
/// The timeout for one answer of a peer.
pub(super) const CLUSTER_ANSWER: Duration = Duration::from_secs(1);

/// `mysql-monitor_connect_timeout`, in milliseconds.
const MONITOR_CONNECT_TIMEOUT_MS: u64 = 600;
/// The client library takes whole seconds, so upstream divides by 1000 and rounds up: 600 ms become 1 s for each unreachable
/// server.
pub(super) const MONITOR_CONNECT: Duration = Duration::from_secs(MONITOR_CONNECT_TIMEOUT_MS.div_ceil(1000));
/// The interval of the monitor's root thread.
pub(super) const MONITOR_ROOT: Duration = Duration::from_millis(200);
/// The longest sleep of a monitor check or a group-replication thread before it checks its flags.
pub(super) const MONITOR_SLICE: Duration = Duration::from_millis(500);
/// `mysql-monitor_ping_max_failures`.
pub(super) const PING_FAILURES_MAX: u32 = 3;
/// `mysql-monitor_groupreplication_healthcheck_interval`, `…_timeout`, `…_max_timeouts`.
pub(super) const GR_HEALTHCHECK: Duration = Duration::from_millis(5000);
pub(super) const GR_TIMEOUT: Duration = Duration::from_millis(800);
pub(super) const GR_TIMEOUTS_MAX: u32 = 3;
/// The interval of the group-replication coordinator.
pub(super) const GR_COORDINATOR: Duration = Duration::from_millis(10);

/// A proxy's configuration.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// The release that runs.
    pub build: Build,
    /// The release's compile mode.
    pub flavour: Flavour,
    /// Listens for clients.
    pub listen: String,
    /// Listens for admin sessions and the cluster's peers.
    pub admin_listen: String,
    /// Listens for the HTTP stats server.
    pub http_listen: String,
    /// Listens for the SQLite3 server.
    pub sqlite3_listen: String,
    /// Listens for the ClickHouse server.
    pub clickhouse_listen: String,
    /// The other proxies' admin addresses.
    pub peers: Vec<String>,
    /// The hostgroups with their servers.
    pub hostgroups: Vec<Hostgroup>,
    /// The initial query rules: a statement's prefix and the hostgroup that it goes to. The first match wins.
    pub rules: Vec<(String, u32)>,
    /// The folder with the databases on disk.
    pub data_dir: PathBuf,
    /// The number of worker threads.
    pub workers: usize,
    /// Starts with the HTTP stats server on.
    pub web_enabled: bool,
}

/// A group of servers that replicate among one another.
#[derive(Clone, Debug)]
pub struct Hostgroup {
    /// The hostgroup number for writes.
    pub writer: u32,
    /// The hostgroup number for reads.
    pub reader: u32,
    /// The group uses group replication, so a thread of its own monitors it.
    pub group_replication: bool,
    /// Its servers.
    pub servers: Vec<String>,
}

impl ProxyConfig {
    /// Configures a proxy on the default ports, with no servers behind it.
    pub fn new(build: Build, flavour: Flavour, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            build,
            flavour,
            listen: "0.0.0.0:6033".to_owned(),
            admin_listen: "0.0.0.0:6032".to_owned(),
            http_listen: "0.0.0.0:6080".to_owned(),
            sqlite3_listen: "0.0.0.0:6030".to_owned(),
            clickhouse_listen: "0.0.0.0:6090".to_owned(),
            peers: Vec::new(),
            hostgroups: Vec::new(),
            rules: Vec::new(),
            data_dir: data_dir.into(),
            workers: 2,
            web_enabled: true,
        }
    }
}
