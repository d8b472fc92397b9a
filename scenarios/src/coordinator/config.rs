//! The configuration of servers and workers, and upstream's constants.
//! They read no file and no environment; the caller passes everything.

use super::build::Build;
use std::time::Duration;

/// `interactive_delay`: the interval at which a query sends progress to its client and checks if it was killed.
pub const INTERACTIVE_DELAY: Duration = Duration::from_millis(100);
/// `distributed_query_wait_exception_ms`: the time that an ambiguous error waits for its root cause (2 s at upstream's head).
pub const WAIT_EXCEPTION: Duration = Duration::from_secs(1);
/// `exchange_timeout_ms`: the time that a receiver waits for its sender, and a sender for its receiver.
pub const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(100);
/// The longest wait for queries of a higher priority, each time a query reports progress.
pub const PRIORITY_WAIT: Duration = Duration::from_secs(1);
/// `AMBIGUOS_ERROR_MAX_NUM`: the number of ambiguous errors that a query keeps.
pub const AMBIGUOUS_ERRORS_MAX: usize = 10;
/// The number of attempts of an instance in BSP mode.
pub const ATTEMPTS_MAX: u32 = 3;

/// The timeout for opening an RPC connection (`brpc` gives up after a second).
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The timeout of an RPC other than an exchange.
pub(super) const RPC_TIMEOUT: Duration = Duration::from_secs(3);

/// A server's configuration.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Listens for clients of the native protocol.
    pub tcp_listen: String,
    /// Listens for clients of the HTTP interface.
    pub http_listen: String,
    /// Listens for clients of the MySQL interface.
    pub mysql_listen: String,
    /// Listens for the workers' reports.
    pub rpc_listen: String,
    /// The address at which workers reach `rpc_listen`, `host:port`.
    pub rpc_address: String,
    /// The workers' addresses, `host:port` each.
    pub workers: Vec<String>,
    /// The number of partitions of a table.
    pub partitions: u32,
    /// The release that runs.
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
    /// Configures a server of `build` with upstream's defaults and ports, reachable as `host`.
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

/// A worker's configuration.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Listens for plan segments from servers.
    pub rpc_listen: String,
    /// The release that runs.
    pub build: Build,
    /// The number of rows in a block, which is read and counted at once.
    pub block_rows: usize,
    /// The time that a block takes to compute.
    pub block_time: Duration,
    /// The most rows that wait for their receiver.
    pub exchange_rows: usize,
    /// See [`EXCHANGE_TIMEOUT`].
    pub exchange_timeout: Duration,
}

impl WorkerConfig {
    /// Configures a worker of `build` with upstream's port.
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
