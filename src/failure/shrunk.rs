//! An account of how a plan was shrunk.

use crate::fault::Injection;
use serde::{Deserialize, Serialize};

/// How a plan became as small as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shrunk {
    /// How many replays it took.
    pub(crate) replays: u64,
    /// The injections that it does not take, as they were drawn.
    pub(crate) not: Vec<Injection>,
    /// Whether each injection that is left is needed; if not, the bound on replays came first.
    pub(crate) whole: bool,
    /// With how many other seeds the plan was tried, and how many of those runs broke in the same way.
    pub(crate) seeds: (u64, u64),
}
