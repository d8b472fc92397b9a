//! The source of the meta server's ballots: a local counter here, a metadata service elsewhere.

use super::messages::Pid;
use std::future::Future;
use std::pin::Pin;

/// The ballot of a new partition.
pub(super) const INITIAL_BALLOT: u64 = 1;

/// The next ballot, or the reason why there is none now.
pub type NextBallot<'a> = Pin<Box<dyn Future<Output = Result<u64, String>> + Send + 'a>>;

/// Assigns ballots.
pub trait Ballots: Send + Sync + 'static {
    /// A ballot for this partition above `current`, which is never assigned again.
    fn next(&self, partition: Pid, current: u64) -> NextBallot<'_>;
}

/// A counter. It is enough because the meta server lives through the whole run.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalBallots;

impl Ballots for LocalBallots {
    fn next(&self, _: Pid, current: u64) -> NextBallot<'_> {
        Box::pin(std::future::ready(Ok(current + 1)))
    }
}
