//! The raft log and the vote, in their own redb file: upstream's WAL. It holds no metadata. It counts its users, and is
//! closed when the last of them is gone.

use super::lease::{Lease, Leases};
use super::raft_cmd::{Entry, LogId, StorageError, TypeConfig};
use super::records::json;
use crate::redb_file::open_or_make;
use crate::rt::task;
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader, StorageIOError, Vote};
use redb::{Database, Durability, ReadableDatabase, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The log between two snapshots is small here, and reads touch only its tail.
const CACHE_BYTES: usize = 1 << 20;

/// Entries by their index, followed by the hard state under keys beyond the last possible index. Values that are
/// written together lie together, on the tree's last page.
const LOG: TableDefinition<'_, u64, &str> = TableDefinition::new("log");

const INDEX_MAX: u64 = u64::MAX - 3;
const PURGED: u64 = u64::MAX - 2;
const COMMITTED: u64 = u64::MAX - 1;
const VOTE: u64 = u64::MAX;

/// The log of one master. Clones share the file.
#[derive(Clone, Debug)]
pub(super) struct LogStore {
    // Declared before the lease: the file is closed by the time the last lease is returned.
    log: Arc<Log>,
    _lease: Lease,
}

#[derive(Debug)]
struct Log {
    database: Database,
    /// The last committed log id. Like raft's hard state, it is written with the next entries and costs no sync of its
    /// own: the store knows what it has applied.
    committed: Mutex<Option<LogId>>,
}

impl LogStore {
    /// Opens or creates the log at `path`. The second part of the result ends when the file is closed.
    pub(super) fn open(path: &Path) -> Result<(Self, Leases), redb::Error> {
        let database = open_or_make(path, CACHE_BYTES, |new| {
            write(new, |writing| {
                writing.open_table(LOG)?;
                Ok(())
            })
        })?;
        let log = Log { database, committed: Mutex::new(None) };
        *log.committed() = log.hard_state(COMMITTED)?;
        let (lease, closed) = Leases::new();
        Ok((Self { log: Arc::new(log), _lease: lease }, closed))
    }

    /// Performs one synced write on a blocking thread.
    async fn write(
        &self,
        changes: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error> + Send + 'static,
    ) -> io::Result<()> {
        let this = self.clone();
        let written = task::spawn_blocking(move || write(&this.log.database, changes));
        written.await.map_err(io::Error::other)?.map_err(io::Error::other)
    }
}

impl Log {
    fn hard_state<T: DeserializeOwned>(&self, key: u64) -> Result<Option<T>, redb::Error> {
        let reading = self.database.begin_read()?;
        let table = reading.open_table(LOG)?;
        table.get(key)?.map(|text| decode(text.value())).transpose()
    }

    fn entries(&self, from: Bound<u64>, to: Bound<u64>) -> Result<Vec<Entry>, redb::Error> {
        let reading = self.database.begin_read()?;
        let table = reading.open_table(LOG)?;
        let rows = table.range((from, of_entries(to)))?;
        rows.map(|row| decode(row?.1.value())).collect()
    }

    fn last(&self) -> Result<Option<LogId>, redb::Error> {
        let reading = self.database.begin_read()?;
        let table = reading.open_table(LOG)?;
        let last = table.range(..=INDEX_MAX)?.next_back().transpose()?;
        last.map(|(_, text)| decode::<Entry>(text.value()).map(|entry| entry.log_id)).transpose()
    }

    fn committed(&self) -> std::sync::MutexGuard<'_, Option<LogId>> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, StorageError> {
        Ok(self.log.entries(range.start_bound().cloned(), range.end_bound().cloned()).map_err(read_failed)?)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError> {
        let purged = self.log.hard_state(PURGED).map_err(read_failed)?;
        let last = self.log.last().map_err(read_failed)?;
        Ok(LogState { last_purged_log_id: purged, last_log_id: last.or(purged) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError> {
        let text = json(vote);
        let saved = self.write(move |writing| put_hard_state(writing, VOTE, &text)).await;
        Ok(saved.map_err(|error| StorageIOError::write_vote(&error))?)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError> {
        Ok(self.log.hard_state(VOTE).map_err(|error| StorageIOError::read_vote(&error))?)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        *self.log.committed() = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        Ok(*self.log.committed())
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<TypeConfig>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<(u64, String)> = entries.into_iter().map(|entry| (entry.log_id.index, json(&entry))).collect();
        let committed = self.log.committed().map(|log_id| json(&log_id));
        let written = self.write(move |writing| {
            let mut table = writing.open_table(LOG)?;
            for (index, text) in &entries {
                table.insert(index, text.as_str())?;
            }
            if let Some(committed) = committed {
                table.insert(COMMITTED, committed.as_str())?;
            }
            Ok(())
        });
        callback.log_io_completed(written.await);
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let cut = self.write(move |writing| remove_entries(writing, Bound::Included(log_id.index), Bound::Unbounded));
        Ok(cut.await.map_err(|error| StorageIOError::write_logs(&error))?)
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let cut = self.write(move |writing| {
            remove_entries(writing, Bound::Unbounded, Bound::Included(log_id.index))?;
            put_hard_state(writing, PURGED, &json(&log_id))
        });
        Ok(cut.await.map_err(|error| StorageIOError::write_logs(&error))?)
    }
}

fn write(
    database: &Database,
    changes: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let mut writing = database.begin_write()?;
    writing.set_durability(Durability::Immediate)?;
    changes(&writing)?;
    Ok(writing.commit()?)
}

fn put_hard_state(writing: &WriteTransaction, key: u64, text: &str) -> Result<(), redb::Error> {
    writing.open_table(LOG)?.insert(key, text)?;
    Ok(())
}

fn remove_entries(writing: &WriteTransaction, from: Bound<u64>, to: Bound<u64>) -> Result<(), redb::Error> {
    Ok(writing.open_table(LOG)?.retain_in((from, of_entries(to)), |_, _| false)?)
}

/// The upper bound without the hard state.
fn of_entries(to: Bound<u64>) -> Bound<u64> {
    match to {
        Bound::Included(index) => Bound::Included(index.min(INDEX_MAX)),
        Bound::Excluded(index) if index <= INDEX_MAX => Bound::Excluded(index),
        Bound::Excluded(_) | Bound::Unbounded => Bound::Included(INDEX_MAX),
    }
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, redb::Error> {
    serde_json::from_str(text).map_err(|error| redb::Error::Corrupted(error.to_string()))
}

fn read_failed(error: redb::Error) -> StorageIOError<u64> {
    StorageIOError::read_logs(&error)
}
