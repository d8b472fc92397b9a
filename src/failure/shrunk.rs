//! The result of shrinking, for stories and records.

use crate::fault::Injection;
use serde::{Deserialize, Serialize};

/// The result of shrinking a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shrunk {
    /// The number of replays.
    pub(crate) replays: u64,
    /// The injections that the failure does not need, as they were drawn.
    pub(crate) not: Vec<Injection>,
    /// True if every remaining injection is needed; false if the bound on replays was reached first.
    pub(crate) whole: bool,
    /// The number of other seeds tried with the plan, and the number of those runs that broke in the same way.
    pub(crate) seeds: (u64, u64),
}
