//! A master's configuration. It comes from the caller alone: no file and no environment variable is read.

use super::build::{Build, StopOrder};
use std::path::PathBuf;
use std::time::Duration;

/// The patched build's pause between "raft stopped" and the close: 10 s since `09c77b87b` (v3.4.0 to v3.5.3 and head),
/// 1 s in #3126 `73595c43a`. It stands in for a join.
pub const PAUSE_BEFORE_CLOSE: Duration = Duration::from_secs(10);

/// The longest time that a stop may take before the supervisor kills the process.
pub const SHUTDOWN_BUDGET: Duration = Duration::from_secs(30);

/// The number of applied entries that stay in the log behind a snapshot: upstream's `defaultRetainLogs`.
pub const RETAIN_LOGS: u64 = 20_000;

/// Upstream's tick. openraft's leader sends a heartbeat every one and a half ticks.
pub(super) const TICK_MS: u64 = 500;

/// One master's configuration.
#[derive(Clone, Debug)]
pub struct MasterConfig {
    /// The master's number, 1 to 3.
    pub id: u64,
    /// Every master of the cluster, this one included: number, `host:port` of raft, `host:port` of the API.
    pub peers: Vec<(u64, String, String)>,
    /// The address on which raft listens.
    pub raft_listen: String,
    /// The address on which the API listens.
    pub api_listen: String,
    /// The directory of the two databases, created if it does not exist.
    pub data_dir: PathBuf,
    /// The release to run.
    pub build: Build,
    /// The part that the shipped build stops first.
    pub stop_order: StopOrder,
    /// The time that the patched build sleeps before it closes the database.
    pub pause_before_close: Duration,
    /// The longest time that a stop may take. The sound build derives its deadlines from it.
    pub shutdown_budget: Duration,
    /// The number of applied entries after which a snapshot is taken and the log truncated, and the number that stay in
    /// the log.
    pub retain_logs: u64,
}

impl MasterConfig {
    /// A master of `build` with upstream's defaults, listening on the ports that `peers` gives for it.
    ///
    /// # Panics
    ///
    /// If `peers` has no entry for `id`.
    pub fn new(id: u64, peers: Vec<(u64, String, String)>, data_dir: impl Into<PathBuf>, build: Build) -> Self {
        let (_, raft, api) = peers.iter().find(|peer| peer.0 == id).expect("a master is one of its own peers");
        let (raft_listen, api_listen) = (on_every_interface(raft), on_every_interface(api));
        Self {
            id,
            peers,
            raft_listen,
            api_listen,
            data_dir: data_dir.into(),
            build,
            stop_order: StopOrder::default(),
            pause_before_close: PAUSE_BEFORE_CLOSE,
            shutdown_budget: SHUTDOWN_BUDGET,
            retain_logs: RETAIN_LOGS,
        }
    }

    /// The API address of one master.
    pub(super) fn api_of(&self, id: u64) -> Option<&str> {
        self.peers.iter().find(|peer| peer.0 == id).map(|peer| peer.2.as_str())
    }
}

fn on_every_interface(address: &str) -> String {
    let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
    format!("0.0.0.0:{port}")
}
