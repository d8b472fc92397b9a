//! One replica: its role, its ballot and its group, and the checks at each hop of a bulk load. Everything here runs on
//! the replica's replication thread, one message after the other. A fair lock stands in for the thread.

use super::ballots::INITIAL_BALLOT;
use super::config::{GROUP_CHECK, LEARN_TIMEOUT, RECONFIGURE_AGAIN, REPLICAS};
use super::messages::{
    BulkLoadStatus, ErrorCode, GroupState, Ingestion, MetaAnswer, MetaRequest, PartitionConfig, Pid, Proposal,
    ReplicaAnswer, ReplicaRequest, Role,
};
use super::node::Node;
use super::replica_bulk_loader::{ReplicaBulkLoader, total_progress};
use super::replication_thread::{ReplicationThread, State};
use super::row_store::{RowError, RowStore};
use crate::rt::{task, time};
use afterlife_probe::sometimes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One replica.
pub(super) struct Replica {
    pid: Pid,
    node: Arc<Node>,
    thread: Arc<ReplicationThread>,
    loader: ReplicaBulkLoader,
    rows: Arc<RowStore>,
}

impl Replica {
    /// Opens the replica at the node's start. It is inactive, whatever its role was before.
    pub(super) fn open(pid: Pid, node: Arc<Node>) -> std::io::Result<Arc<Self>> {
        let directory = node.data_dir.join(pid.to_string());
        let from_disk = directory.exists();
        std::fs::create_dir_all(&directory)?;
        let rows = Arc::new(RowStore::new(directory.join("rows.redb")));
        let state = State {
            role: Role::Inactive,
            config: PartitionConfig { ballot: 0, primary: None, secondaries: Vec::new() },
            transient: false,
            reconfiguring: false,
            learners: BTreeSet::new(),
            secondary_states: BTreeMap::new(),
            broadcasts: 0,
            from_disk,
        };
        let thread = Arc::new(ReplicationThread::new(state));
        let loader = ReplicaBulkLoader::new(pid, Arc::clone(&node), Arc::clone(&rows), Arc::clone(&thread));
        let replica = Arc::new(Self { pid, node, thread, loader, rows });
        let checking = Arc::clone(&replica);
        replica.node.tasks.spawn(async move {
            loop {
                time::sleep(GROUP_CHECK).await;
                let state = checking.thread.lock().await;
                checking.broadcast_group_check(&state);
            }
        });
        Ok(replica)
    }

    /// Answers the meta server or another replica of the group.
    pub(super) async fn answer(self: &Arc<Self>, request: ReplicaRequest) -> ReplicaAnswer {
        match request {
            ReplicaRequest::BulkLoad { ballot, status, .. } => {
                ReplicaAnswer::Group(self.on_bulk_load(ballot, status).await)
            }
            ReplicaRequest::GroupBulkLoad { ballot, role, status, .. } => {
                self.on_group_bulk_load(ballot, role, status).await
            }
            ReplicaRequest::Ingestion { ballot, .. } => ReplicaAnswer::Code(self.on_ingestion(ballot).await),
            ReplicaRequest::PrepareIngestion { ballot, .. } => {
                let state = self.thread.lock().await;
                ReplicaAnswer::Code(self.prepare_ingestion(&state, ballot, Role::Secondary))
            }
            ReplicaRequest::GroupCheck { config, .. } => ReplicaAnswer::Code(self.on_group_check(config).await),
            ReplicaRequest::Propose { config, proposal, .. } => {
                self.on_proposal(config, proposal).await;
                ReplicaAnswer::Code(ErrorCode::Ok)
            }
            ReplicaRequest::Learn { ballot, rows, .. } => ReplicaAnswer::Code(self.on_learn(ballot, rows).await),
        }
    }

    /// `on_bulk_load`: from the meta server to the primary.
    async fn on_bulk_load(self: &Arc<Self>, ballot: u64, status: BulkLoadStatus) -> GroupState {
        let mut state = self.thread.lock().await;
        let current = state.config.ballot;
        if state.role != Role::Primary || ballot != current {
            return GroupState::refused(ErrorCode::InvalidState, current);
        }
        let error = self.loader.do_bulk_load(status, current).await;
        if error != ErrorCode::Ok {
            return GroupState::refused(error, current);
        }
        let mut states = vec![self.loader.report()];
        states.extend(state.config.secondaries.iter().filter_map(|node| state.secondary_states.get(node)));
        let whole = states.len() == REPLICAS;
        let total_progress = total_progress(&states);
        self.broadcast_group_bulk_load(&mut state, status);
        GroupState { error, ballot: current, states, total_progress, whole }
    }

