//! The rows of one replica, in RocksDB's place: one redb database, created on the first write. It checks no ballot and
//! no role. A failure of the database itself ends the process.

use super::messages::FileMeta;
use crate::redb_file::{OpenError, open_or_make};
use crate::rt::process;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The rows are few here: 256 KiB of cache holds all of them.
const CACHE_BYTES: usize = 1 << 18;

const ROWS: TableDefinition<'_, &str, &str> = TableDefinition::new("rows");

/// The reason why rows could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("a file to ingest has no rows: {0}")]
    Rows(#[from] serde_json::Error),
    #[error(transparent)]
    Database(#[from] redb::Error),
}

impl From<OpenError> for RowError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::File(error) => Self::File(error),
            OpenError::Database(error) => Self::Database(error),
        }
    }
}

/// One replica's rows.
#[derive(Debug)]
pub(super) struct RowStore {
    path: PathBuf,
    opened: Mutex<Option<Database>>,
}

impl RowStore {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, opened: Mutex::default() }
    }

    /// `ingest_files`: stores all rows of these files in one synced transaction.
    pub(super) fn ingest(&self, directory: &Path, files: &[FileMeta]) -> Result<(), RowError> {
        let mut rows: Vec<(String, String)> = Vec::new();
        for file in files {
            rows.extend(serde_json::from_slice::<Vec<_>>(&fs::read(directory.join(&file.name))?)?);
        }
        self.or_exit(self.write(&rows, false))
    }

    /// Replaces everything with the rows that a learner was given.
    pub(super) fn replace(&self, rows: &[(String, String)]) -> Result<(), RowError> {
        if rows.is_empty() && !self.path.exists() {
            return Ok(());
        }
        self.or_exit(self.write(rows, true))
    }

    /// All rows, in key order.
    pub(super) fn rows(&self) -> Result<Vec<(String, String)>, RowError> {
        self.or_exit(self.read())
    }

    /// Ends the process if the database failed. A database that has failed once answers no more, and only a new start,
    /// which finds the last commit, reveals the fate of its last writes. Upstream's replica likewise gives itself up
    /// after a local failure.
    fn or_exit<T>(&self, result: Result<T, RowError>) -> Result<T, RowError> {
        if let Err(RowError::Database(why)) = &result {
            eprintln!("the rows in {} are lost to this process: {why}", self.path.display());
            process::exit(1);
        }
        result
    }

    fn read(&self) -> Result<Vec<(String, String)>, RowError> {
        let mut opened = self.opened();
        if opened.is_none() && !self.path.exists() {
            return Ok(Vec::new());
        }
        let database = self.open(&mut opened)?;
        let reading = database.begin_read().map_err(redb::Error::from)?;
        let table = match reading.open_table(ROWS) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(redb::Error::from(error).into()),
        };
        let mut rows = Vec::new();
        for row in table.iter().map_err(redb::Error::from)? {
            let (key, value) = row.map_err(redb::Error::from)?;
            rows.push((key.value().to_owned(), value.value().to_owned()));
        }
        Ok(rows)
    }

    fn write(&self, rows: &[(String, String)], instead: bool) -> Result<(), RowError> {
        let mut opened = self.opened();
        let database = self.open(&mut opened)?;
        let writing = database.begin_write().map_err(redb::Error::from)?;
        {
            let mut table = writing.open_table(ROWS).map_err(redb::Error::from)?;
            if instead {
                table.retain(|_, _| false).map_err(redb::Error::from)?;
            }
            for (key, value) in rows {
                table.insert(key.as_str(), value.as_str()).map_err(redb::Error::from)?;
            }
        }
        writing.commit().map_err(redb::Error::from)?;
        Ok(())
    }

    fn open<'a>(&self, opened: &'a mut Option<Database>) -> Result<&'a Database, RowError> {
        if opened.is_none() {
            *opened = Some(open_or_make(&self.path, CACHE_BYTES, |_| Ok(()))?);
        }
        Ok(opened.as_ref().expect("it was opened just now"))
    }

    fn opened(&self) -> MutexGuard<'_, Option<Database>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
