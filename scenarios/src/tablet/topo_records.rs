//! The topology's records of tablets and shards, and the paths under which they are stored.

use serde::{Deserialize, Serialize};

/// A tablet's role in its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TabletType {
    /// The tablet takes writes, and the others follow it.
    Primary,
    /// The tablet follows the primary.
    Replica,
}

/// A tablet's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tablet {
    /// The tablet's name.
    pub alias: String,
    /// The tablet's keyspace.
    pub keyspace: String,
    /// The tablet's shard.
    pub shard: String,
    /// The address of its tablet manager.
    pub address: String,
    /// Its role in the shard.
    pub kind: TabletType,
    /// The start of its term as primary, in nanoseconds since the epoch; 0 if it is a replica.
    pub primary_term_start: u64,
}

/// A shard's record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// The primary's name.
    pub primary: String,
    /// The start of that primary's term.
    pub primary_term_start: u64,
}

/// The path of a tablet's record.
pub fn tablet_path(alias: &str) -> String {
    format!("tablets/{alias}")
}

/// The initial records of a topology: one for each shard, given its keyspace, its name, and its primary.
pub fn shard_records(shards: &[(&str, &str, &str)]) -> Vec<(String, String)> {
    let record = |(keyspace, shard, primary): &(&str, &str, &str)| {
        let record = Shard { primary: (*primary).to_owned(), primary_term_start: 1 };
        (shard_path(keyspace, shard), serde_json::to_string(&record).expect("plain data has a JSON text"))
    };
    shards.iter().map(record).collect()
}

/// The path of a shard's record.
pub fn shard_path(keyspace: &str, shard: &str) -> String {
    format!("keyspaces/{keyspace}/shards/{shard}")
}
