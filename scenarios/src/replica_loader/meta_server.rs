//! The meta server: who is alive, who serves which partition under which ballot, and what is proposed to whom.
//! Bulk loads are in `bulk_load_service.rs`.

use super::ballots::Ballots;
use super::bulk_load_service::BulkLoadService;
use super::config::{FD_CHECK, FD_GRACE, GUARDIAN, MetaConfig, PROPOSE_AGAIN, REPLICA_ASSIGN_DELAY, REPLICAS};
use super::messages::{
    MetaAnswer, MetaRequest, PartitionConfig, Pid, Proposal, ReplicaAnswer, ReplicaRequest, Role, Serving,
};
use super::rpc::{self, Caller};
use super::tasks::Tasks;
use crate::rt::{net::TcpListener, time};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The ballot of a partition that has just been made.
pub(super) const INITIAL_BALLOT: u64 = 1;

#[derive(Debug)]
struct NodeState {
    rows_address: String,
    /// Which of its lives this is: a restart is a new one.
    started: u64,
    last_beacon: time::Instant,
    alive: bool,
}

#[derive(Debug)]
struct Partition {
    config: PartitionConfig,
    /// Members that are dead, or were restarted since they became members.
    lost: BTreeSet<String>,
    /// Former members, the latest last, and when the latest went.
    dropped: Vec<String>,
    dropped_at: time::Instant,
    /// When it was proposed last to change something.
    proposed: Option<time::Instant>,
    /// Who is to be the next primary, if somebody balances.
    target: Option<String>,
}

#[derive(Debug, Default)]
struct ServerState {
    nodes: BTreeMap<String, NodeState>,
    /// Empty until every node has reported once.
    partitions: Vec<Partition>,
}

/// The meta server's parts.
pub(super) struct MetaServer {
    pub(super) config: MetaConfig,
    pub(super) tasks: Arc<Tasks>,
    pub(super) caller: Arc<Caller>,
    pub(super) bulk_load: BulkLoadService,
    ballots: Arc<dyn Ballots>,
    state: Mutex<ServerState>,
}

/// Runs a meta server until `stop` is ready and everything that it started has ended.
///
/// # Errors
/// If it cannot listen.
pub async fn run_meta_server(
    config: MetaConfig,
    ballots: Arc<dyn Ballots>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = TcpListener::bind(&config.listen).await?;
    let tasks = Arc::new(Tasks::new());
    let meta = Arc::new(MetaServer {
        config,
        tasks: Arc::clone(&tasks),
        caller: Arc::default(),
        bulk_load: BulkLoadService::default(),
        ballots,
        state: Mutex::default(),
    });
    let answering = Arc::clone(&meta);
    tasks.spawn(rpc::serve(listener, Arc::clone(&tasks), move |request| {
        let meta = Arc::clone(&answering);
        async move { meta.answer(request).await }
    }));
    tasks.spawn(Arc::clone(&meta).detect_failures());
    tasks.spawn(Arc::clone(&meta).guard_partitions());
    stop.await;
    tasks.stop().await;
    Ok(())
}

/// A partition as bulk loads see it.
pub(super) struct Group {
    pub(super) config: PartitionConfig,
    /// Whether it has a primary and all its secondaries.
    pub(super) healthy: bool,
}

impl MetaServer {
    async fn answer(self: &Arc<Self>, request: MetaRequest) -> MetaAnswer {
        match request {
            MetaRequest::Beacon { node, rows_address, started } => self.on_beacon(&node, rows_address, started).await,
            MetaRequest::ConfigSync { node } => self.on_config_sync(&node),
            MetaRequest::UpdateConfiguration { pid, ballot, primary, secondaries } => {
                self.on_update_configuration(pid, ballot, primary, secondaries).await
            }
            MetaRequest::Serving => MetaAnswer::Serving(self.serving()),
            MetaRequest::StartBulkLoad => self.start_bulk_load(),
            MetaRequest::Control(control) => self.control_bulk_load(control),
            MetaRequest::QueryBulkLoad => MetaAnswer::BulkLoad(self.bulk_load.query()),
            MetaRequest::Balance { pid } => self.balance(pid),
        }
    }

    async fn on_beacon(self: &Arc<Self>, node: &str, rows_address: String, started: u64) -> MetaAnswer {
        if !self.config.nodes.iter().any(|known| known == node) {
            return MetaAnswer::Refused(format!("no replica server is called {node}"));
        }
        let (restarted, missing) = {
            let mut state = self.state();
            let last_beacon = time::Instant::now();
            let now = NodeState { rows_address, started, last_beacon, alive: true };
            let before = state.nodes.insert(node.to_owned(), now);
            let restarted = before.is_some_and(|before| before.started != started);
            (restarted, state.partitions.is_empty() && state.nodes.len() == self.config.nodes.len())
        };
        if restarted {
            self.node_lost(node).await;
        }
        if missing {
            self.make_partitions();
        }
        MetaAnswer::Done
    }

