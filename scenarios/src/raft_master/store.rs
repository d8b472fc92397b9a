//! The metadata store, in RocksDB's place: one redb database, written in synced batches, closed explicitly. It does not
//! protect itself: like upstream's handle, it may be closed under a batch in flight. The caller must know that nothing
//! uses it any more.

use super::error::MasterError;
use super::raft_cmd::{LogId, Membership};
use super::records::json;
use crate::redb_file::open_or_make;
use afterlife_probe::Resource;
use redb::{Database, Durability, ReadTransaction, ReadableDatabase, TableDefinition, WriteTransaction};
use std::fmt::Arguments;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The metadata is small here: one MiB of cache holds all of it (upstream gives RocksDB 3 GiB).
const CACHE_BYTES: usize = 1 << 20;

/// The number of a snapshot's keys in one unsynced batch.
const SNAPSHOT_BATCH_KEYS: usize = 64;

const METADATA: TableDefinition<'_, &str, &str> = TableDefinition::new("metadata");

/// The key of the last applied log id, written in the batch of the entry that it names.
const APPLIED_KEY: &str = "applied";
/// The key of the last applied membership.
const MEMBERSHIP_KEY: &str = "membership";

/// The reason why the store did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// The database was closed. In upstream this is a use of freed memory: SIGSEGV in `rocksdb_write`.
    #[error("the metadata store is closed")]
    Closed,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] redb::Error),
}

impl From<StoreError> for MasterError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// The content of one write transaction: keys with their new values, or with none to remove them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    changes: Vec<(String, Option<String>)>,
}

impl Batch {
    pub(super) fn put(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.changes.push((key.into(), Some(value.into())));
    }

    pub(super) fn delete(&mut self, key: impl Into<String>) {
        self.changes.push((key.into(), None));
    }

    /// Sets the log id that the store reaches with this batch.
    pub(super) fn applied(&mut self, log_id: &LogId) {
        self.put(APPLIED_KEY, json(log_id));
    }

    /// Sets the membership that the store reaches with this batch.
    pub(super) fn membership(&mut self, membership: &Membership) {
        self.put(MEMBERSHIP_KEY, json(membership));
    }
}

/// The metadata store of one master.
#[derive(Debug)]
pub(super) struct Store {
    /// Taken at the close. The lock guards this field for a moment and is never held while a batch is written.
    handle: Mutex<Option<Database>>,
    resource: Resource,
}

