//! The proxy's configuration, and upstream's intervals and timeouts with their reasons.
//! It holds no behaviour.

use super::build::{Build, Flavour};
use std::path::PathBuf;
use std::time::Duration;

/// What main sleeps between two looks at the shutdown flag.
pub(super) const MAIN_LOOP: Duration = Duration::from_millis(200);
/// The longest that admin and the extra servers poll.
pub(super) const ADMIN_POLL: Duration = Duration::from_millis(500);
/// `admin-refresh_interval`: how long an admin session polls before it looks at the shutdown flag again.
pub(super) const ADMIN_REFRESH: Duration = Duration::from_millis(2000);
/// `mysql-poll_timeout`: the same for worker threads.
pub(super) const POLL_TIMEOUT: Duration = Duration::from_millis(2000);
/// The watchdog adds this to a worker's poll timeout before it misses a heartbeat.
pub(super) const HEARTBEAT_SLACK: Duration = Duration::from_secs(1);
/// `restart_on_missing_heartbeats`.
pub(super) const MISSED_HEARTBEATS_MAX: u32 = 10;
/// The query cache's purge loop.
pub(super) const PURGE_LOOP: Duration = Duration::from_millis(500);

/// `admin-cluster_check_interval_ms`.
pub(super) const CLUSTER_CHECK: Duration = Duration::from_millis(1000);
/// `admin-cluster_check_status_frequency`: every so many checks.
pub(super) const CLUSTER_STATUS_EVERY: u32 = 10;
/// `admin-cluster_*_diffs_before_sync`.
pub(super) const CLUSTER_DIFFS_BEFORE_SYNC: u32 = 3;
/// How long a peer gets for one answer.
pub(super) const CLUSTER_ANSWER: Duration = Duration::from_secs(1);

/// `mysql-monitor_connect_timeout`, in milliseconds.
const MONITOR_CONNECT_TIMEOUT_MS: u64 = 600;
/// The client library takes whole seconds, so upstream divides by 1000 and rounds up: 600 ms are 1 s for each server that
/// does not answer.
pub(super) const MONITOR_CONNECT: Duration = Duration::from_secs(MONITOR_CONNECT_TIMEOUT_MS.div_ceil(1000));
/// The monitor's root thread.
pub(super) const MONITOR_ROOT: Duration = Duration::from_millis(200);
/// The longest that a check of the monitor, or a group-replication thread, sleeps before it looks at its flags.
pub(super) const MONITOR_SLICE: Duration = Duration::from_millis(500);
/// `mysql-monitor_ping_max_failures`.
pub(super) const PING_FAILURES_MAX: u32 = 3;
/// `mysql-monitor_groupreplication_healthcheck_interval`, `…_timeout`, `…_max_timeouts`.
pub(super) const GR_HEALTHCHECK: Duration = Duration::from_millis(5000);
pub(super) const GR_TIMEOUT: Duration = Duration::from_millis(800);
pub(super) const GR_TIMEOUTS_MAX: u32 = 3;
/// What the group-replication coordinator sleeps.
pub(super) const GR_COORDINATOR: Duration = Duration::from_millis(10);

/// Everything that a proxy is told at its start.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// Which release it is.
    pub build: Build,
    /// How that is compiled.
    pub flavour: Flavour,
    /// Where clients connect.
    pub listen: String,
    /// Where admin sessions connect, and the cluster's peers.
    pub admin_listen: String,
    /// Where the HTTP stats server listens.
    pub http_listen: String,
    /// Where the SQLite3 server listens.
    pub sqlite3_listen: String,
    /// Where the ClickHouse server listens.
    pub clickhouse_listen: String,
    /// The other proxies' admin addresses.
    pub peers: Vec<String>,
    /// The hostgroups with their servers.
    pub hostgroups: Vec<Hostgroup>,
    /// The query rules at the start: what a statement begins with, and the hostgroup that it goes to; the first that fits.
    pub rules: Vec<(String, u32)>,
    /// The folder with the databases on disk.
    pub data_dir: PathBuf,
    /// How many worker threads there are.
    pub workers: usize,
    /// Whether the HTTP stats server is on at the start.
    pub web_enabled: bool,
}

/// A group of servers that replicate among themselves.
#[derive(Clone, Debug)]
pub struct Hostgroup {
    /// The number under which writes go there.
    pub writer: u32,
    /// The number under which reads go there.
    pub reader: u32,
    /// Whether the group replicates by group replication, so that a thread of its own watches it.
    pub group_replication: bool,
    /// Its servers.
    pub servers: Vec<String>,
}

impl ProxyConfig {
    /// A proxy on the usual ports of this host, with nothing behind it.
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
