//! Admin's databases, which upstream keeps in SQLite: tables of text, in memory or in a file.
//! It parses no statements.

use afterlife_probe::Resource;
use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A row of text.
pub(super) type Row = Vec<String>;

type Tables = BTreeMap<String, Vec<Row>>;

/// One database.
pub(super) struct Sqlite3Db {
    lifetime: Resource,
    path: Option<PathBuf>,
    tables: Mutex<Tables>,
}

impl Sqlite3Db {
    /// Declares a database, not yet open. Without a path it is in memory.
    pub(super) fn new(name: &'static str, path: Option<PathBuf>) -> Self {
        Self { lifetime: Resource::declare(name), path, tables: Mutex::default() }
    }

    /// Opens the database. A missing or unreadable file is created anew.
    pub(super) fn open(&self) -> io::Result<()> {
        if let Some(path) = &self.path {
            let read = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Tables>(&bytes).ok());
            match read {
                Some(tables) => *self.tables() = tables,
                None => self.write()?,
            }
        }
        self.lifetime.opened();
        Ok(())
    }

    /// Returns a table's rows.
    #[track_caller]
    pub(super) fn select(&self, by: Arguments<'_>, table: &str) -> Vec<Row> {
        self.lifetime.used_by(by);
        self.tables().get(table).cloned().unwrap_or_default()
    }

    /// Replaces a table's rows.
    #[track_caller]
    pub(super) fn replace(&self, by: Arguments<'_>, table: &str, rows: Vec<Row>) {
        self.lifetime.used_by(by);
        self.tables().insert(table.to_owned(), rows);
    }

    /// Writes the file and syncs it.
    #[track_caller]
    pub(super) fn commit(&self, by: Arguments<'_>) -> io::Result<()> {
        self.lifetime.used_by(by);
        self.write()
    }

    /// The destructor: writes the file, if the database has one.
    #[track_caller]
    pub(super) fn delete(&self) -> io::Result<()> {
        let written = self.write();
        self.lifetime.close();
        written
    }

    fn write(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let tables = serde_json::to_vec(&*self.tables())?;
        // The lock is released before the disk works.
        let mut file = File::create(path)?;
        file.write_all(&tables)?;
        file.sync_all()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
