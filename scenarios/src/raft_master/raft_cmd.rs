//! Raft's proposals, and openraft's types for them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Cursor;

openraft::declare_raft_types!(
    /// The types that openraft is instantiated with.
    pub(super) TypeConfig:
        D = RaftCmd,
        R = CmdReply,
        SnapshotData = Cursor<Vec<u8>>,
);

pub(super) type Raft = openraft::Raft<TypeConfig>;
pub(super) type LogId = openraft::LogId<u64>;
pub(super) type Entry = openraft::Entry<TypeConfig>;
pub(super) type Membership = openraft::StoredMembership<u64, openraft::BasicNode>;
pub(super) type SnapshotMeta = openraft::SnapshotMeta<u64, openraft::BasicNode>;
pub(super) type StorageError = openraft::StorageError<u64>;

/// One proposal. Values are JSON texts, as upstream's are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RaftCmd {
    /// Writes one key.
    Put { key: String, value: String },
    /// Removes one key.
    Delete { key: String },
    /// Writes several keys in one batch.
    BatchPut { puts: Vec<(String, String)> },
}

impl fmt::Display for RaftCmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, .. } => write!(f, "put {key}"),
            Self::Delete { key } => write!(f, "delete {key}"),
            Self::BatchPut { puts } => write!(f, "put {} keys", puts.len()),
        }
    }
}

/// The result of applying a proposal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CmdReply {
    /// The (first) key existed before.
    pub(super) existed: bool,
}
