//! The meta server's view of its nodes and partitions: upstream's `server_state`.
//! It sends nothing and draws no ballot. The meta server and the bulk load service read it, the meta server changes it.

use super::ballots::INITIAL_BALLOT;
use super::config::{FD_GRACE, PROPOSE_AGAIN, REPLICA_ASSIGN_DELAY, REPLICAS};
use super::messages::{PartitionConfig, Pid, Proposal, Role, Serving};
use crate::rt::time;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The state, which the meta server's parts share.
#[derive(Debug)]
pub(super) struct ServerState {
    /// The replica servers of the cluster.
    servers: Vec<String>,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    nodes: BTreeMap<String, NodeState>,
    /// Empty until every node has reported once.
    partitions: Vec<Partition>,
}

#[derive(Debug)]
struct NodeState {
    rows_address: String,
    /// The start time of the node's current incarnation.
    started: u64,
    last_beacon: time::Instant,
    alive: bool,
}

#[derive(Debug)]
struct Partition {
    config: PartitionConfig,
    /// Members that are dead, or restarted after they became members.
    lost: BTreeSet<String>,
    /// Former members, the latest last, and when the latest left.
    dropped: Vec<String>,
    dropped_at: time::Instant,
    /// When a change was last proposed.
    proposed: Option<time::Instant>,
    /// The next primary, while a balance is under way.
    target: Option<String>,
}

/// The effect of a node's beacon.
pub(super) struct Beacon {
    /// The node restarted since its last beacon.
    pub(super) is_restart: bool,
    /// Every node has reported now, and there is no app yet.
    pub(super) completes_cluster: bool,
}

/// The partitions that need attention.
#[derive(Default)]
pub(super) struct Needs {
    /// Partitions whose primary is lost, with their ballot.
    pub(super) headless: Vec<(Pid, u64)>,
    /// Proposals to send, with the partition's configuration and the node to send them to.
    pub(super) proposals: Vec<(Pid, PartitionConfig, String, Proposal)>,
}

/// A partition as the bulk load service sees it.
pub(super) struct Group {
    pub(super) config: PartitionConfig,
    /// The partition has a primary and all its secondaries.
    pub(super) healthy: bool,
}

impl ServerState {
    /// The state of a cluster of these replica servers, before any of them has reported.
    pub(super) fn new(servers: Vec<String>) -> Self {
        Self { servers, tables: Mutex::default() }
    }

    /// Records a node's beacon.
    pub(super) fn beacon(&self, node: &str, rows_address: String, started: u64) -> Beacon {
        let mut tables = self.tables();
        let last_beacon = time::Instant::now();
        let now = NodeState { rows_address, started, last_beacon, alive: true };
        let before = tables.nodes.insert(node.to_owned(), now);
        let is_restart = before.is_some_and(|before| before.started != started);
        let completes_cluster = tables.partitions.is_empty() && tables.nodes.len() == self.servers.len();
        Beacon { is_restart, completes_cluster }
    }

    /// Makes the app: partition `n` starts on the nodes from the `n`th on.
    pub(super) fn make_partitions(&self, count: u32) {
        let nodes = &self.servers;
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
        self.tables().partitions = (0..count).map(partition).collect();
    }

    /// The configuration of a partition, if the app exists.
    pub(super) fn config_of(&self, pid: Pid) -> Option<PartitionConfig> {
        self.tables().partitions.get(pid as usize).map(|partition| partition.config.clone())
    }

    /// The configurations that a node asks for, without the partitions that it has lost: a node that restarted is no member,
    /// even where the configuration still lists it.
    pub(super) fn configs_for(&self, node: &str) -> Vec<(Pid, PartitionConfig)> {
        let tables = self.tables();
        let all = (0..).zip(&tables.partitions);
        let kept = all.filter(|(_, partition)| !partition.lost.contains(node));
        kept.map(|(pid, partition)| (pid, partition.config.clone())).collect()
    }

    /// The start time of a node's current incarnation.
    pub(super) fn incarnation(&self, node: Option<&str>) -> Option<u64> {
        self.tables().incarnation(node)
    }

    /// Puts `config` in force if the partition's ballot is still `ballot`, and the new primary is still in the incarnation
    /// `asked_in` in which it asked. Returns the configuration in force.
    ///
    /// A ballot may take its time. A primary that restarted meanwhile asked in an earlier incarnation and leads nothing in
    /// this one.
    pub(super) fn reconfigure(
        &self,
        pid: Pid,
        ballot: u64,
        config: PartitionConfig,
        asked_in: Option<u64>,
    ) -> PartitionConfig {
        let mut tables = self.tables();
        let is_same_incarnation = tables.incarnation(config.primary.as_deref()) == asked_in;
        let partition = &mut tables.partitions[pid as usize];
        if is_same_incarnation && partition.config.ballot == ballot {
            partition.change(config);
        }
        partition.config.clone()
    }

