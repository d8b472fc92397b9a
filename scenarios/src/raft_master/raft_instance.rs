//! One raft instance: openraft over the log store, the state machine and the transport, and how it is started and stopped.
//! It does not decide when: the order of a stop is the server's.

use super::config::MasterConfig;
use super::lease::Leases;
use super::log_store::LogStore;
use super::metadata_fsm::MetadataFsm;
use super::network::PeerNetwork;
use super::raft_cmd::{CmdReply, Raft, RaftCmd};
use super::server::MasterError;
use super::store::Store;
use super::transport::Transport;
use crate::rt::sync::RwLock;
use crate::rt::{sync::watch, task, time};
use openraft::error::{CheckIsLeaderError, ClientWriteError, RaftError};
use openraft::{BasicNode, Config, SnapshotPolicy};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upstream's tick. openraft's leader sends its heartbeats each one and a half of it.
const TICK_MS: u64 = 500;

/// openraft elects when the leader's lease (`election_timeout_max`) and a drawn election timeout have passed: 2.5 to 3 s
/// after the last heartbeat, which is upstream's election of 5 ticks.
const ELECTION_TIMEOUT_MIN_MS: u64 = 2 * TICK_MS;
const ELECTION_TIMEOUT_MAX_MS: u64 = 3 * TICK_MS;

/// How many entries one message carries: upstream batches up to 64 proposals.
const ENTRIES_PER_MESSAGE: u64 = 64;

/// How much of a snapshot one message carries. As JSON it is four times that, and a message is 1 MiB at most.
const SNAPSHOT_CHUNK_BYTES: u64 = 64 << 10;

/// How long a peer may take over one piece of a snapshot, which it writes to its disk.
const SNAPSHOT_TIMEOUT_MS: u64 = 10_000;

/// How long the first master waits for its peers to listen before it forms a new cluster.
const FORM_AFTER: Duration = Duration::from_millis(TICK_MS);

/// Why raft did not do what was asked of it.
#[derive(Debug)]
pub(super) enum NotDone {
    /// Another master leads, if one does.
    NotLeader(Option<u64>),
    /// This one leads but reaches no majority, or it is stopping.
    Unavailable(String),
}

/// Upstream's `RaftServer`: what holds the instances, under a lock that a stop takes for writing and a truncation of the
/// log for reading.
#[derive(Clone, Debug, Default)]
pub(super) struct RaftServer {
    instances: Arc<RwLock<()>>,
}

impl RaftServer {
    /// Upstream's `Truncate`, called by `Apply`: finds the instance under the read lock and tells it up to where its log may
    /// be cut. openraft cuts its log by itself, by the same number of entries; what is left here is the lock.
    pub(super) fn truncate(&self) {
        drop(self.instances.blocking_read());
    }
}

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

/// What proposes and asks. Clones share the instance.
#[derive(Clone)]
pub(super) struct RaftHandle {
    raft: Raft,
    /// Whether a leader's message was answered since the start.
    heard: watch::Receiver<bool>,
}

impl std::fmt::Debug for RaftHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RaftHandle")
    }
}

impl RaftInstance {
    /// Recovers the log and the state machine, starts openraft, listens for the peers, and sees to it that a cluster is
    /// formed if there is none yet.
    pub(super) async fn start(config: &MasterConfig, store: Arc<Store>) -> Result<Self, MasterError> {
        let (log_store, log) = LogStore::open(&config.data_dir.join("raft.redb"))?;
        let server = RaftServer::default();
        let (fsm, applying) = MetadataFsm::restore(store, config, server.clone())?;
        let raft = Raft::new(config.id, Arc::new(raft_config(config)), PeerNetwork, log_store, fsm).await?;
        let transport = match Transport::listen(&config.raft_listen, raft.clone()).await {
            Ok(transport) => transport,
            Err(error) => {
                // Only a task that has ended can be waited for; this one has nothing to say any more.
                let _ = raft.shutdown().await;
                return Err(MasterError::Listen { address: config.raft_listen.clone(), error });
            }
        };
        let forming = task::spawn(form_cluster(raft.clone(), config.id, config.peers.clone()));
        let handle = RaftHandle { raft, heard: transport.heard() };
        Ok(Self { server, handle, transport, forming: Mutex::new(Some(forming)), applying, log })
    }

