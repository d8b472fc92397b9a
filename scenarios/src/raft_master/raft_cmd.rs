//! What is proposed through raft, the keys that it writes, and the types that name this raft to openraft.
//! It applies nothing: that is the `MetadataFsm`'s.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Cursor;

openraft::declare_raft_types!(
    /// The types with which openraft runs here.
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

/// The prefix of a volume: `#vol#` and its name.
pub(super) const VOL_PREFIX: &str = "#vol#";
/// The prefix of a data partition: `#dp#` and its number.
pub(super) const DATA_PARTITION_PREFIX: &str = "#dp#";
/// The prefix of a data node: `#dn#` and its address.
pub(super) const DATA_NODE_PREFIX: &str = "#dn#";
/// The key of the highest data partition number ever given out.
pub(super) const MAX_DATA_PARTITION_ID: &str = "#max_dp_id";

/// The key of the volume `name`.
pub(super) fn volume_key(name: &str) -> String {
    format!("{VOL_PREFIX}{name}")
}

/// The key of the data partition `id`, padded so that a scan returns them in their order.
pub(super) fn data_partition_key(id: u64) -> String {
    format!("{DATA_PARTITION_PREFIX}{id:020}")
}

/// The key of the data node at `address`.
pub(super) fn data_node_key(address: &str) -> String {
    format!("{DATA_NODE_PREFIX}{address}")
}

/// One proposal. Values are JSON texts, as upstream's.
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

/// What applying a proposal answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CmdReply {
    /// Whether the (first) key was there before.
    pub(super) existed: bool,
}
