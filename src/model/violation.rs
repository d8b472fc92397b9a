//! A broken invariant, as data, and the signature that makes two of them the same.
//! It does not decide what is wrong: invariants do.

use afterlife_sim::event::Seq;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One broken invariant in one run, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The invariant's id: `no-use-after-teardown`.
    pub invariant: String,
    /// What it broke on, without what differs from run to run: `metadata-db`.
    pub class: String,
    /// Where the two ends are, without lines or numbers: `["metadata_fsm apply", "server stop"]`; may be empty.
    pub sites: Vec<String>,
    /// The heading's right side: `metadata-db, generation 1`.
    pub subject: String,
    /// One sentence that says what happened, with node names and durations.
    pub sentence: String,
    /// The event that broke it; `Seq::NONE` if the run's end did.
    pub at: Seq,
    /// Events that the story must show: the turning point first (the teardown, the stop), in any order.
    pub turning: Vec<Seq>,
}

impl Violation {
    /// The signature: invariant, class and the two sites.
    pub fn signature(&self) -> Signature {
        let mut text = format!("{} · {}", self.invariant, self.class);
        for site in &self.sites {
            text.push_str(" · ");
            text.push_str(site);
        }
        Signature(text)
    }
}

/// What makes two failures the same: no line numbers, no seeds, no times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signature(pub String);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
