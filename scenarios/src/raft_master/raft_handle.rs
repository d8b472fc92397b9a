//! The handle to a running raft: proposes, reads behind a barrier, and follows the leader.

use super::config::TICK_MS;
use super::raft_cmd::{CmdReply, Raft, RaftCmd};
use crate::rt::{sync::watch, time};
use openraft::error::{CheckIsLeaderError, ClientWriteError, RaftError};
use std::time::Duration;

/// The reason why raft did not carry out a request.
#[derive(Debug)]
pub(super) enum NotDone {
    /// Another master leads, if any does.
    NotLeader(Option<u64>),
    /// This master leads but reaches no majority, or it is stopping.
    Unavailable(String),
}

/// A handle for proposals and queries. Clones share the instance.
#[derive(Clone)]
pub(super) struct RaftHandle {
    raft: Raft,
    /// A leader's message has been answered since the start.
    led: watch::Receiver<bool>,
}

impl std::fmt::Debug for RaftHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RaftHandle")
    }
}

impl RaftHandle {
    /// A handle to `raft`; `led` becomes true once a leader's message has been answered.
    pub(super) fn new(raft: Raft, led: watch::Receiver<bool>) -> Self {
        Self { raft, led }
    }

    /// openraft's own handle.
    pub(super) fn raft(&self) -> &Raft {
        &self.raft
    }

    /// Proposes `cmd`, and returns once a majority has it and it is applied here.
    pub(super) async fn propose(&self, cmd: RaftCmd) -> Result<CmdReply, NotDone> {
        match self.raft.client_write(cmd).await {
            Ok(written) => Ok(written.data),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => Err(NotDone::NotLeader(to.leader_id)),
            Err(error) => Err(NotDone::Unavailable(error.to_string())),
        }
    }

    /// Returns once this master was known to lead after the call, and has applied everything that was acknowledged
    /// before it.
    pub(super) async fn read_barrier(&self) -> Result<(), NotDone> {
        match self.raft.ensure_linearizable().await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(CheckIsLeaderError::ForwardToLeader(to))) => Err(NotDone::NotLeader(to.leader_id)),
            Err(error) => Err(NotDone::Unavailable(error.to_string())),
        }
    }

    /// The current leader, as far as this master knows.
    pub(super) fn leader(&self) -> Option<u64> {
        self.raft.server_metrics().borrow().current_leader
    }

    /// The index of the last entry applied here.
    pub(super) fn applied(&self) -> u64 {
        self.raft.data_metrics().borrow().last_applied.map_or(0, |log_id| log_id.index)
    }

    /// Calls `changed` with each new leader (or `None`) until raft has stopped.
    pub(super) async fn watch_leader(&self, mut changed: impl AsyncFnMut(Option<u64>)) {
        // openraft remembers the leader across a restart and reports it at once. Upstream's raft knows no leader before
        // it hears from one, or before its first tick.
        let mut led = self.led.clone();
        let _ = time::timeout(Duration::from_millis(TICK_MS), led.wait_for(|led| *led)).await;
        let mut metrics = self.raft.server_metrics();
        let mut known = None;
        loop {
            let leader = metrics.borrow_and_update().current_leader;
            if leader != known {
                known = leader;
                changed(leader).await;
            }
            if metrics.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until `id` no longer leads, or raft has stopped.
    pub(super) async fn deposed(&self, id: u64) {
        let mut metrics = self.raft.server_metrics();
        let _ = metrics.wait_for(|now| now.current_leader != Some(id)).await;
    }
}
