//! The bounds of held threads, which several builder methods set in any order.

use std::collections::{BTreeMap, BTreeSet};

/// The edges at which holds begin and end.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    /// The longest hold, in nanoseconds, once holds are allowed.
    pub(super) longest_ns: Option<u64>,
    /// The edges at which threads are held, each with the last occurrence that counts.
    pub(super) at: BTreeMap<String, u32>,
    /// The edges of other threads that end a hold.
    pub(super) until: BTreeSet<String>,
}