    /// `broadcast_group_bulk_load`: from the primary to its secondaries, unless the group has a learner.
    fn broadcast_group_bulk_load(self: &Arc<Self>, state: &mut State, status: BulkLoadStatus) {
        if !state.learners.is_empty() {
            return;
        }
        state.broadcasts += 1;
        let (broadcast, ballot) = (state.broadcasts, state.config.ballot);
        for secondary in state.config.secondaries.clone() {
            let replica = Arc::clone(self);
            self.node.tasks.spawn(async move {
                let request = ReplicaRequest::GroupBulkLoad { pid: replica.pid, ballot, role: Role::Secondary, status };
                let reply = replica.node.caller.call::<_, ReplicaAnswer>(&secondary, &request).await;
                let mut state = replica.thread.lock().await;
                if state.broadcasts != broadcast || state.config.ballot != ballot {
                    return;
                }
                match reply {
                    Ok(ReplicaAnswer::State(ErrorCode::Ok, Some(reported))) => {
                        state.secondary_states.insert(secondary, reported);
                    }
                    _ => drop(state.secondary_states.remove(&secondary)),
                }
            });
        }
    }

    /// `on_group_bulk_load`: at a secondary.
    async fn on_group_bulk_load(&self, ballot: u64, role: Role, status: BulkLoadStatus) -> ReplicaAnswer {
        let state = self.thread.lock().await;
        let error = if ballot < state.config.ballot {
            ErrorCode::VersionOutdated
        } else if ballot > state.config.ballot || state.role != role {
            ErrorCode::InvalidState
        } else {
            self.loader.do_bulk_load(status, ballot).await
        };
        ReplicaAnswer::State(error, (error == ErrorCode::Ok).then(|| self.loader.report()))
    }

    /// Ingestion is a write: the primary prepares it on every secondary, and commits if all of them agree.
    async fn on_ingestion(self: &Arc<Self>, ballot: u64) -> ErrorCode {
        let secondaries = {
            let state = self.thread.lock().await;
            let ready = self.may_ingest(&state, ballot, Role::Primary);
            if !ready || state.config.secondaries.len() + 1 < REPLICAS {
                return ErrorCode::InvalidState;
            }
            state.config.secondaries.clone()
        };
        for secondary in secondaries {
            let request = ReplicaRequest::PrepareIngestion { pid: self.pid, ballot };
            match self.node.caller.call(&secondary, &request).await {
                Ok(ReplicaAnswer::Code(ErrorCode::Ok)) => {}
                _ => return ErrorCode::InvalidState,
            }
        }
        let state = self.thread.lock().await;
        self.prepare_ingestion(&state, ballot, Role::Primary)
    }

    fn prepare_ingestion(&self, state: &State, ballot: u64, role: Role) -> ErrorCode {
        if !self.may_ingest(state, ballot, role) {
            return ErrorCode::InvalidState;
        }
        self.loader.start_ingestion();
        ErrorCode::Ok
    }

    fn may_ingest(&self, state: &State, ballot: u64, role: Role) -> bool {
        let loaded = matches!(self.loader.status(), BulkLoadStatus::Downloaded | BulkLoadStatus::Ingesting);
        state.config.ballot == ballot
            && state.role == role
            && loaded
            && self.loader.ingestion_status() == Ingestion::Invalid
    }

    /// Adopts a new configuration: `update_local_configuration`. A change to a role that serves clears the bulk load. A
    /// secondary that keeps its role under a new ballot goes on.
    async fn update_local_configuration(self: &Arc<Self>, state: &mut State, config: PartitionConfig) {
        if config.ballot < state.config.ballot {
            return;
        }
        let (before, role) = (state.role, config.role_of(&self.node.address));
        state.role = role;
        (state.transient, state.reconfiguring) = (false, false);
        state.config = config;
        state.learners.clear();
        state.secondary_states.clear();
        let serves = matches!(role, Role::Primary | Role::Secondary);
        sometimes!(
            (before, role) == (Role::Secondary, Role::Secondary),
            "a secondary keeps its role under a new ballot, and its downloads go on"
        );
        self.loader.clear_if_needed(serves && role != before, state.config.ballot).await;
        if role == Role::Primary {
            self.broadcast_group_check(state);
        }
    }

