//! A finding: a violation that a campaign found and confirmed, as data.

use crate::fault::Plan;
use crate::model::violation::{Signature, Violation};
use afterlife_sim::event::Digest;
use serde::{Deserialize, Serialize};

/// A violation that a campaign found and replayed in a fresh process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The signature, which groups equal failures.
    pub signature: Signature,
    /// The violation in the confirming run.
    pub violation: Violation,
    /// The number of the run that found it, from 1.
    pub first_run: u64,
    /// The seed.
    pub seed: u64,
    /// The plan, shrunk if the campaign shrinks.
    pub plan: Plan,
    /// The digest of the run that the token replays.
    pub digest: Digest,
    /// The token.
    pub token: String,
}
