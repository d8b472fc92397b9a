//! The tablet manager's calls, and their client: upstream's `tmclient`. Who answers them is `rpc_server.rs`.

use super::rows::Row;
use crate::line_protocol::Lines;
use crate::rt::time;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// What is asked of a tablet, one object a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// What it is, and where its database is.
    FullStatus,
    /// Does something about VDiffs.
    VDiff(VDiffRequest),
    /// Takes no more writes, and follows nobody yet.
    DemotePrimary,
    /// Becomes primary.
    PromoteReplica,
    /// Follows this primary.
    SetReplicationSource {
        /// The primary's name.
        primary: String,
    },
    /// Answers once its database is at this position.
    WaitForPosition {
        /// The position.
        position: u64,
    },
    /// Streams the rows of a table, from after a key.
    VStreamRows {
        /// The table.
        table: String,
        /// The key after which to begin.
        after: i64,
    },
    /// Streams the binlog to a replica that is here.
    BinlogDump {
        /// Its position.
        position: u64,
        /// The term of the entry there.
        term: u64,
    },
}

/// What a tablet answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It is done.
    Done,
    /// What it is.
    Status {
        /// Whether it takes writes.
        primary: bool,
        /// Whether its query service serves.
        serving: bool,
        /// Where its database is.
        position: u64,
        /// Whom its database follows; empty if nobody.
        following: String,
    },
    /// The VDiffs that were asked for.
    VDiffs(Vec<VDiffSummary>),
    /// Where a stream of rows begins.
    Position(u64),
    /// Rows of a stream.
    Rows(Vec<Row>),
    /// Why it is not done.
    Failed(String),
}

/// Something to be done about VDiffs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VDiffRequest {
    /// What.
    pub action: Action,
    /// To which VDiff; empty is all of them, for [`Action::Show`].
    pub uuid: String,
    /// How a new one is made.
    #[serde(default)]
    pub options: Options,
}

/// What can be done about a VDiff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Makes it, and starts it.
    Create,
    /// Starts it again after a stop or its end.
    Resume,
    /// Stops it.
    Stop,
    /// Deletes it.
    Delete,
    /// Says how far it is.
    Show,
}

/// How a VDiff goes about it; upstream's defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Whether it is tried again after an ephemeral error.
    pub auto_retry: bool,
    /// How many rows that only one side has are kept to be reconciled.
    pub max_extra_rows_to_compare: usize,
    /// How many rows a report shows of each kind.
    pub max_sample_rows: usize,
    /// How long a table is compared before its streams are started anew; 0 is for ever.
    pub max_diff_duration_s: u64,
    /// How long positions are waited for.
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

/// A VDiff, as its rows have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VDiffSummary {
    /// Its name.
    pub uuid: String,
    /// `pending`, `started`, `stopped`, `completed` or `error`.
    pub state: String,
    /// Why it is in error.
    pub last_error: String,
    /// Its tables: name, state, rows compared, whether they differ.
    pub tables: Vec<(String, String, u64, bool)>,
}

/// Why a call was not answered well.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The tablet says why not.
    #[error("{0}")]
    Failed(String),
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Calls a tablet and awaits its one answer.
///
/// # Errors
/// It did not answer, or says that it is not done.
pub async fn call(address: &str, call: &Call, within: Duration) -> Result<Said, CallError> {
    let calling = async {
        let mut lines = Lines::connect(address).await?;
        lines.send(call).await?;
        receive(&mut lines).await
    };
    time::timeout(within, calling).await.unwrap_or(Err(CallError::Timeout))
}

/// The next object of an answer.
pub(super) async fn receive(lines: &mut Lines) -> Result<Said, CallError> {
    match lines.receive().await? {
        Some(Said::Failed(why)) => Err(CallError::Failed(why)),
        Some(said) => Ok(said),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
    }
}
