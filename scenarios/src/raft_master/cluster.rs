//! The leader's view of the cluster in memory: volumes, data partitions, data nodes, and which of these still report.
//! The store is authoritative. The view is loaded from there whenever this master becomes the leader.

use super::raft_cmd::{CmdReply, RaftCmd};
use super::raft_handle::{NotDone, RaftHandle};
use super::records::{
    DATA_NODE_PREFIX, DATA_PARTITION_PREFIX, DataNode, DataPartition, MAX_DATA_PARTITION_ID, VOL_PREFIX, Volume,
    data_node_key, data_partition_key, json, names, volume_key,
};
use super::store::{Store, StoreError};
use super::wait_group::StopChannel;
use crate::rt::task::JoinHandle;
use crate::rt::{select, sync, task, time};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The number of hosts of a data partition, if there are that many.
const REPLICAS: usize = 3;

/// The pause between a leader's attempts to confirm that it leads.
const LOAD_AGAIN: Duration = Duration::from_millis(500);

/// The cluster as this master knows it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) id: u64,
    pub(super) store: Arc<Store>,
    pub(super) stopc: StopChannel,
    view: Mutex<View>,
    /// The highest data partition number assigned. Held while a partition is proposed: numbers are assigned one at a
    /// time.
    id_alloc: sync::Mutex<u64>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// The state in memory.
#[derive(Debug, Default)]
struct View {
    /// This master leads and has loaded the metadata: upstream's `metaReady`.
    meta_ready: bool,
    volumes: BTreeSet<String>,
    partitions: BTreeMap<u64, DataPartition>,
    nodes: BTreeMap<String, Reporting>,
}

/// The time of a data node's last heartbeat, and whether it is recent enough.
#[derive(Clone, Copy, Debug)]
struct Reporting {
    last: time::Instant,
    active: bool,
}

/// The numbers of `/status`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Counts {
    pub(super) meta_ready: bool,
    pub(super) volumes: usize,
    pub(super) partitions: usize,
    pub(super) active_nodes: usize,
}

impl Cluster {
    /// A cluster with nothing loaded except the highest number assigned.
    pub(super) async fn new(id: u64, store: Arc<Store>) -> Result<Arc<Self>, StoreError> {
        let reading = Arc::clone(&store);
        let highest = task::spawn_blocking(move || highest_partition(&reading, format_args!("initCluster")));
        // The reader is gone only if the runtime is, and then so is this master.
        let highest = highest.await.unwrap_or(Ok(0))?;
        Ok(Arc::new(Self {
            id,
            store,
            stopc: StopChannel::new(),
            view: Mutex::default(),
            id_alloc: sync::Mutex::new(highest),
            tasks: Mutex::default(),
        }))
    }

    /// Returns whether this master leads and has loaded the metadata.
    pub(super) fn meta_ready(&self) -> bool {
        self.view().meta_ready
    }

    pub(super) fn counts(&self) -> Counts {
        let view = self.view();
        Counts {
            meta_ready: view.meta_ready,
            volumes: view.volumes.len(),
            partitions: view.partitions.len(),
            active_nodes: view.nodes.values().filter(|node| node.active).count(),
        }
    }

    /// Keeps a cluster task, so that a stop can join it.
    pub(super) fn own(&self, task: JoinHandle<()>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Waits until every cluster task has ended. They end when `stopc` is closed.
    pub(super) async fn join_tasks(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // A task that panicked has ended as well, and its panic has been reported already.
            let _ = task.await;
        }
    }

    pub(super) async fn create_volume(&self, raft: &RaftHandle, name: String) -> Result<CmdReply, NotDone> {
        let value = json(&Volume { name: name.clone() });
        let reply = raft.propose(RaftCmd::Put { key: volume_key(&name), value }).await?;
        self.view().volumes.insert(name);
        Ok(reply)
    }

    pub(super) async fn delete_volume(&self, raft: &RaftHandle, name: &str) -> Result<CmdReply, NotDone> {
        let reply = raft.propose(RaftCmd::Delete { key: volume_key(name) }).await?;
        self.view().volumes.remove(name);
        Ok(reply)
    }

    /// Returns whether `name` is a volume, as far as this leader knows.
    pub(super) fn has_volume(&self, name: &str) -> bool {
        self.view().volumes.contains(name)
    }

    /// Assigns the next number and writes it with the partition, in one batch.
    pub(super) async fn create_partition(&self, raft: &RaftHandle, volume: String) -> Result<DataPartition, NotDone> {
        let mut highest = self.id_alloc.lock().await;
        // Counted before the reply: a proposal that failed here may still be applied.
        *highest += 1;
        let partition = DataPartition { id: *highest, volume, hosts: self.choose_hosts(*highest) };
        let puts = vec![
            (MAX_DATA_PARTITION_ID.to_owned(), json(&*highest)),
            (data_partition_key(partition.id), json(&partition)),
        ];
        raft.propose(RaftCmd::BatchPut { puts }).await?;
        drop(highest);
        self.view().partitions.insert(partition.id, partition.clone());
        Ok(partition)
    }

