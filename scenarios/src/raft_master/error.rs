//! The reasons for which a master ends without being asked to.

use std::io;

/// The reason why a master ended without being asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterError {
    /// The data directory could not be created.
    #[error("the data directory: {0}")]
    DataDir(#[source] io::Error),
    /// The metadata store could not be opened or read.
    #[error("the metadata store: {0}")]
    Store(String),
    /// The raft log could not be opened or read.
    #[error("the raft log: {0}")]
    Log(#[from] redb::Error),
    /// Raft could not recover.
    #[error("raft: {0}")]
    Raft(String),
    /// An address could not be bound.
    #[error("cannot listen at {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// The reason.
        #[source]
        error: io::Error,
    },
    /// Raft or the state machine ended on its own because its disk failed. The master cannot work without it.
    #[error("raft ended by itself")]
    RaftEnded,
}

impl From<openraft::error::Fatal<u64>> for MasterError {
    fn from(fatal: openraft::error::Fatal<u64>) -> Self {
        Self::Raft(fatal.to_string())
    }
}
