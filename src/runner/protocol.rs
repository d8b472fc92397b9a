//! The messages from a runner process to its campaign.

use crate::run::request::{Ended, Reply};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Real time without passing a door after which a run counts as an endless loop. Far above any honest computation
/// between two doors, also on a machine that is shared.
pub(super) const SPIN_BOUND: Duration = Duration::from_secs(10);

/// What travels back for one request: the child's `Reply`, if it came so far, then the runner's `End`.
#[derive(Serialize, Deserialize)]
pub(super) enum Answer {
    /// From the child: what the run came to.
    Reply(Box<Reply>),
    /// From the child: why there is no run.
    Refused(String),
    /// From the runner: how the child ended.
    End(Ended),
}