    /// Marks a node as lost in every partition of which it is a member. Returns the partitions of which it is the primary,
    /// with their ballots.
    pub(super) fn lose(&self, node: &str) -> Vec<(Pid, u64)> {
        let mut tables = self.tables();
        let mut led = Vec::new();
        for (pid, partition) in (0..).zip(&mut tables.partitions) {
            if partition.config.primary.as_deref() == Some(node) {
                led.push((pid, partition.config.ballot));
            }
            if partition.config.role_of(node) != Role::Inactive {
                partition.lost.insert(node.to_owned());
                partition.proposed = None;
            }
        }
        led
    }

    /// Takes the primary out of a partition under the ballot `next`, if its ballot is still `ballot`.
    pub(super) fn drop_primary(&self, pid: Pid, ballot: u64, next: u64) {
        let mut tables = self.tables();
        let partition = &mut tables.partitions[pid as usize];
        if partition.config.ballot == ballot {
            let secondaries = partition.config.secondaries.clone();
            partition.change(PartitionConfig { ballot: next, primary: None, secondaries });
        }
    }

    /// Declares the nodes dead that have sent no beacon within the grace period, and returns them.
    pub(super) fn declare_dead(&self) -> Vec<String> {
        let mut tables = self.tables();
        let silent =
            tables.nodes.iter_mut().filter(|(_, state)| state.alive && state.last_beacon.elapsed() >= FD_GRACE);
        silent.map(|(node, state)| (state.alive = false, node.clone()).1).collect()
    }

    /// Finds the partitions that need attention, and notes the time of the proposals that it returns.
    pub(super) fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        let mut tables = self.tables();
        let Tables { nodes, partitions } = &mut *tables;
        let alive = |node: &String| nodes.get(node).is_some_and(|state| state.alive);
        for (pid, partition) in (0..).zip(partitions) {
            let config = &partition.config;
            if config.primary.as_ref().is_some_and(|primary| partition.lost.contains(primary)) {
                needs.headless.push((pid, config.ballot));
                continue;
            }
            let waits = partition.proposed.is_some_and(|proposed| proposed.elapsed() < PROPOSE_AGAIN);
            if waits {
                continue;
            }
            if let Some((to, proposal)) = partition.need(&self.servers, &alive) {
                partition.proposed = Some(time::Instant::now());
                needs.proposals.push((pid, partition.config.clone(), to, proposal));
            }
        }
        needs
    }

    /// Begins to move a partition's primary to its first secondary. Returns the configuration and the primary.
    ///
    /// # Errors
    /// There is no such partition, or it has no secondary to move to.
    pub(super) fn begin_move(&self, pid: Pid) -> Result<(PartitionConfig, String), String> {
        let mut tables = self.tables();
        let Some(partition) = tables.partitions.get_mut(pid as usize) else {
            return Err(format!("no partition {pid}"));
        };
        let (Some(primary), Some(target)) = (&partition.config.primary, partition.config.secondaries.first()) else {
            return Err(format!("partition {pid} has nobody to move to"));
        };
        partition.target = Some(target.clone());
        partition.proposed = Some(time::Instant::now());
        Ok((partition.config.clone(), primary.clone()))
    }

    /// The group of a partition, if the app exists.
    pub(super) fn group(&self, pid: Pid) -> Option<Group> {
        let tables = self.tables();
        let partition = tables.partitions.get(pid as usize)?;
        Some(Group { config: partition.config.clone(), healthy: partition.is_healthy() })
    }

    /// The server of each partition, for clients.
    pub(super) fn serving(&self) -> Vec<Serving> {
        let tables = self.tables();
        let serving = |partition: &Partition| {
            let primary = partition.config.primary.as_ref();
            Serving {
                ballot: partition.config.ballot,
                rows_address: primary.and_then(|node| tables.nodes.get(node)).map(|node| node.rows_address.clone()),
                healthy: partition.is_healthy(),
            }
        };
        tables.partitions.iter().map(serving).collect()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn incarnation(&self, node: Option<&str>) -> Option<u64> {
        Some(self.nodes.get(node?)?.started)
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
            // A node that asks to lead asks in its present incarnation.
            self.lost.retain(|node| Some(node) != config.primary.as_ref());
        }
        if self.target.is_some() && self.target == config.primary {
            self.target = None;
        }
        self.proposed = None;
        self.config = config;
    }

    /// The next step that this partition needs, and the node that is to take it.
    fn need(&self, nodes: &[String], alive: &dyn Fn(&String) -> bool) -> Option<(String, Proposal)> {
        let usable = |node: &&String| alive(node) && !self.lost.contains(*node);
        let Some(primary) = &self.config.primary else {
            let mut secondaries = self.config.secondaries.iter().filter(usable);
            let wanted = self.target.as_ref().filter(|target| self.config.secondaries.contains(target));
            if let Some(next) = wanted.filter(usable).or_else(|| secondaries.next()) {
                return Some((next.clone(), Proposal::UpgradeToPrimary));
            }
            // Every member has left. A restarted one has all data, and so has the last one to leave.
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
