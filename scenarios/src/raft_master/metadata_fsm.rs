//! The metadata state machine: each applied entry becomes one synced batch of the store. It proposes nothing and knows
//! no leader. An entry that cannot be applied ends it, as upstream's `Apply` panics.

use super::build::Build;
use super::config::MasterConfig;
use super::lease::{Lease, Leases};
use super::raft_cmd::{CmdReply, Entry, LogId, Membership, RaftCmd, SnapshotMeta, StorageError, TypeConfig};
use super::raft_server::RaftServer;
use super::snapshot::{SnapshotBuilder, SnapshotSlot};
use super::store::{Batch, Store, StoreError};
use crate::rt::task;
use afterlife_probe::always;
use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, OptionalSend, Snapshot, StorageIOError};
use std::io::{self, Cursor};
use std::panic;
use std::sync::Arc;

/// The state machine. openraft's worker task owns it: `sm::Worker::do_spawn` (openraft 0.9.25, `src/core/sm/worker.rs`)
/// moves it into a task whose handle is kept in `sm::Handle` and never awaited. `Raft::shutdown` (`src/raft/mod.rs`)
/// joins `RaftCore` only; the worker goes on with its queue until it finds its channel closed. This is upstream's
/// runApply: `stop()` waits for `done`, which `run` alone closes.
pub(super) struct MetadataFsm {
    store: Arc<Store>,
    applied: Option<LogId>,
    membership: Membership,
    snapshot: SnapshotSlot,
    build: Build,
    retain_logs: u64,
    raft_server: RaftServer,
    /// Returned once the worker has dropped the state machine and every snapshot builder is gone.
    lease: Lease,
}

impl MetadataFsm {
    /// Restores the state machine from the store. The second part of the result ends when nothing applies, installs or
    /// reads snapshots any more.
    pub(super) fn restore(
        store: Arc<Store>,
        config: &MasterConfig,
        raft_server: RaftServer,
    ) -> Result<(Self, Leases), StoreError> {
        let (applied, membership) = store.applied(format_args!("restore"))?;
        // The values under these keys were written by this file, in the batch of an entry. A database that lost parts
        // of a synced page fails its own checksums first.
        let applied = applied.map(|text| serde_json::from_str(&text).expect("the key \"applied\" holds a log id"));
        let membership = membership
            .map_or_else(Membership::default, |text| serde_json::from_str(&text).expect("a stored membership decodes"));
        let (lease, ended) = Leases::new();
        let (build, retain_logs) = (config.build, config.retain_logs);
        let snapshot = SnapshotSlot::default();
        let fsm = Self { store, applied, membership, snapshot, build, retain_logs, raft_server, lease };
        Ok((fsm, ended))
    }
}

impl RaftStateMachine<TypeConfig> for MetadataFsm {
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), StorageError> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<CmdReply>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut replies = Vec::new();
        for entry in entries {
            let log_id = entry.log_id;
            if self.build == Build::Sound && self.lease.is_called_in() {
                // The entry stays in the log, and nobody was told that it is done. The next start applies it.
                let stopping = io::Error::other("the master is stopping");
                return Err(StorageIOError::apply(log_id, &stopping).into());
            }
            let before = self.applied.replace(log_id);
            always!(before < Some(log_id), "the key \"applied\" never decreases");
            replies.push(self.apply_one(entry).await?);
        }
        Ok(replies)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        let view = self.store.snapshot(format_args!("snapshot"));
        let view = view.unwrap_or_else(|error| panic!("snapshot: {error}"));
        SnapshotBuilder::new(view, self.applied, self.membership.clone(), self.snapshot.clone(), self.lease.clone())
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError> {
        let keys: Vec<(String, String)> = serde_json::from_slice(snapshot.get_ref())
            .map_err(|error| StorageIOError::read_snapshot(Some(meta.signature()), &error))?;
        let mut position = Batch::default();
        if let Some(applied) = &meta.last_log_id {
            position.applied(applied);
        }
        position.membership(&meta.last_membership);
        let (store, build, id) = (Arc::clone(&self.store), self.build, meta.snapshot_id.clone());
        let installing = task::spawn_blocking(move || {
            let by = format_args!("install");
            let replaced = match build {
                // Upstream clears, puts and flushes in separate steps.
                Build::Shipped | Build::Patched => store.replace_stepwise(by, &keys, &position),
                Build::Sound => store.replace_at_once(by, &keys, &position),
            };
            replaced.unwrap_or_else(|error| panic!("install snapshot {id}: {error}"))
        });
        installing.await.map_err(|gone| StorageIOError::write_snapshot(Some(meta.signature()), &died(gone)))?;
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.snapshot.keep(Snapshot { meta: meta.clone(), snapshot });
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, StorageError> {
        Ok(self.snapshot.current())
    }
}

impl MetadataFsm {
    /// Applies one entry: one batch, one sync. The batch is written on a blocking thread. Like upstream's runApply, it
    /// runs beside everything else that the master does and cannot be interrupted.
    async fn apply_one(&mut self, entry: Entry) -> Result<CmdReply, StorageError> {
        let log_id = entry.log_id;
        let mut batch = Batch::default();
        match entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Normal(RaftCmd::Put { key, value }) => batch.put(key, value),
            EntryPayload::Normal(RaftCmd::Delete { key }) => batch.delete(key),
            EntryPayload::Normal(RaftCmd::BatchPut { puts }) => {
                puts.into_iter().for_each(|(key, value)| batch.put(key, value));
            }
            EntryPayload::Membership(membership) => {
                self.membership = Membership::new(Some(log_id), membership);
                batch.membership(&self.membership);
            }
        }
        batch.applied(&log_id);
        let store = Arc::clone(&self.store);
        // Now and then upstream's `Apply` truncates the log itself, and takes the raft server's lock to do so.
        let truncates = log_id.index.is_multiple_of(self.retain_logs).then(|| self.raft_server.clone());
        let applying = task::spawn_blocking(move || {
            // The panic happens where upstream dies: in the thread that writes, whether or not anything still waits for
            // it.
            let written = store.batch_write(format_args!("apply {}", log_id.index), &batch);
            let existed = written.unwrap_or_else(|error| panic!("apply {}: {error}", log_id.index));
            if let Some(raft_server) = truncates {
                raft_server.truncate();
            }
            existed
        });
        match applying.await {
            Ok(existed) => Ok(CmdReply { existed }),
            Err(gone) => Err(StorageIOError::apply(log_id, &died(gone)).into()),
        }
    }
}

/// Handles a write whose thread is gone. If the thread panicked, so does the state machine, which ends it. Otherwise
/// the runtime has ended and taken the thread with it.
fn died(gone: task::JoinError) -> task::JoinError {
    if gone.is_panic() { panic::resume_unwind(gone.into_panic()) } else { gone }
}
