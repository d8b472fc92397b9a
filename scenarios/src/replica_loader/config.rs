//! What the processes are started with, and upstream's constants.
//! It reads no file and no environment: whoever starts a process says it all.

use super::build::Build;
use std::path::PathBuf;
use std::time::Duration;

/// The meta server polls each primary this often while a bulk load runs: `BULK_LOAD_REQUEST_INTERVAL`.
pub const BULK_LOAD_REQUEST_INTERVAL: Duration = Duration::from_secs(10);
/// It looks again this soon at a partition that is not healthy: `BULK_LOAD_REQUEST_SHORT_INTERVAL`.
pub(super) const UNHEALTHY_AGAIN: Duration = Duration::from_secs(1);
/// It tries this soon to ingest again where it may not yet.
pub(super) const INGESTION_AGAIN: Duration = Duration::from_secs(5);
/// How often an app may be rolled back to downloading: `bulk_load_max_rollback_times`.
pub(super) const ROLLBACKS_MAX: u32 = 10;
/// How many replicas of one node may download at once: `max_concurrent_bulk_load_downloading_count`.
pub(super) const DOWNLOADING_MAX: i32 = 5;
/// How many partitions of one node may ingest at once: `bulk_load_node_max_ingesting_count`.
pub(super) const INGESTING_MAX: usize = 4;
/// Workers of the default pool, which downloads.
pub(super) const DEFAULT_POOL_WORKERS: usize = 8;
/// How many replicas a partition has: `max_replica_count`.
pub(super) const REPLICAS: usize = 3;

/// The failure detector: who checks how often, who reports how often, after what a node gives its replicas up by
/// itself, and after what the meta server does.
pub(super) const FD_CHECK: Duration = Duration::from_secs(2);
pub(super) const FD_BEACON: Duration = Duration::from_secs(3);
pub(super) const FD_LEASE: Duration = Duration::from_secs(20);
pub(super) const FD_GRACE: Duration = Duration::from_secs(22);

/// A primary looks after its secondaries this often: `group_check_interval`.
pub(super) const GROUP_CHECK: Duration = Duration::from_secs(10);
/// A node asks the meta server this often for the partitions that it serves: `config_sync_interval`.
pub(super) const CONFIG_SYNC: Duration = Duration::from_secs(30);
/// The meta server looks this often for partitions in need, and repeats a proposal that came to nothing after that.
pub(super) const GUARDIAN: Duration = Duration::from_secs(1);
pub(super) const PROPOSE_AGAIN: Duration = Duration::from_secs(3);
/// A replica that went away is awaited this long before another node gets one: `replica_assign_delay`.
pub(super) const REPLICA_ASSIGN_DELAY: Duration = Duration::from_secs(300);

/// How long an answer is awaited; what a learner gets, since it copies everything.
pub(super) const RPC_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const LEARN_TIMEOUT: Duration = Duration::from_secs(30);
/// What a replica waits before it asks the meta server again to reconfigure.
pub(super) const RECONFIGURE_AGAIN: Duration = Duration::from_secs(1);

/// The meta server's configuration.
#[derive(Clone, Debug)]
pub struct MetaConfig {
    /// The address at which it listens.
    pub listen: String,
    /// The replica servers, as they call themselves.
    pub nodes: Vec<String>,
    /// How many partitions the app has.
    pub partitions: u32,
    /// How often it polls each primary while a bulk load runs: [`BULK_LOAD_REQUEST_INTERVAL`] in upstream.
    pub request_interval: Duration,
}

/// One replica server's configuration.
#[derive(Clone, Debug)]
pub struct ReplicaServerConfig {
    /// `host:port` by which the others call it: its name in partition configurations.
    pub address: String,
    /// The address at which it listens for them.
    pub listen: String,
    /// `host:port` of its rows, over HTTP, for clients; and where it listens for that.
    pub rows_address: String,
    /// See [`rows_address`](Self::rows_address).
    pub rows_listen: String,
    /// `host:port` of the meta server.
    pub meta: String,
    /// `host:port` of the block service.
    pub block_service: String,
    /// The directory of all replicas; it is created if it is not there.
    pub data_dir: PathBuf,
    /// Which release runs.
    pub build: Build,
}

/// The block service's configuration.
#[derive(Clone, Debug)]
pub struct BlockServiceConfig {
    /// The address at which it listens.
    pub listen: String,
    /// The directory that it serves; [`write_provider`](super::write_provider) fills it.
    pub root: PathBuf,
    /// How many bytes it gives a peer in a second, all that the peer downloads taken together; as many as the way takes if it is
    /// not said.
    pub bytes_per_s: Option<u64>,
}