    pub(super) async fn delete_partition(&self, raft: &RaftHandle, id: u64) -> Result<CmdReply, NotDone> {
        let reply = raft.propose(RaftCmd::Delete { key: data_partition_key(id) }).await?;
        self.view().partitions.remove(&id);
        Ok(reply)
    }

    pub(super) async fn register_node(&self, raft: &RaftHandle, address: String) -> Result<CmdReply, NotDone> {
        let value = json(&DataNode { address: address.clone() });
        let reply = raft.propose(RaftCmd::Put { key: data_node_key(&address), value }).await?;
        self.view().nodes.insert(address, Reporting { last: time::Instant::now(), active: true });
        Ok(reply)
    }

    pub(super) async fn delete_node(&self, raft: &RaftHandle, address: &str) -> Result<CmdReply, NotDone> {
        let reply = raft.propose(RaftCmd::Delete { key: data_node_key(address) }).await?;
        self.view().nodes.remove(address);
        Ok(reply)
    }

    /// Records a data node's heartbeat. Returns whether the node is registered. Nothing is proposed, as in upstream.
    pub(super) fn heartbeat(&self, address: &str) -> bool {
        let mut view = self.view();
        let Some(node) = view.nodes.get_mut(address) else { return false };
        *node = Reporting { last: time::Instant::now(), active: true };
        true
    }

    /// Marks the data nodes that have been silent for `limit`: upstream's `checkDataNodeHeartbeat`.
    pub(super) fn check_data_node_heartbeat(&self, limit: Duration) {
        let mut view = self.view();
        for node in view.nodes.values_mut() {
            node.active = node.last.elapsed() < limit;
        }
    }

    /// Reads the volumes' names on a follower, for the reads that it may answer: upstream's `getVolumeDpView`, which
    /// panics if the store does not answer.
    pub(super) async fn update_follower_read(&self) {
        let store = Arc::clone(&self.store);
        let read = task::spawn_blocking(move || {
            let volumes = store.scan(format_args!("follower read"), VOL_PREFIX);
            volumes.unwrap_or_else(|error| panic!("getVolumeDpView: {error}"))
        });
        let Ok(volumes) = read.await else { return };
        let mut view = self.view();
        if !view.meta_ready {
            view.volumes = names(&volumes, VOL_PREFIX).collect();
        }
    }

    /// Handles a change of leader: upstream's `handleLeaderChange`. A new leader loads the metadata.
    pub(super) async fn handle_leader_change(&self, raft: &RaftHandle, leader: Option<u64>) {
        self.view().meta_ready = false;
        if leader != Some(self.id) {
            return;
        }
        select! {
            () = leads(raft) => self.load(raft).await,
            () = raft.deposed(self.id) => {}
        }
    }

    /// Loads the metadata from the store. A load is never abandoned halfway: its reader is always waited for.
    async fn load(&self, raft: &RaftHandle) {
        let store = Arc::clone(&self.store);
        let loading = task::spawn_blocking(move || {
            // Upstream's loadMetadata panics as well: a master that cannot read its metadata must not lead.
            load_metadata(&store).unwrap_or_else(|error| panic!("loadMetadata: {error}"))
        });
        let Ok((highest, mut view)) = loading.await else { return };
        let mut id_alloc = self.id_alloc.lock().await;
        *id_alloc = highest.max(*id_alloc);
        drop(id_alloc);
        if raft.leader() == Some(self.id) {
            view.meta_ready = true;
            *self.view() = view;
        }
    }

    fn choose_hosts(&self, id: u64) -> Vec<String> {
        let view = self.view();
        let active: Vec<&String> =
            view.nodes.iter().filter(|(_, node)| node.active).map(|(address, _)| address).collect();
        let first = usize::try_from(id).unwrap_or(0);
        (0..REPLICAS.min(active.len())).map(|nth| active[(first + nth) % active.len()].clone()).collect()
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until this master has applied everything that its predecessors acknowledged. It leads before it has done so.
async fn leads(raft: &RaftHandle) {
    while raft.read_barrier().await.is_err() {
        time::sleep(LOAD_AGAIN).await;
    }
}

/// Reads all of the metadata, prefix by prefix, as upstream does.
fn load_metadata(store: &Arc<Store>) -> Result<(u64, View), StoreError> {
    let mut view = View::default();
    let highest = highest_partition(store, format_args!("loadMetadata"))?;
    for address in names(&store.scan(format_args!("loadMetadata"), DATA_NODE_PREFIX)?, DATA_NODE_PREFIX) {
        // A new leader trusts every node until it has been silent for long enough.
        view.nodes.insert(address, Reporting { last: time::Instant::now(), active: true });
    }
    view.volumes = names(&store.scan(format_args!("loadMetadata"), VOL_PREFIX)?, VOL_PREFIX).collect();
    for (_, value) in store.scan(format_args!("loadMetadata"), DATA_PARTITION_PREFIX)? {
        if let Ok(partition) = serde_json::from_str::<DataPartition>(&value) {
            view.partitions.insert(partition.id, partition);
        }
    }
    Ok((highest, view))
}

/// The highest data partition number ever assigned.
fn highest_partition(store: &Store, by: Arguments<'_>) -> Result<u64, StoreError> {
    let text = store.get(by, MAX_DATA_PARTITION_ID)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(0))
}
