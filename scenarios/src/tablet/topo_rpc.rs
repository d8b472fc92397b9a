//! The messages between the topology's clients and its server, and the errors of a client.

use serde::{Deserialize, Serialize};
use std::io;

/// A request, one JSON object per line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TopoRequest {
    /// Reads the value of a path.
    Get { path: String },
    /// Sets the value of a path if its version is this one; 0 if the path does not exist.
    Set { path: String, value: String, version: u64 },
    /// Reads the value of a path, and every later value.
    Watch { path: String },
    /// Takes the lock of a name, for as long as the connection lives. Repeated, it renews the lease.
    Lock { name: String },
}

/// The server's reply.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TopoReply {
    /// The value and its version; version 0 if the path does not exist.
    Value { value: String, version: u64 },
    /// The path has another version.
    BadVersion,
    /// This connection holds the lock.
    Locked,
    /// Another connection holds the lock.
    Held,
}

/// The reason why the topology gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum TopoError {
    /// This client is closed. Upstream's is nil from then on.
    #[error("the topology server's client is closed")]
    Closed,
    /// The call took too long.
    #[error("the topology server did not answer in time")]
    Timeout,
    /// Another client changed the record, or holds the lock.
    #[error("another one was faster")]
    Conflict,
    /// There is no such record.
    #[error("node doesn't exist: {0}")]
    NoNode(String),
    /// The connection failed.
    #[error("the topology server: {0}")]
    Io(#[from] io::Error),
    /// The record has the wrong type.
    #[error("a record of the topology: {0}")]
    Record(#[from] serde_json::Error),
}