    /// Becomes inactive for now, under its current ballot: `update_local_configuration_with_no_ballot_change`.
    pub(super) async fn lose_lease(&self) {
        let mut state = self.thread.lock().await;
        if matches!(state.role, Role::Primary | Role::Secondary) {
            state.role = Role::Inactive;
            state.transient = true;
        }
    }

    /// Handles the meta server's periodic report of this partition's configuration: `on_config_sync`.
    pub(super) async fn on_config_sync(self: &Arc<Self>, config: PartitionConfig) {
        let mut state = self.thread.lock().await;
        if state.reconfiguring {
            return;
        }
        let is_member = config.role_of(&self.node.address) != Role::Inactive;
        let serves = matches!(state.role, Role::Primary | Role::Secondary);
        let newer = config.ballot > state.config.ballot;
        if (serves && newer) || (state.transient && is_member && config.ballot >= state.config.ballot) {
            self.update_local_configuration(&mut state, config).await;
        }
    }

    /// Asks the meta server for another configuration of the group. This replica is inactive until the answer: PRIMARY,
    /// then INACTIVE (transient), then PRIMARY with the next ballot.
    fn reconfigure(self: &Arc<Self>, state: &mut State, primary: Option<String>, secondaries: Vec<String>) {
        if state.reconfiguring {
            return;
        }
        state.role = Role::Inactive;
        (state.transient, state.reconfiguring) = (true, true);
        let (replica, ballot) = (Arc::clone(self), state.config.ballot);
        self.node.tasks.spawn(async move {
            let request = MetaRequest::UpdateConfiguration { pid: replica.pid, ballot, primary, secondaries };
            loop {
                let reply = replica.node.caller.call(&replica.node.meta, &request).await;
                let mut state = replica.thread.lock().await;
                if state.config.ballot != ballot || !state.reconfiguring {
                    return;
                }
                // This configuration is in force, whether or not the request was accepted.
                if let Ok(MetaAnswer::Config(config)) = reply {
                    return replica.update_local_configuration(&mut state, config).await;
                }
                drop(state);
                time::sleep(RECONFIGURE_AGAIN).await;
            }
        });
    }

    /// `on_config_proposal`.
    async fn on_proposal(self: &Arc<Self>, config: PartitionConfig, proposal: Proposal) {
        let mut state = self.thread.lock().await;
        if config.ballot < state.config.ballot || state.reconfiguring {
            return;
        }
        let me = self.node.address.clone();
        let without = |node: &str| config.secondaries.iter().filter(|other| *other != node).cloned().collect();
        let is_new = config.ballot == INITIAL_BALLOT && !state.from_disk;
        let leads = state.role == Role::Primary && config.ballot == state.config.ballot;
        match proposal {
            Proposal::AssignPrimary if is_new && state.role == Role::Inactive => {
                self.update_local_configuration(&mut state, config).await;
            }
            Proposal::AssignPrimary if is_new => {}
            Proposal::AssignPrimary | Proposal::UpgradeToPrimary => {
                state.config.ballot = config.ballot;
                self.reconfigure(&mut state, Some(me.clone()), without(&me));
            }
            Proposal::AddSecondary(node) if leads && !state.learners.contains(&node) => {
                state.learners.insert(node.clone());
                self.teach(node, state.config.ballot);
            }
            Proposal::DowngradeToInactive(node) if leads => self.reconfigure(&mut state, Some(me), without(&node)),
            Proposal::DowngradeToSecondary if leads => {
                let secondaries = config.secondaries.iter().cloned().chain([me]).collect();
                self.reconfigure(&mut state, None, secondaries);
            }
            _ => {}
        }
    }