impl Store {
    /// Opens or creates the database at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let database = open_or_make(path, CACHE_BYTES, |new| {
            let making = new.begin_write()?;
            making.open_table(METADATA)?;
            Ok(making.commit()?)
        })
        .map_err(redb::Error::from)?;
        Ok(Self { handle: Mutex::new(Some(database)), resource: Resource::open("metadata-db") })
    }

    /// Writes one batch and syncs it: upstream's `BatchPut` and `BatchDeleteKeyAndPutIndex`. `by` names the writer.
    ///
    /// Returns whether the first key of the batch existed before.
    pub(super) fn batch_write(&self, by: Arguments<'_>, batch: &Batch) -> Result<bool, StoreError> {
        let writing = self.begin_write(by)?;
        let existed = write_changes(&writing, batch)?;
        self.commit(by, writing)?;
        Ok(existed)
    }

    /// The value of one key.
    pub(super) fn get(&self, by: Arguments<'_>, key: &str) -> Result<Option<String>, StoreError> {
        let reading = self.begin_read(by)?;
        let table = reading.open_table(METADATA).map_err(redb::Error::from)?;
        let value = table.get(key).map_err(redb::Error::from)?;
        Ok(value.map(|value| value.value().to_owned()))
    }

    /// All keys that begin with `prefix`, in order: upstream's `SeekForPrefix`.
    pub(super) fn scan(self: &Arc<Self>, by: Arguments<'_>, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.snapshot(by)?.scan(by, prefix)
    }

    /// A view of the store as of now: RocksDB's snapshot.
    pub(super) fn snapshot(self: &Arc<Self>, by: Arguments<'_>) -> Result<StoreSnapshot, StoreError> {
        Ok(StoreSnapshot { store: Arc::clone(self), reading: self.begin_read(by)? })
    }

    /// The last applied log id and membership, as JSON.
    pub(super) fn applied(&self, by: Arguments<'_>) -> Result<(Option<String>, Option<String>), StoreError> {
        Ok((self.get(by, APPLIED_KEY)?, self.get(by, MEMBERSHIP_KEY)?))
    }

    /// Replaces everything with a snapshot's keys, in upstream's steps (`ApplySnapshot`): clear, put unsynced, flush
    /// with the applied index last. A death in between leaves an empty store.
    pub(super) fn replace_stepwise(
        &self,
        by: Arguments<'_>,
        keys: &[(String, String)],
        applied: &Batch,
    ) -> Result<(), StoreError> {
        let clearing = self.begin_write(by)?;
        clear(&clearing)?;
        self.commit(by, clearing)?;
        for some in keys.chunks(SNAPSHOT_BATCH_KEYS) {
            let mut writing = self.begin_write(by)?;
            writing.set_durability(Durability::None).map_err(redb::Error::from)?;
            put_all(&writing, some)?;
            self.commit(by, writing)?;
        }
        self.batch_write(by, applied).map(|_| ())
    }

    /// Replaces everything with a snapshot's keys in one synced transaction: all or nothing.
    pub(super) fn replace_at_once(
        &self,
        by: Arguments<'_>,
        keys: &[(String, String)],
        applied: &Batch,
    ) -> Result<(), StoreError> {
        let writing = self.begin_write(by)?;
        clear(&writing)?;
        put_all(&writing, keys)?;
        write_changes(&writing, applied)?;
        self.commit(by, writing)
    }

    /// Closes the database without waiting: a transaction in flight keeps its own handle and goes on.
    #[track_caller]
    pub(super) fn close(&self) {
        let database = self.handle().take();
        self.resource.close();
        if let Some(database) = database {
            // redb returns an error if a transaction is in progress, and lets it finish on the closed database.
            // RocksDB's close returns nothing.
            let _ = database.close();
        }
    }

    fn begin_write(&self, by: Arguments<'_>) -> Result<WriteTransaction, StoreError> {
        self.touch(by)?;
        let handle = self.handle();
        let database = handle.as_ref().ok_or(StoreError::Closed)?;
        let mut writing = database.begin_write().map_err(redb::Error::from)?;
        writing.set_durability(Durability::Immediate).map_err(redb::Error::from)?;
        Ok(writing)
    }

    fn begin_read(&self, by: Arguments<'_>) -> Result<ReadTransaction, StoreError> {
        self.touch(by)?;
        let handle = self.handle();
        let database = handle.as_ref().ok_or(StoreError::Closed)?;
        Ok(database.begin_read().map_err(redb::Error::from)?)
    }

    /// Commits through the handle, which upstream's `rocksdb_write` dereferences twice: to write and sync its log, and
    /// then to insert the batch into the memtable. A slow disk holds it between the two.
    fn commit(&self, by: Arguments<'_>, writing: WriteTransaction) -> Result<(), StoreError> {
        self.touch(by)?;
        writing.commit().map_err(redb::Error::from)?;
        self.touch(by)
    }

    /// Dereferences the handle: reports the use to the probe, and fails if the database is closed.
    #[track_caller]
    fn touch(&self, by: Arguments<'_>) -> Result<(), StoreError> {
        self.resource.used_by(by);
        if self.handle().is_some() { Ok(()) } else { Err(StoreError::Closed) }
    }

    fn handle(&self) -> MutexGuard<'_, Option<Database>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A view of the store at one moment. It does not keep the database open.
pub(super) struct StoreSnapshot {
    store: Arc<Store>,
    reading: ReadTransaction,
}

impl StoreSnapshot {
    /// All keys that begin with `prefix`, in order.
    pub(super) fn scan(&self, by: Arguments<'_>, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        let table = self.reading.open_table(METADATA).map_err(redb::Error::from)?;
        let mut found = Vec::new();
        for row in table.range(prefix..).map_err(redb::Error::from)? {
            let (key, value) = row.map_err(redb::Error::from)?;
            if !key.value().starts_with(prefix) {
                break;
            }
            found.push((key.value().to_owned(), value.value().to_owned()));
        }
        // RocksDB's iterator reads through the handle to its last key.
        self.store.touch(by)?;
        Ok(found)
    }

    /// Everything except the store's own position.
    pub(super) fn all(&self, by: Arguments<'_>) -> Result<Vec<(String, String)>, StoreError> {
        let mut keys = self.scan(by, "")?;
        keys.retain(|(key, _)| key != APPLIED_KEY && key != MEMBERSHIP_KEY);
        Ok(keys)
    }
}

fn write_changes(writing: &WriteTransaction, batch: &Batch) -> Result<bool, StoreError> {
    let mut table = writing.open_table(METADATA).map_err(redb::Error::from)?;
    let mut first_existed = None;
    for (key, value) in &batch.changes {
        let before = match value {
            Some(value) => table.insert(key.as_str(), value.as_str()).map_err(redb::Error::from)?,
            None => table.remove(key.as_str()).map_err(redb::Error::from)?,
        };
        first_existed.get_or_insert(before.is_some());
    }
    Ok(first_existed.unwrap_or(false))
}

fn put_all(writing: &WriteTransaction, keys: &[(String, String)]) -> Result<(), StoreError> {
    let mut table = writing.open_table(METADATA).map_err(redb::Error::from)?;
    for (key, value) in keys {
        table.insert(key.as_str(), value.as_str()).map_err(redb::Error::from)?;
    }
    Ok(())
}

fn clear(writing: &WriteTransaction) -> Result<(), StoreError> {
    let mut table = writing.open_table(METADATA).map_err(redb::Error::from)?;
    Ok(table.retain(|_, _| false).map_err(redb::Error::from)?)
}
