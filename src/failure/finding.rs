//! A finding: a violation that a campaign found and confirmed, as data.

use crate::fault::Plan;
use crate::model::violation::{Signature, Violation};
use afterlife_sim::event::Digest;
use serde::{Deserialize, Serialize};

/// A violation that was found, replayed in a fresh process, and is ready to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What makes it the same as another.
    pub signature: Signature,
    /// The violation itself, from the confirming run.
    pub violation: Violation,
    /// How many runs the campaign had made when it came up, from 1.
    pub first_run: u64,
    /// Its seed.
    pub seed: u64,
    /// The plan that it takes.
    pub plan: Plan,
    /// The digest of the run that the token replays.
    pub digest: Digest,
    /// The token.
    pub token: String,
}