    /// Sends all rows to a learner, and makes it a secondary once it has them.
    fn teach(self: &Arc<Self>, learner: String, ballot: u64) {
        let replica = Arc::clone(self);
        self.node.tasks.spawn(async move {
            let learnt = match replica.read_rows().await {
                Ok(rows) => {
                    let request = ReplicaRequest::Learn { pid: replica.pid, ballot, rows };
                    let reply = replica.node.caller.call_within(LEARN_TIMEOUT, &learner, &request).await;
                    matches!(reply, Ok(ReplicaAnswer::Code(ErrorCode::Ok)))
                }
                Err(_) => false,
            };
            let mut state = replica.thread.lock().await;
            if state.config.ballot != ballot || !state.learners.remove(&learner) || state.role != Role::Primary {
                return;
            }
            if learnt {
                let secondaries = state.config.secondaries.iter().cloned().chain([learner]).collect();
                replica.reconfigure(&mut state, Some(replica.node.address.clone()), secondaries);
            }
        });
    }

    /// Replaces the learner's rows with the received ones.
    async fn on_learn(&self, ballot: u64, rows: Vec<(String, String)>) -> ErrorCode {
        let mut state = self.thread.lock().await;
        if ballot < state.config.ballot || state.role == Role::Primary {
            return ErrorCode::VersionOutdated;
        }
        state.role = Role::PotentialSecondary;
        (state.transient, state.reconfiguring) = (false, false);
        state.config.ballot = ballot;
        let store = Arc::clone(&self.rows);
        match task::spawn_blocking(move || store.replace(&rows)).await {
            Ok(Ok(())) => ErrorCode::Ok,
            _ => ErrorCode::FileOperationFailed,
        }
    }

    /// `broadcast_group_check`: sends the configuration to the secondaries, and removes one that does not answer.
    fn broadcast_group_check(self: &Arc<Self>, state: &State) {
        if state.role != Role::Primary {
            return;
        }
        for secondary in state.config.secondaries.clone() {
            let (replica, config) = (Arc::clone(self), state.config.clone());
            self.node.tasks.spawn(async move {
                let ballot = config.ballot;
                let request = ReplicaRequest::GroupCheck { pid: replica.pid, config };
                let reply = replica.node.caller.call(&secondary, &request).await;
                if matches!(reply, Ok(ReplicaAnswer::Code(ErrorCode::Ok))) {
                    return;
                }
                let mut state = replica.thread.lock().await;
                if state.role == Role::Primary && state.config.ballot == ballot {
                    let left = state.config.secondaries.iter().filter(|other| **other != secondary).cloned().collect();
                    replica.reconfigure(&mut state, Some(replica.node.address.clone()), left);
                }
            });
        }
    }

    async fn on_group_check(self: &Arc<Self>, config: PartitionConfig) -> ErrorCode {
        let mut state = self.thread.lock().await;
        if config.ballot < state.config.ballot {
            return ErrorCode::VersionOutdated;
        }
        let is_new = config.ballot == INITIAL_BALLOT && !state.from_disk;
        let knows = matches!(state.role, Role::Primary | Role::Secondary | Role::PotentialSecondary);
        if config.ballot == state.config.ballot && (state.role == Role::Primary || state.reconfiguring) {
            return ErrorCode::InvalidState;
        }
        if !(knows || state.transient || is_new) || config.role_of(&self.node.address) != Role::Secondary {
            return ErrorCode::InvalidState;
        }
        if state.role != Role::Secondary || config.ballot > state.config.ballot {
            self.update_local_configuration(&mut state, config).await;
        }
        ErrorCode::Ok
    }

    /// The rows of the partition, if this replica is its primary.
    pub(super) async fn serve_rows(&self) -> Option<Result<Vec<(String, String)>, RowError>> {
        if self.thread.lock().await.role != Role::Primary {
            return None;
        }
        Some(self.read_rows().await)
    }

    async fn read_rows(&self) -> Result<Vec<(String, String)>, RowError> {
        let store = Arc::clone(&self.rows);
        let read = task::spawn_blocking(move || store.rows()).await;
        read.unwrap_or_else(|gone| Err(RowError::File(std::io::Error::other(gone))))
    }

    /// Closes the replica, and waits for its downloads.
    pub(super) async fn close(&self) {
        let mut state = self.thread.lock().await;
        state.role = Role::Inactive;
        self.loader.close().await;
    }
}