    /// Makes the app: partition `n` on the nodes from the `n`th on.
    fn make_partitions(&self) {
        let nodes = &self.config.nodes;
        let member = |pid: Pid, nth: usize| nodes[(pid as usize + nth) % nodes.len()].clone();
        let partition = |pid: Pid| Partition {
            config: PartitionConfig {
                ballot: INITIAL_BALLOT,
                primary: Some(member(pid, 0)),
                secondaries: (1..REPLICAS).map(|nth| member(pid, nth)).collect(),
            },
            lost: BTreeSet::new(),
            dropped: Vec::new(),
            dropped_at: time::Instant::now(),
            proposed: None,
            target: None,
        };
        self.state().partitions = (0..self.config.partitions).map(partition).collect();
        for pid in 0..self.config.partitions {
            let config = self.state().partitions[pid as usize].config.clone();
            self.propose(pid, config, member(pid, 0), Proposal::AssignPrimary);
        }
    }

    fn on_config_sync(&self, node: &str) -> MetaAnswer {
        let state = self.state();
        let all = (0..).zip(&state.partitions);
        // A node that was restarted is no member, whatever the configuration still says.
        let told = all.filter(|(_, partition)| !partition.lost.contains(node));
        MetaAnswer::Configs(told.map(|(pid, partition)| (pid, partition.config.clone())).collect())
    }

    /// A replica asks for another configuration of its group. Whoever asks under an older ballot is told how it is.
    async fn on_update_configuration(
        &self,
        pid: Pid,
        ballot: u64,
        primary: Option<String>,
        secondaries: Vec<String>,
    ) -> MetaAnswer {
        let current = |state: &ServerState| state.partitions.get(pid as usize).map(|it| it.config.clone());
        let Some(before) = current(&self.state()) else { return MetaAnswer::Refused(format!("no partition {pid}")) };
        if before.ballot != ballot {
            return MetaAnswer::Config(before);
        }
        let life = |state: &ServerState| Some(state.nodes.get(primary.as_ref()?)?.started);
        let asked_in = life(&self.state());
        let next = match self.ballots.next(pid, ballot).await {
            Ok(next) => next,
            Err(why) => return MetaAnswer::Refused(why),
        };
        let mut state = self.state();
        // A ballot may take its time. Who was restarted meanwhile asked in an earlier life, and leads nothing in this one.
        let is_there = life(&state) == asked_in;
        let partition = &mut state.partitions[pid as usize];
        if is_there && partition.config.ballot == ballot {
            partition.change(PartitionConfig { ballot: next, primary, secondaries });
        }
        MetaAnswer::Config(partition.config.clone())
    }

    /// A node is dead, or was restarted: its primaries are none any more; its secondaries are their primaries' business.
    async fn node_lost(&self, node: &str) {
        let led: Vec<(Pid, u64)> = {
            let mut state = self.state();
            let mut led = Vec::new();
            for (pid, partition) in (0..).zip(&mut state.partitions) {
                if partition.config.primary.as_deref() == Some(node) {
                    led.push((pid, partition.config.ballot));
                }
                if partition.config.role_of(node) != Role::Inactive {
                    partition.lost.insert(node.to_owned());
                    partition.proposed = None;
                }
            }
            led
        };
        for (pid, ballot) in led {
            // Should there be no ballot now, the guardian tries again.
            let _ = self.drop_primary(pid, ballot).await;
        }
    }

    async fn drop_primary(&self, pid: Pid, ballot: u64) -> Result<(), String> {
        let next = self.ballots.next(pid, ballot).await?;
        let mut state = self.state();
        let partition = &mut state.partitions[pid as usize];
        if partition.config.ballot == ballot {
            let secondaries = partition.config.secondaries.clone();
            partition.change(PartitionConfig { ballot: next, primary: None, secondaries });
        }
        Ok(())
    }

    /// The failure detector: a node that was not heard of for the grace period is dead.
    async fn detect_failures(self: Arc<Self>) {
        loop {
            time::sleep(FD_CHECK).await;
            let dead: Vec<String> = {
                let mut state = self.state();
                let silent = state.nodes.iter_mut().filter(|(_, it)| it.alive && it.last_beacon.elapsed() >= FD_GRACE);
                silent.map(|(node, it)| (it.alive = false, node.clone()).1).collect()
            };
            for node in dead {
                self.node_lost(&node).await;
            }
        }
    }

    /// `partition_guardian`: proposes what a partition in need needs.
    async fn guard_partitions(self: Arc<Self>) {
        loop {
            time::sleep(GUARDIAN).await;
            let mut headless = Vec::new();
            let mut proposals = Vec::new();
            {
                let mut state = self.state();
                let ServerState { nodes, partitions } = &mut *state;
                let alive = |node: &String| nodes.get(node).is_some_and(|it| it.alive);
                for (pid, partition) in (0..).zip(partitions) {
                    let config = &partition.config;
                    if config.primary.as_ref().is_some_and(|primary| partition.lost.contains(primary)) {
                        headless.push((pid, config.ballot));
                        continue;
                    }
                    let waits = partition.proposed.is_some_and(|proposed| proposed.elapsed() < PROPOSE_AGAIN);
                    if waits {
                        continue;
                    }
                    if let Some((to, proposal)) = partition.need(&self.config.nodes, &alive) {
                        partition.proposed = Some(time::Instant::now());
                        proposals.push((pid, partition.config.clone(), to, proposal));
                    }
                }
            }
            for (pid, ballot) in headless {
                let _ = self.drop_primary(pid, ballot).await;
            }
            for (pid, config, to, proposal) in proposals {
                self.propose(pid, config, to, proposal);
            }
        }
    }

