//! The bodies of requests and replies, which the HTTP API and its client share.

use serde::{Deserialize, Serialize};

/// The body of a reply that reports an error.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub(super) error: String,
    /// The API address of the leader, if another master leads.
    pub(super) leader: Option<String>,
}

/// The body of an acknowledged change.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) existed: bool,
}

/// The body of `POST /volumes`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CreateVolume {
    pub(super) name: String,
}

/// The body of `POST /partitions`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CreatePartition {
    pub(super) volume: String,
}

/// The body of `POST /nodes`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RegisterNode {
    pub(super) address: String,
}
