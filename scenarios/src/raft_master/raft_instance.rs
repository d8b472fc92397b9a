//! One raft instance: openraft over the log store, the state machine and the transport, with its start and its stop.
//! The server decides when it stops.

use super::config::{MasterConfig, TICK_MS};
use super::error::MasterError;
use super::lease::Leases;
use super::log_store::LogStore;
use super::metadata_fsm::MetadataFsm;
use super::network::PeerNetwork;
use super::raft_cmd::Raft;
use super::raft_handle::RaftHandle;
use super::raft_server::RaftServer;
use super::store::Store;
use super::transport::Transport;
use crate::rt::{task, time};
use openraft::{BasicNode, Config, SnapshotPolicy};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// openraft elects once the leader's lease (`election_timeout_max`) and a random election timeout have passed: 2.5 to 3
/// s after the last heartbeat, which is upstream's election of 5 ticks.
const ELECTION_TIMEOUT_MIN_MS: u64 = 2 * TICK_MS;
const ELECTION_TIMEOUT_MAX_MS: u64 = 3 * TICK_MS;

/// The number of entries that one message carries: upstream batches up to 64 proposals.
const ENTRIES_PER_MESSAGE: u64 = 64;

/// The size of a snapshot chunk. As JSON it is four times as large, and a message is 1 MiB at most.
const SNAPSHOT_CHUNK_BYTES: u64 = 64 << 10;

/// The longest time that a peer may take over one chunk of a snapshot, which it writes to its disk.
const SNAPSHOT_TIMEOUT_MS: u64 = 10_000;

/// The time that the first master gives its peers to start listening before it forms a new cluster.
const FORM_AFTER: Duration = Duration::from_millis(TICK_MS);

/// The running raft of one master.
#[derive(Debug)]
pub(super) struct RaftInstance {
    server: RaftServer,
    handle: RaftHandle,
    transport: Transport,
    forming: Mutex<Option<task::JoinHandle<()>>>,
    applying: Leases,
    log: Leases,
}

impl RaftInstance {
    /// Recovers the log and the state machine, starts openraft, listens for the peers, and makes sure that a cluster is
    /// formed if there is none yet.
    pub(super) async fn start(config: &MasterConfig, store: Arc<Store>) -> Result<Self, MasterError> {
        let (log_store, log) = LogStore::open(&config.data_dir.join("raft.redb"))?;
        let server = RaftServer::default();
        let (fsm, applying) = MetadataFsm::restore(store, config, server.clone())?;
        let raft = Raft::new(config.id, Arc::new(raft_config(config)), PeerNetwork, log_store, fsm).await?;
        let transport = match Transport::listen(&config.raft_listen, raft.clone()).await {
            Ok(transport) => transport,
            Err(error) => {
                // Only a task that has ended can be waited for, and its result no longer matters.
                let _ = raft.shutdown().await;
                return Err(MasterError::Listen { address: config.raft_listen.clone(), error });
            }
        };
        let forming = task::spawn(form_cluster(raft.clone(), config.id, config.peers.clone()));
        let handle = RaftHandle::new(raft, transport.led());
        Ok(Self { server, handle, transport, forming: Mutex::new(Some(forming)), applying, log })
    }

    /// The handle to propose with.
    pub(super) fn handle(&self) -> RaftHandle {
        self.handle.clone()
    }

    /// Upstream's `RaftServer.Stop`: returns once `run` (openraft's `RaftCore`) and the transport have ended. Entries
    /// that were queued for the state machine are still being applied. The server's lock is held throughout.
    pub(super) async fn stop_under_lock(&self) {
        let _instances = self.server.stopping().await;
        self.stop().await;
    }

    /// The fix that the report asks for, done the obvious way: `stop` waits for `runApply` as well, under the lock.
    pub(super) async fn stop_and_join_under_lock(&self) {
        let _instances = self.server.stopping().await;
        self.stop().await;
        self.applied_to_the_end().await;
    }

    /// Ends `run` and the transport, without holding a lock.
    pub(super) async fn stop(&self) {
        let forming = self.forming.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(forming) = forming {
            forming.abort();
            let _ = forming.await;
        }
        // An error says that `RaftCore` had ended already, which is just as good here.
        let _ = self.handle.raft().shutdown().await;
        self.transport.stop().await;
    }

    /// Applies no queued entry any more, except the one that is being applied.
    pub(super) fn apply_no_more(&self) {
        self.applying.call_in();
    }

    /// Waits until nothing applies any more: the worker has dropped the state machine, and no snapshot is being built.
    pub(super) async fn applied_to_the_end(&self) {
        self.applying.all_returned().await;
    }

    /// Waits until the log's file is closed. Replication tasks read it a little longer than `RaftCore` runs.
    pub(super) async fn log_closed(&self) {
        self.log.all_returned().await;
    }
}

fn raft_config(config: &MasterConfig) -> Config {
    Config {
        cluster_name: "master".to_owned(),
        heartbeat_interval: TICK_MS,
        election_timeout_min: ELECTION_TIMEOUT_MIN_MS,
        election_timeout_max: ELECTION_TIMEOUT_MAX_MS,
        install_snapshot_timeout: SNAPSHOT_TIMEOUT_MS,
        max_payload_entries: ENTRIES_PER_MESSAGE,
        snapshot_max_chunk_size: SNAPSHOT_CHUNK_BYTES,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(config.retain_logs),
        max_in_snapshot_log_to_keep: config.retain_logs,
        replication_lag_threshold: config.retain_logs.saturating_mul(2),
        ..Config::default()
    }
}

/// Gives a new cluster its members. Every master does so with the same members, which raft allows, and they do it one
/// after the other, so that usually the first one forms the cluster and is elected. A master with a log or a vote from
/// before is left alone: a death in the middle leaves either a pristine master or a member.
async fn form_cluster(raft: Raft, id: u64, peers: Vec<(u64, String, String)>) {
    let before_me = peers.iter().filter(|peer| peer.0 < id).count();
    let election = Duration::from_millis(ELECTION_TIMEOUT_MAX_MS);
    if !matches!(raft.is_initialized().await, Ok(false)) {
        return;
    }
    time::sleep(FORM_AFTER + election * u32::try_from(before_me).unwrap_or(u32::MAX)).await;
    let members: BTreeMap<u64, BasicNode> = peers.into_iter().map(|peer| (peer.0, BasicNode::new(peer.1))).collect();
    match raft.initialize(members).await {
        Ok(()) => tracing::info!(id, "formed the cluster"),
        // `NotAllowed`: a peer was first. Anything else: raft has stopped, which its owner notices anyway.
        Err(error) => tracing::debug!(id, %error, "did not form the cluster"),
    }
}
