//! Error codes with upstream's names and numbers, and which of them say little about why a query failed.
//! It handles none of them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why something failed, as one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Code {
    /// 62: no statement that the server understands.
    SyntaxError,
    /// 159: an exchange waited for too long.
    TimeoutExceeded,
    /// 210: a worker could not be reached.
    NetworkError,
    /// 216: there is a query of this id.
    QueryWithSameIdIsAlreadyRunning,
    /// 394: the client or a `kill` ended the query.
    QueryWasCancelled,
    /// 395: the statement itself throws.
    FunctionThrowIfValueIsNonZero,
    /// 1001: a partition could not be read.
    CannotReadPartition,
    /// 2010: the coordinator ended the segment because another one had failed.
    QueryWasCancelledInternal,
    /// 2011: an exchange broke; why, its other end knows.
    ExchangeDataTransException,
}

impl Code {
    /// Whether this is what a failure elsewhere looks like from here: such a code is never taken for the root cause.
    pub(super) fn is_ambiguous(self) -> bool {
        matches!(self, Self::QueryWasCancelledInternal | Self::ExchangeDataTransException)
    }

    /// Whether another attempt may go better, in BSP mode.
    pub(super) fn is_worth_a_retry(self) -> bool {
        matches!(self, Self::NetworkError | Self::ExchangeDataTransException | Self::CannotReadPartition)
    }
}

/// One failure: upstream's `QueryError`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryError {
    /// What kind of failure.
    pub code: Code,
    /// What a person is told.
    pub message: String,
}

impl QueryError {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}
