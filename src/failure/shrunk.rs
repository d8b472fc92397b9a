//! The result of shrinking, for stories and records.

use crate::fault::Injection;
use serde::{Deserialize, Serialize};

/// An account of how a plan was shrunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shrunk {
    /// The number of replays.
    pub(crate) replays: u64,
    /// The injections that the failure does not take, as they were drawn.
    pub(crate) not: Vec<Injection>,
    /// Every remaining injection is needed. If false, the bound on replays came first.
    pub(crate) whole: bool,
    /// The number of other seeds tried with the plan, and the number of those runs that broke in the same way.
    pub(crate) seeds: (u64, u64),
}
