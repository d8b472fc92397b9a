//! What a tablet is started with, and upstream's constants.
//! It reads no file and no environment: whoever starts the tablet says it all.

use super::build::Build;
use super::rows::{RowsOf, rows_of_table};
use std::path::PathBuf;
use std::time::Duration;

/// What the engine waits before it tries to open again: upstream's `openRetryInterval`.
pub(super) const OPEN_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How often VDiffs that ended with an ephemeral error are tried again.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_secs(30);
/// The first wait before an error state that could not be saved is saved again; each further one is half as long again.
pub(super) const SAVE_RETRY_DELAY: Duration = Duration::from_millis(100);
/// The longest such wait.
pub(super) const SAVE_RETRY_DELAY_MAX: Duration = Duration::from_secs(60);
/// How long one call of the topology server may take: upstream's `RemoteOperationTimeout`.
pub(super) const REMOTE_OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
/// How long what goes on in the background of a diff may take.
pub(super) const BACKGROUND_OPERATION_TIMEOUT: Duration = Duration::from_secs(4 * 15);
/// How long the shard sync loop waits after a failure.
pub(super) const SHARD_SYNC_RETRY_DELAY: Duration = Duration::from_secs(30);
/// How long a tablet record that could not be published waits.
pub(super) const PUBLISH_RETRY_INTERVAL: Duration = Duration::from_secs(30);
/// How many events a watch holds for its reader.
pub(super) const WATCH_CAPACITY: usize = 10;
/// Where the rows of a table are counted to save `lastpk`.
pub(super) const ROWS_BETWEEN_SAVES: u64 = 10_000;
/// How many bytes of rows travel in one packet of a row stream: upstream's `vstream_packet_size`.
pub(super) const PACKET_BYTES: usize = 250_000;
/// How long a table that was stopped at `max-diff-duration` waits before it goes on.
pub(super) const RESTART_PAUSE: Duration = Duration::from_secs(30);
/// How many characters of an error a VDiff's record keeps.
pub(super) const ERROR_CHARS: usize = 1024;
/// The lameduck period: what a stop leaves `OnTerm` at least.
pub(super) const LAMEDUCK: Duration = Duration::from_millis(50);
/// What a stop leaves `OnClose` at most.
pub(super) const ON_CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// What a connection to the database takes: upstream makes one for each of its steps.
pub(super) const CONNECT_TAKES: Duration = Duration::from_millis(3);
/// How long a start waits for the grants of the database's own user.
pub(super) const DBA_GRANT_WAIT: Duration = Duration::from_secs(10);

/// One tablet's configuration.
#[derive(Clone, Debug)]
pub struct TabletConfig {
    /// The tablet's name in the topology: `zone1-101`.
    pub alias: String,
    /// The keyspace that it serves.
    pub keyspace: String,
    /// The shard of that keyspace.
    pub shard: String,
    /// The names of the shard's other tablets.
    pub peers: Vec<String>,
    /// Where the topology server is, `host:port`.
    pub topo: String,
    /// The address on which the tablet manager listens.
    pub rpc_listen: String,
    /// How others reach it.
    pub rpc_address: String,
    /// The address on which the query service listens.
    pub query_listen: String,
    /// The directory of the databases; it is created if it is not there.
    pub data_dir: PathBuf,
    /// The statements that make the tables and their rows, at the first start: the backup that the shard begins with.
    pub backup: Vec<String>,
    /// Whether a commit waits until a replica has it.
    pub semi_sync: bool,
    /// The workflow whose result VDiffs verify.
    pub workflow: Workflow,
    /// How the rows that are compared are read.
    pub rows: RowsOf,
    /// Which release runs.
    pub build: Build,
}

impl TabletConfig {
    /// A tablet that can be reached under its own name, at upstream's ports: alone in its shard, with an empty database, and
    /// nothing to verify.
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

    /// The same in a shard with these tablets, itself among them: a commit waits until another of them has it.
    #[must_use]
    pub fn beside(mut self, tablets: &[&str]) -> Self {
        self.peers =
            tablets.iter().filter(|tablet| **tablet != self.alias).map(|tablet| (*tablet).to_owned()).collect();
        self.semi_sync = true;
        self
    }
}

/// What a workflow copies from where.
#[derive(Clone, Debug, Default)]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// The keyspace and the shard that it copies from.
    pub source: (String, String),
    /// The tables that it copies.
    pub tables: Vec<String>,
    /// Those of them that the vschema calls reference tables.
    pub reference_tables: Vec<String>,
}
