//! The tablet manager's calls and their client: upstream's `tmclient`. `rpc_server.rs` answers them.

use super::rows::Row;
use crate::line_protocol::Lines;
use crate::rt::time;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// A call of a tablet, one JSON object per line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Returns the tablet's type, and its database's position.
    FullStatus,
    /// Performs an action on VDiffs.
    VDiff(VDiffRequest),
    /// Makes the database read-only, without following another primary yet.
    DemotePrimary,
    /// Promotes the tablet to primary.
    PromoteReplica,
    /// Makes the database follow this primary.
    SetReplicationSource {
        /// The primary's name.
        primary: String,
    },
    /// Answers once the database has reached this position.
    WaitForPosition {
        /// The position.
        position: u64,
    },
    /// Streams the rows of a table, starting after a key.
    VStreamRows {
        /// The table.
        table: String,
        /// The key to start after.
        after: i64,
    },
    /// Streams the binlog to a replica at this position.
    BinlogDump {
        /// The replica's position.
        position: u64,
        /// The term of the replica's entry there.
        term: u64,
    },
}

/// A tablet's reply.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The call was carried out.
    Done,
    /// The tablet's status.
    Status {
        /// The tablet is primary.
        primary: bool,
        /// The query service serves.
        serving: bool,
        /// The database's position.
        position: u64,
        /// The primary that the database follows; empty if none.
        following: String,
    },
    /// The requested VDiffs.
    VDiffs(Vec<VDiffSummary>),
    /// The position at which a stream of rows starts.
    Position(u64),
    /// Rows of a stream.
    Rows(Vec<Row>),
    /// The reason why the call failed.
    Failed(String),
}

/// A request for an action on VDiffs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VDiffRequest {
    /// The action.
    pub action: Action,
    /// The VDiff's name; empty for all of them, with [`Action::Show`].
    pub uuid: String,
    /// The options of a new VDiff.
    #[serde(default)]
    pub options: Options,
}

/// An action on a VDiff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Creates and starts it.
    Create,
    /// Starts it again after it was stopped or completed.
    Resume,
    /// Stops it.
    Stop,
    /// Deletes it.
    Delete,
    /// Reports its progress.
    Show,
}

/// The options of a VDiff, with upstream's defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// An ephemeral error is retried.
    pub auto_retry: bool,
    /// The number of rows found on one side only that are kept for reconciliation.
    pub max_extra_rows_to_compare: usize,
    /// The number of rows of each kind that a report shows.
    pub max_sample_rows: usize,
    /// The time after which a table's streams are restarted; 0 for never.
    pub max_diff_duration_s: u64,
    /// The longest wait for a position.
    pub timeout_s: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auto_retry: true,
            max_extra_rows_to_compare: 1_000,
            max_sample_rows: 10,
            max_diff_duration_s: 0,
            timeout_s: 30,
        }
    }
}

/// The record of a VDiff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VDiffSummary {
    /// The VDiff's name.
    pub uuid: String,
    /// `pending`, `started`, `stopped`, `completed` or `error`.
    pub state: String,
    /// The error, if the state is `error`.
    pub last_error: String,
    /// The tables: name, state, rows compared, whether they differ.
    pub tables: Vec<(String, String, u64, bool)>,
}

/// The reason why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The tablet reported a failure.
    #[error("{0}")]
    Failed(String),
    /// The call took too long.
    #[error("no answer in time")]
    Timeout,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Calls a tablet and waits for its single reply.
///
/// # Errors
/// The tablet did not answer, or reported a failure.
pub async fn call(address: &str, call: &Call, within: Duration) -> Result<Reply, CallError> {
    let calling = async {
        let mut lines = Lines::connect(address).await?;
        lines.send(call).await?;
        receive(&mut lines).await
    };
    time::timeout(within, calling).await.unwrap_or(Err(CallError::Timeout))
}

/// Receives the next object of a reply.
pub(super) async fn receive(lines: &mut Lines) -> Result<Reply, CallError> {
    match lines.receive().await? {
        Some(Reply::Failed(why)) => Err(CallError::Failed(why)),
        Some(reply) => Ok(reply),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
    }
}
