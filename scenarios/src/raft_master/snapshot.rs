//! Snapshots of the metadata: building one from a view of the store, and keeping the latest. Installing one replaces
//! the store, which is the state machine's job.

use super::lease::Lease;
use super::raft_cmd::{LogId, Membership, SnapshotMeta, StorageError, TypeConfig};
use super::store::StoreSnapshot;
use crate::rt::task;
use openraft::{RaftSnapshotBuilder, Snapshot, StorageIOError};
use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};

/// The latest snapshot of this master, in memory. The store itself is durable, so after a restart another is built when
/// one is needed.
#[derive(Clone, Debug, Default)]
pub(super) struct SnapshotSlot {
    last: Arc<Mutex<Option<Snapshot<TypeConfig>>>>,
}

impl SnapshotSlot {
    pub(super) fn keep(&self, snapshot: Snapshot<TypeConfig>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }

    pub(super) fn current(&self) -> Option<Snapshot<TypeConfig>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Builds one snapshot. openraft runs it in its own task, which nothing joins (`sm::Worker::build_snapshot`), as
/// upstream's worker goroutine streams one.
pub(super) struct SnapshotBuilder {
    view: Option<StoreSnapshot>,
    applied: Option<LogId>,
    membership: Membership,
    slot: SnapshotSlot,
    lease: Lease,
}

impl SnapshotBuilder {
    pub(super) fn new(
        view: StoreSnapshot,
        applied: Option<LogId>,
        membership: Membership,
        slot: SnapshotSlot,
        lease: Lease,
    ) -> Self {
        Self { view: Some(view), applied, membership, slot, lease }
    }
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, StorageError> {
        let view = self.view.take().expect("openraft asks a builder for one snapshot");
        let lease = self.lease.clone();
        let read = task::spawn_blocking(move || {
            let _lease = lease;
            view.all(format_args!("snapshot"))
        });
        let keys = match read.await {
            Ok(read) => read.unwrap_or_else(|error| panic!("build snapshot: {error}")),
            Err(gone) => return Err(StorageIOError::read_snapshot(None, &gone).into()),
        };
        let data = serde_json::to_vec(&keys).map_err(|error| StorageIOError::write_snapshot(None, &error))?;
        let snapshot_id = self.applied.map_or_else(|| "0".to_owned(), |applied| applied.to_string());
        let meta = SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone(), snapshot_id };
        let snapshot = Snapshot { meta, snapshot: Box::new(Cursor::new(data)) };
        self.slot.keep(snapshot.clone());
        Ok(snapshot)
    }
}
