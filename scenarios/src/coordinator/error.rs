//! Error codes with upstream's names and numbers.
//! It handles none of them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The reason of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Code {
    /// 62: not a statement that the server understands.
    SyntaxError,
    /// 159: an exchange timed out.
    TimeoutExceeded,
    /// 210: a worker is unreachable.
    NetworkError,
    /// 216: a query of this id is running.
    QueryWithSameIdIsAlreadyRunning,
    /// 394: the client or a `kill` ended the query.
    QueryWasCancelled,
    /// 395: the statement itself throws.
    FunctionThrowIfValueIsNonZero,
    /// 1001: a partition could not be read.
    CannotReadPartition,
    /// 2010: the coordinator ended the segment because another one failed.
    QueryWasCancelledInternal,
    /// 2011: an exchange broke; only its other end knows the cause.
    ExchangeDataTransException,
}

impl Code {
    /// Returns `true` for codes that only reflect a failure elsewhere. Such a code is never the root cause.
    pub(super) fn is_ambiguous(self) -> bool {
        matches!(self, Self::QueryWasCancelledInternal | Self::ExchangeDataTransException)
    }

    /// Returns `true` if another attempt may succeed, in BSP mode.
    pub(super) fn is_worth_a_retry(self) -> bool {
        matches!(self, Self::NetworkError | Self::ExchangeDataTransException | Self::CannotReadPartition)
    }
}

/// One failure (upstream's `QueryError`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryError {
    /// The kind of failure.
    pub code: Code,
    /// The message for people.
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
