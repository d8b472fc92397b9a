//! The records of the metadata, and the keys under which they are stored.

use serde::{Deserialize, Serialize};

/// The prefix of a volume: `#vol#` and its name.
pub(super) const VOL_PREFIX: &str = "#vol#";
/// The prefix of a data partition: `#dp#` and its number.
pub(super) const DATA_PARTITION_PREFIX: &str = "#dp#";
/// The prefix of a data node: `#dn#` and its address.
pub(super) const DATA_NODE_PREFIX: &str = "#dn#";
/// The key of the highest data partition number ever assigned.
pub(super) const MAX_DATA_PARTITION_ID: &str = "#max_dp_id";

/// The key of the volume `name`.
pub(super) fn volume_key(name: &str) -> String {
    format!("{VOL_PREFIX}{name}")
}

/// The key of the data partition `id`, padded so that a scan returns partitions in numeric order.
pub(super) fn data_partition_key(id: u64) -> String {
    format!("{DATA_PARTITION_PREFIX}{id:020}")
}

/// The key of the data node at `address`.
pub(super) fn data_node_key(address: &str) -> String {
    format!("{DATA_NODE_PREFIX}{address}")
}

/// A volume's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Volume {
    pub(super) name: String,
}

/// A data partition's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DataPartition {
    pub(super) id: u64,
    pub(super) volume: String,
    pub(super) hosts: Vec<String>,
}

/// A data node's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DataNode {
    pub(super) address: String,
}

/// The rest of each key after `prefix`.
pub(super) fn names(keys: &[(String, String)], prefix: &str) -> impl Iterator<Item = String> {
    keys.iter().filter_map(move |(key, _)| key.strip_prefix(prefix).map(str::to_owned))
}

/// The JSON text of plain data with text keys, which always has one.
pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data has a JSON text")
}
