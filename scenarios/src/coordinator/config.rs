//! What a server and a worker are started with, and upstream's constants.
//! They read no file and no environment: whoever starts them says it all.

use super::build::Build;
use std::time::Duration;

/// `interactive_delay`: how often a query's progress goes to its client, and how often it is looked at whether it is killed.
pub const INTERACTIVE_DELAY: Duration = Duration::from_millis(100);
/// `distributed_query_wait_exception_ms`: how long an ambiguous error waits for its root cause (2 s at upstream's head).
pub const WAIT_EXCEPTION: Duration = Duration::from_secs(1);
/// `exchange_timeout_ms`: how long a receiver waits for a sender, and a sender for its receiver.
pub const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(100);
/// How long a query waits at most for queries of a higher priority, each time it tells progress.
pub const PRIORITY_WAIT: Duration = Duration::from_secs(1);
/// `AMBIGUOS_ERROR_MAX_NUM`: how many errors that are not the root cause are kept.
pub const AMBIGUOUS_ERRORS_MAX: usize = 10;
/// How often an instance is tried in BSP mode.
pub const ATTEMPTS_MAX: u32 = 3;

/// How long making an RPC connection may take (`brpc` gives up after a second).
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an RPC other than an exchange may take.
pub(super) const RPC_TIMEOUT: Duration = Duration::from_secs(3);

/// A server: where it listens, whom it has work, which release it is.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where clients of the native protocol connect.
    pub tcp_listen: String,
    /// Where clients of the HTTP interface connect.
    pub http_listen: String,
    /// Where clients of the MySQL interface connect.
    pub mysql_listen: String,
    /// Where workers report.
    pub rpc_listen: String,
    /// The same, as workers reach it: `host:port`.
    pub rpc_address: String,
    /// The workers, `host:port` each.
    pub workers: Vec<String>,
    /// How many partitions a table has.
    pub partitions: u32,
    /// Which release runs.
    pub build: Build,
    /// See [`INTERACTIVE_DELAY`].
    pub interactive_delay: Duration,
    /// See [`WAIT_EXCEPTION`].
    pub wait_exception: Duration,
    /// See [`EXCHANGE_TIMEOUT`].
    pub exchange_timeout: Duration,
    /// See [`PRIORITY_WAIT`].
    pub priority_wait: Duration,
}

impl ServerConfig {
    /// A server of `build` with upstream's defaults and ports, known as `host`.
    pub fn new(host: &str, workers: Vec<String>, build: Build) -> Self {
        Self {
            tcp_listen: "0.0.0.0:9000".to_owned(),
            http_listen: "0.0.0.0:8123".to_owned(),
            mysql_listen: "0.0.0.0:9004".to_owned(),
            rpc_listen: "0.0.0.0:8124".to_owned(),
            rpc_address: format!("{host}:8124"),
            workers,
            partitions: 8,
            build,
            interactive_delay: INTERACTIVE_DELAY,
            wait_exception: WAIT_EXCEPTION,
            exchange_timeout: EXCHANGE_TIMEOUT,
            priority_wait: PRIORITY_WAIT,
        }
    }
}

/// A worker: where it listens and how it works.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Where servers send plan segments.
    pub rpc_listen: String,
    /// Which release runs.
    pub build: Build,
    /// How many rows are read, and counted, at once.
    pub block_rows: usize,
    /// How long a block takes to be computed.
    pub block_time: Duration,
    /// How many rows wait for their receiver at most.
    pub exchange_rows: usize,
    /// See [`EXCHANGE_TIMEOUT`].
    pub exchange_timeout: Duration,
}

impl WorkerConfig {
    /// A worker of `build` with upstream's port.
    pub fn new(build: Build) -> Self {
        Self {
            rpc_listen: "0.0.0.0:8124".to_owned(),
            build,
            block_rows: 4,
            block_time: Duration::from_millis(3),
            exchange_rows: 16,
            exchange_timeout: EXCHANGE_TIMEOUT,
        }
    }
}