    /// The handle to propose with.
    pub(super) fn handle(&self) -> RaftHandle {
        self.handle.clone()
    }

    /// Upstream's `RaftServer.Stop`: returns when `run` (openraft's `RaftCore`) has ended, and the transport with it. What
    /// was queued for the state machine is still being applied. The server's lock is held for all of it.
    pub(super) async fn stop_under_lock(&self) {
        let _instances = self.server.instances.write().await;
        self.stop().await;
    }

    /// What the report asks for, done the obvious way: `stop` also waits for `runApply`, where it stands, under the lock.
    pub(super) async fn stop_and_join_under_lock(&self) {
        let _instances = self.server.instances.write().await;
        self.stop().await;
        self.applied_to_the_end().await;
    }

    /// Ends `run`, and the transport with it. No lock is held meanwhile.
    pub(super) async fn stop(&self) {
        let forming = self.forming.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(forming) = forming {
            forming.abort();
            let _ = forming.await;
        }
        // An error says that `RaftCore` ended before it was told to, which is just as well here.
        let _ = self.handle.raft.shutdown().await;
        self.transport.stop().await;
    }

    /// What is queued for the state machine is not applied any more, but for the entry that is being applied.
    pub(super) fn apply_no_more(&self) {
        self.applying.call_in();
    }

    /// Waits until nothing applies any more: the worker has dropped the state machine, and no snapshot is being built.
    pub(super) async fn applied_to_the_end(&self) {
        self.applying.all_returned().await;
    }

    /// Waits until the log's file is closed: replication tasks read it a little longer than `RaftCore` runs.
    pub(super) async fn log_closed(&self) {
        self.log.all_returned().await;
    }
}

impl RaftHandle {
    /// Proposes `cmd`; returns when it was applied here, after a majority has it.
    pub(super) async fn propose(&self, cmd: RaftCmd) -> Result<CmdReply, NotDone> {
        match self.raft.client_write(cmd).await {
            Ok(written) => Ok(written.data),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => Err(NotDone::NotLeader(to.leader_id)),
            Err(error) => Err(NotDone::Unavailable(error.to_string())),
        }
    }

    /// Returns when this master was known to lead after the call, and has applied all that was acknowledged before it.
    pub(super) async fn read_barrier(&self) -> Result<(), NotDone> {
        match self.raft.ensure_linearizable().await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(CheckIsLeaderError::ForwardToLeader(to))) => Err(NotDone::NotLeader(to.leader_id)),
            Err(error) => Err(NotDone::Unavailable(error.to_string())),
        }
    }

    /// Who leads, as far as this master knows.
    pub(super) fn leader(&self) -> Option<u64> {
        self.raft.server_metrics().borrow().current_leader
    }

    /// The index of the last entry that was applied here.
    pub(super) fn applied(&self) -> u64 {
        self.raft.data_metrics().borrow().last_applied.map_or(0, |log_id| log_id.index)
    }

    /// Calls `changed` with each new leader (or `None`) until raft has stopped.
    pub(super) async fn watch_leader(&self, mut changed: impl AsyncFnMut(Option<u64>)) {
        // openraft remembers over a restart who led, and says so at once. Upstream's raft knows of no leader before it
        // hears from one, or its first tick.
        let mut heard = self.heard.clone();
        let _ = time::timeout(Duration::from_millis(TICK_MS), heard.wait_for(|heard| *heard)).await;
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

    /// Waits until `id` does not lead any more, or raft has stopped.
    pub(super) async fn deposed(&self, id: u64) {
        let mut metrics = self.raft.server_metrics();
        let _ = metrics.wait_for(|now| now.current_leader != Some(id)).await;
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

/// Gives a new cluster its members. Every master does it with the same ones, which raft allows; one after the other, so
/// that usually the first one does and is elected. A master that has a log or a vote from before is left as it is: a
/// death in the middle of this leaves either a pristine master or a member.
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
        // `NotAllowed`: a peer was first. Anything else: raft has stopped, which its owner learns by itself.
        Err(error) => tracing::debug!(id, %error, "did not form the cluster"),
    }
}