    fn propose(&self, pid: Pid, config: PartitionConfig, to: String, proposal: Proposal) {
        // Nobody waits for an answer: the configuration tells whether it was done.
        let request = ReplicaRequest::Propose { pid, config, proposal };
        self.tell(to, request);
    }

    fn tell(&self, to: String, request: ReplicaRequest) {
        let caller = Arc::clone(&self.caller);
        self.tasks.spawn(async move { drop(caller.call::<_, ReplicaAnswer>(&to, &request).await) });
    }

    /// `move_primary`: the primary steps down for one of its secondaries.
    fn balance(&self, pid: Pid) -> MetaAnswer {
        let (config, to) = {
            let mut state = self.state();
            let Some(partition) = state.partitions.get_mut(pid as usize) else {
                return MetaAnswer::Refused(format!("no partition {pid}"));
            };
            let (Some(primary), Some(target)) = (&partition.config.primary, partition.config.secondaries.first())
            else {
                return MetaAnswer::Refused(format!("partition {pid} has nobody to move to"));
            };
            partition.target = Some(target.clone());
            partition.proposed = Some(time::Instant::now());
            (partition.config.clone(), primary.clone())
        };
        self.propose(pid, config, to, Proposal::DowngradeToSecondary);
        MetaAnswer::Done
    }

    /// The partition's group, if the app is there.
    pub(super) fn group(&self, pid: Pid) -> Option<Group> {
        let state = self.state();
        let partition = state.partitions.get(pid as usize)?;
        Some(Group { config: partition.config.clone(), healthy: partition.is_healthy() })
    }

    fn serving(&self) -> Vec<Serving> {
        let state = self.state();
        let serving = |partition: &Partition| {
            let primary = partition.config.primary.as_ref();
            Serving {
                ballot: partition.config.ballot,
                rows_address: primary.and_then(|node| state.nodes.get(node)).map(|node| node.rows_address.clone()),
                healthy: partition.is_healthy(),
            }
        };
        state.partitions.iter().map(serving).collect()
    }

    fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partition {
    fn is_healthy(&self) -> bool {
        self.config.primary.is_some() && self.config.secondaries.len() + 1 == REPLICAS && self.lost.is_empty()
    }

    fn change(&mut self, config: PartitionConfig) {
        let members =
            |of: &PartitionConfig| -> Vec<String> { of.secondaries.iter().chain(&of.primary).cloned().collect() };
        let now = members(&config);
        for gone in members(&self.config) {
            if !now.contains(&gone) {
                self.dropped.retain(|node| *node != gone);
                self.dropped.push(gone);
                self.dropped_at = time::Instant::now();
            }
        }
        self.dropped.retain(|node| !now.contains(node));
        self.lost.retain(|node| now.contains(node));
        if self.config.primary != config.primary {
            // Whoever asks to lead asks in its present life.
            self.lost.retain(|node| Some(node) != config.primary.as_ref());
        }
        if self.target.is_some() && self.target == config.primary {
            self.target = None;
        }
        self.proposed = None;
        self.config = config;
    }

    /// What this partition needs next, and who is to do it.
    fn need(&self, nodes: &[String], alive: &dyn Fn(&String) -> bool) -> Option<(String, Proposal)> {
        let usable = |node: &&String| alive(node) && !self.lost.contains(*node);
        let Some(primary) = &self.config.primary else {
            let mut secondaries = self.config.secondaries.iter().filter(usable);
            let wanted = self.target.as_ref().filter(|target| self.config.secondaries.contains(target));
            if let Some(next) = wanted.filter(usable).or_else(|| secondaries.next()) {
                return Some((next.clone(), Proposal::UpgradeToPrimary));
            }
            // Everybody went: one that was restarted has everything, and so has the last one to go.
            let restarted = self.config.secondaries.iter().find(|node| alive(node));
            let last = || self.dropped.last().filter(|node| alive(node) && self.config.secondaries.is_empty());
            return Some((restarted.or_else(last)?.clone(), Proposal::AssignPrimary));
        };
        if let Some(lost) = self.config.secondaries.iter().find(|node| self.lost.contains(*node)) {
            return Some((primary.clone(), Proposal::DowngradeToInactive(lost.clone())));
        }
        if self.config.secondaries.len() + 1 < REPLICAS {
            let back = self.dropped.iter().rev().find(|node| alive(node));
            let member = |node: &&String| self.config.role_of(node) != Role::Inactive;
            let other = || nodes.iter().find(|node| alive(node) && !member(node));
            let waited = self.dropped_at.elapsed() >= REPLICA_ASSIGN_DELAY;
            let next = back.or_else(|| if waited { other() } else { None })?;
            return Some((primary.clone(), Proposal::AddSecondary(next.clone())));
        }
        None
    }
}
