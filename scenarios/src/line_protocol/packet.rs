//! The objects of the protocol: statements, packets, and the answers that packets add up to.

use serde::{Deserialize, Serialize};
use std::io;

/// A client's statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The query's id, if the client chooses it; otherwise the server does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The statement's text.
    pub text: String,
}

/// A part of an answer. `End` and `Failed` are the last of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packet {
    /// The number of further rows that have been read for this statement.
    Progress(u64),
    /// One row.
    Row(Vec<String>),
    /// The answer is complete.
    End,
    /// There is no answer, for this reason.
    Failed(String),
}

/// A complete answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its rows, in order of arrival.
    pub rows: Vec<Vec<String>>,
    /// The rows that the server reported as read.
    pub progress: u64,
}

/// The reason that a statement has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The server refused the statement or failed to run it.
    #[error("the server answered: {0}")]
    Failed(String),
    /// The connection ended, or carried an invalid packet.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Answer {
    /// Adds the next packet to the answer. Returns `true` for the last one.
    pub(super) fn add(&mut self, packet: Option<Packet>) -> Result<bool, QueryError> {
        match packet {
            Some(Packet::Progress(rows)) => self.progress += rows,
            Some(Packet::Row(row)) => self.rows.push(row),
            Some(Packet::End) => return Ok(true),
            Some(Packet::Failed(why)) => return Err(QueryError::Failed(why)),
            None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
        Ok(false)
    }
}
