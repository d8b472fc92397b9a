//! The replication thread of one replica: its state, and the lock that stands in for the thread.

use super::messages::{PartitionConfig, ReplicaState, Role};
use crate::rt::sync;
use std::collections::{BTreeMap, BTreeSet};

/// The replication thread of one replica: whoever holds the lock runs on it. The lock is never held across a call to
/// another node.
pub(super) type ReplicationThread = sync::Mutex<State>;

/// The state of the replication thread.
#[derive(Debug)]
pub(super) struct State {
    pub(super) role: Role,
    pub(super) config: PartitionConfig,
    /// Temporarily inactive, because it is reconfiguring or has no lease. Its ballot decides its role once that is
    /// over.
    pub(super) transient: bool,
    /// It has asked the meta server to reconfigure.
    pub(super) reconfiguring: bool,
    pub(super) learners: BTreeSet<String>,
    /// The latest report of each secondary: `secondary_bulk_load_states`.
    pub(super) secondary_states: BTreeMap<String, ReplicaState>,
    /// The number of the latest broadcast. Replies to earlier ones are ignored.
    pub(super) broadcasts: u64,
    /// This process found the replica on its disk: it had a role in an earlier incarnation.
    pub(super) from_disk: bool,
}
