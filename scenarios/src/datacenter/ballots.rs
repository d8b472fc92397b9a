//! Ballots from the raft master: the numbers of data partitions, which it gives out once and durably.
//! It remembers nothing: a number that was given out is never given out again, whoever asks.

use crate::raft_master::Client;
use crate::replica_loader::{Ballots, NextBallot, Pid};

/// The volume under which numbers are drawn.
const VOLUME: &str = "ballots";

/// Asks the raft master.
#[derive(Debug)]
pub(super) struct MasterBallots {
    masters: Vec<String>,
}

impl MasterBallots {
    /// Ballots from the master that leads among these.
    pub(super) fn new(masters: Vec<String>) -> Self {
        Self { masters }
    }
}

impl Ballots for MasterBallots {
    fn next(&self, _: Pid, current: u64) -> NextBallot<'_> {
        Box::pin(async move {
            let client = Client::new(self.masters.clone());
            // It may be there already, and then that is told as an error of the caller's.
            let _ = client.create_volume(VOLUME).await;
            loop {
                let number = client.create_partition(VOLUME).await.map_err(|error| error.to_string())?;
                if number > current {
                    return Ok(number);
                }
            }
        })
    }
}
