//! The configurations of the processes, and upstream's constants. They come from the caller alone: no file and no
//! environment variable is read.

use super::build::Build;
use std::path::PathBuf;
use std::time::Duration;

/// The interval at which the meta server polls each primary during a bulk load: `BULK_LOAD_REQUEST_INTERVAL`.
pub const BULK_LOAD_REQUEST_INTERVAL: Duration = Duration::from_secs(10);
/// The delay before it checks an unhealthy partition again: `BULK_LOAD_REQUEST_SHORT_INTERVAL`.
pub(super) const UNHEALTHY_AGAIN: Duration = Duration::from_secs(1);
/// The delay before it tries again to ingest.
pub(super) const INGESTION_AGAIN: Duration = Duration::from_secs(5);
/// The progress of a complete bulk load: `PROGRESS_FINISHED`.
pub(super) const PROGRESS_FINISHED: u64 = 100;
/// The largest number of rollbacks of an app to downloading: `bulk_load_max_rollback_times`.
pub(super) const ROLLBACKS_MAX: u32 = 10;
/// The largest number of a node's replicas that download at once: `max_concurrent_bulk_load_downloading_count`.
pub(super) const DOWNLOADING_MAX: i32 = 5;
/// The largest number of a node's partitions that ingest at once: `bulk_load_node_max_ingesting_count`.
pub(super) const INGESTING_MAX: usize = 4;
/// The number of workers of the default pool, which downloads.
pub(super) const DEFAULT_POOL_WORKERS: usize = 8;
/// The number of replicas of a partition: `max_replica_count`.
pub(super) const REPLICAS: usize = 3;

/// The failure detector: the interval of the checks, the interval of the beacons, the silence after which a node gives
/// up its replicas, and the silence after which the meta server declares it dead.
pub(super) const FD_CHECK: Duration = Duration::from_secs(2);
pub(super) const FD_BEACON: Duration = Duration::from_secs(3);
pub(super) const FD_LEASE: Duration = Duration::from_secs(20);
pub(super) const FD_GRACE: Duration = Duration::from_secs(22);

/// The interval at which a primary checks its secondaries: `group_check_interval`.
pub(super) const GROUP_CHECK: Duration = Duration::from_secs(10);
/// The interval at which a node asks the meta server for its partitions: `config_sync_interval`.
pub(super) const CONFIG_SYNC: Duration = Duration::from_secs(30);
/// The interval at which the meta server looks for partitions in need, and the delay before it repeats an ineffective
/// proposal.
pub(super) const GUARDIAN: Duration = Duration::from_secs(1);
pub(super) const PROPOSE_AGAIN: Duration = Duration::from_secs(3);
/// The time for which the meta server waits for a lost replica to return before it assigns another node:
/// `replica_assign_delay`.
pub(super) const REPLICA_ASSIGN_DELAY: Duration = Duration::from_secs(300);

/// The longest wait for an answer, and for that of a learner, which copies everything.
pub(super) const RPC_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const LEARN_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause before a replica asks the meta server again to reconfigure.
pub(super) const RECONFIGURE_AGAIN: Duration = Duration::from_secs(1);

/// The meta server's configuration.
#[derive(Clone, Debug)]
pub struct MetaConfig {
    /// The address on which it listens.
    pub listen: String,
    /// The names of the replica servers.
    pub nodes: Vec<String>,
    /// The number of the app's partitions.
    pub partitions: u32,
    /// The interval at which it polls each primary during a bulk load: [`BULK_LOAD_REQUEST_INTERVAL`] in upstream.
    pub request_interval: Duration,
}

/// One replica server's configuration.
#[derive(Clone, Debug)]
pub struct ReplicaServerConfig {
    /// The server's name in partition configurations, `host:port`, at which the others call it.
    pub address: String,
    /// The address on which it listens for them.
    pub listen: String,
    /// The `host:port` at which clients read its rows over HTTP.
    pub rows_address: String,
    /// The address on which it listens for such clients.
    pub rows_listen: String,
    /// `host:port` of the meta server.
    pub meta: String,
    /// `host:port` of the block service.
    pub block_service: String,
    /// The directory of all replicas, created if it does not exist.
    pub data_dir: PathBuf,
    /// The release to run.
    pub build: Build,
}

/// The block service's configuration.
#[derive(Clone, Debug)]
pub struct BlockServiceConfig {
    /// The address on which it listens.
    pub listen: String,
    /// The directory to serve; [`write_provider`](super::write_provider) fills it.
    pub root: PathBuf,
    /// The bandwidth to each peer, shared by all downloads of that peer; unlimited if `None`.
    pub bytes_per_s: Option<u64>,
}
