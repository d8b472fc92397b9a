//! The services that all replicas of one node share: the default pool, the slots, the block service, and calls to other
//! nodes.

use super::block_service_manager::BlockServiceManager;
use super::build::Build;
use super::config::{DEFAULT_POOL_WORKERS, ReplicaServerConfig};
use super::rpc::Caller;
use super::slots::DownloadSlots;
use super::tasks::Tasks;
use super::thread_pool::ThreadPool;
use std::path::PathBuf;
use std::sync::Arc;

/// One node: upstream's `replica_stub`, as replicas see it.
pub(super) struct Node {
    pub(super) build: Build,
    /// The node's name in partition configurations.
    pub(super) address: String,
    pub(super) meta: String,
    pub(super) data_dir: PathBuf,
    pub(super) pool: ThreadPool,
    pub(super) slots: DownloadSlots,
    pub(super) blocks: BlockServiceManager,
    pub(super) tasks: Arc<Tasks>,
    pub(super) caller: Caller,
}

impl Node {
    pub(super) fn new(config: &ReplicaServerConfig) -> Self {
        let tasks = Arc::new(Tasks::new());
        Self {
            build: config.build,
            address: config.address.clone(),
            meta: config.meta.clone(),
            data_dir: config.data_dir.clone(),
            pool: ThreadPool::new("default", DEFAULT_POOL_WORKERS),
            slots: DownloadSlots::new(),
            blocks: BlockServiceManager::new(config.block_service.clone(), tasks.runtime().clone()),
            tasks,
            caller: Caller::default(),
        }
    }
}
