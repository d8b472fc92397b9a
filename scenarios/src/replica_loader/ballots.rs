//! Where the meta server gets ballots from: a counter of its own here, a metadata service elsewhere.
//! It knows no configuration.

use super::messages::Pid;
use std::future::Future;
use std::pin::Pin;

/// The next ballot, or why there is none now.
pub type NextBallot<'a> = Pin<Box<dyn Future<Output = Result<u64, String>> + Send + 'a>>;

/// Gives out ballots.
pub trait Ballots: Send + Sync + 'static {
    /// A ballot for this partition above `current`, which is never given out again.
    fn next(&self, partition: Pid, current: u64) -> NextBallot<'_>;
}

/// The meta server counts by itself; it lives through the whole run.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalBallots;

impl Ballots for LocalBallots {
    fn next(&self, _: Pid, current: u64) -> NextBallot<'_> {
        Box::pin(std::future::ready(Ok(current + 1)))
    }
}
