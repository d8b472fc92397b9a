//! Ballots from the raft master: the numbers of its data partitions, each assigned once and durably.
//! It keeps no state, since the master never assigns a number twice.

use crate::raft_master::Client;
use crate::replica_loader::{Ballots, NextBallot, Pid};

/// The volume whose partitions serve as ballots.
const VOLUME: &str = "ballots";

/// Draws ballots from the raft master.
#[derive(Debug)]
pub(super) struct MasterBallots {
    masters: Vec<String>,
}

impl MasterBallots {
    /// Draws from the leader among these masters.
    pub(super) fn new(masters: Vec<String>) -> Self {
        Self { masters }
    }
}

impl Ballots for MasterBallots {
    fn next(&self, _: Pid, current: u64) -> NextBallot<'_> {
        Box::pin(async move {
            let client = Client::new(self.masters.clone());
            // An existing volume is reported as the caller's error.
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
