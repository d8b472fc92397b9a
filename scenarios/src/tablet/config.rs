//! A tablet's configuration, and upstream's constants. It comes from the caller alone: no file and no environment
//! variable is read.

use super::build::Build;
use super::rows::{RowsOf, rows_of_table};
use std::path::PathBuf;
use std::time::Duration;

/// The delay before the engine tries again to open: upstream's `openRetryInterval`.
pub(super) const OPEN_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The interval at which VDiffs that ended with an ephemeral error are retried.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_secs(30);
/// The first delay before an error state that could not be saved is saved again. Each further delay is half as long
/// again.
pub(super) const SAVE_RETRY_DELAY: Duration = Duration::from_millis(100);
/// The longest such delay.
pub(super) const SAVE_RETRY_DELAY_MAX: Duration = Duration::from_secs(60);
/// The longest time that a call of the topology server may take: upstream's `RemoteOperationTimeout`.
pub(super) const REMOTE_OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest time that a background operation of a diff may take.
pub(super) const BACKGROUND_OPERATION_TIMEOUT: Duration = Duration::from_secs(4 * 15);
/// The delay of the shard sync loop after a failure.
pub(super) const SHARD_SYNC_RETRY_DELAY: Duration = Duration::from_secs(30);
/// The delay before a tablet record that could not be published is published again.
pub(super) const PUBLISH_RETRY_INTERVAL: Duration = Duration::from_secs(30);
/// The number of events that a watch buffers for its reader.
pub(super) const WATCH_CAPACITY: usize = 10;
/// The number of a table's rows after which `lastpk` is saved.
pub(super) const ROWS_BETWEEN_SAVES: u64 = 10_000;
/// The size of a row stream's packet, in bytes of rows: upstream's `vstream_packet_size`.
pub(super) const PACKET_BYTES: usize = 250_000;
/// The pause of a table that was stopped at `max-diff-duration`.
pub(super) const RESTART_PAUSE: Duration = Duration::from_secs(30);
/// The number of an error's characters that a VDiff's record keeps.
pub(super) const ERROR_CHARS: usize = 1024;
/// The lameduck period: the shortest time that a stop gives `OnTerm`.
pub(super) const LAMEDUCK: Duration = Duration::from_millis(50);
/// The longest time that a stop gives `OnClose`.
pub(super) const ON_CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// The duration of a connect to the database. Upstream connects for each of its steps.
pub(super) const CONNECT_DURATION: Duration = Duration::from_millis(3);
/// The longest wait of a start for the grants of the database's own user.
pub(super) const DBA_GRANT_WAIT: Duration = Duration::from_secs(10);

/// One tablet's configuration.
#[derive(Clone, Debug)]
pub struct TabletConfig {
    /// The tablet's name in the topology: `zone1-101`.
    pub alias: String,
    /// The keyspace that the tablet serves.
    pub keyspace: String,
    /// The shard of that keyspace.
    pub shard: String,
    /// The names of the shard's other tablets.
    pub peers: Vec<String>,
    /// The topology server's address, `host:port`.
    pub topo: String,
    /// The address on which the tablet manager listens.
    pub rpc_listen: String,
    /// The address at which others reach it.
    pub rpc_address: String,
    /// The address on which the query service listens.
    pub query_listen: String,
    /// The directory of the databases, created if it does not exist.
    pub data_dir: PathBuf,
    /// The statements that create the tables and their rows at the first start: the backup that the shard begins with.
    pub backup: Vec<String>,
    /// A commit waits until a replica has it.
    pub semi_sync: bool,
    /// The workflow whose result VDiffs verify.
    pub workflow: Workflow,
    /// The function that reads the rows to compare.
    pub rows: RowsOf,
    /// The release to run.
    pub build: Build,
}

impl TabletConfig {
    /// A tablet that is reachable under its own name at upstream's ports: alone in its shard, with an empty database,
    /// and with nothing to verify.
    pub fn new(name: &str, keyspace: &str, shard: &str, topo: &str, build: Build) -> Self {
        Self {
            alias: name.to_owned(),
            keyspace: keyspace.to_owned(),
            shard: shard.to_owned(),
            peers: Vec::new(),
            topo: topo.to_owned(),
            rpc_listen: "0.0.0.0:15999".to_owned(),
            rpc_address: format!("{name}:15999"),
            query_listen: "0.0.0.0:15306".to_owned(),
            data_dir: "/var/lib/vttablet".into(),
            backup: Vec::new(),
            semi_sync: false,
            workflow: Workflow::default(),
            rows: rows_of_table,
            build,
        }
    }

    /// The same tablet in a shard of these tablets, including itself. A commit waits until another of them has it.
    #[must_use]
    pub fn beside(mut self, tablets: &[&str]) -> Self {
        self.peers =
            tablets.iter().filter(|tablet| **tablet != self.alias).map(|tablet| (*tablet).to_owned()).collect();
        self.semi_sync = true;
        self
    }
}

/// The content and the source of a workflow.
#[derive(Clone, Debug, Default)]
pub struct Workflow {
    /// The workflow's name.
    pub name: String,
    /// The keyspace and the shard to copy from.
    pub source: (String, String),
    /// The tables to copy.
    pub tables: Vec<String>,
    /// The tables that the vschema declares as reference tables.
    pub reference_tables: Vec<String>,
}
