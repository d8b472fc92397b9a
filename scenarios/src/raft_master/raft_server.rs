//! The raft server's lock over its instances. A stop takes it, and so does an apply that truncates the log.

use crate::rt::sync::{RwLock, RwLockWriteGuard};
use std::sync::Arc;

/// Upstream's `RaftServer`: holds the instances under a lock, which a stop takes for writing and a truncation of the
/// log for reading.
#[derive(Clone, Debug, Default)]
pub(super) struct RaftServer {
    instances: Arc<RwLock<()>>,
}

impl RaftServer {
    /// Upstream's `Truncate`, called by `Apply`: finds the instance under the read lock and tells it how far its log
    /// may be truncated. openraft truncates its log on its own, by the same number of entries, so only the lock remains
    /// here.
    pub(super) fn truncate(&self) {
        drop(self.instances.blocking_read());
    }

    /// Takes the lock as a stop does.
    pub(super) async fn stopping(&self) -> RwLockWriteGuard<'_, ()> {
        self.instances.write().await
    }
}
