//! The tablet's database, SQLite in mysqld's place: one thread owns it, statements go through a binlog, and a commit
//! waits for a replica. `replication.rs` brings the statements to the replica.

use super::config::CONNECT_DURATION;
use crate::rt::{
    sync::{oneshot, watch},
    time,
};
use rusqlite::{Connection, Transaction, params};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// The sidecar database, which holds the VDiffs and the binlog.
const SIDECAR: &str = "
    CREATE TABLE IF NOT EXISTS _vt.vdiff (
        id INTEGER PRIMARY KEY AUTOINCREMENT, vdiff_uuid TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL, keyspace TEXT NOT NULL,
        shard TEXT NOT NULL, state TEXT NOT NULL, options TEXT NOT NULL, last_error TEXT NOT NULL DEFAULT '',
        started_at INTEGER, completed_at INTEGER);
    CREATE TABLE IF NOT EXISTS _vt.vdiff_table (
        vdiff_id INTEGER NOT NULL, table_name TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending', lastpk INTEGER,
        rows_compared INTEGER NOT NULL DEFAULT 0, mismatch INTEGER NOT NULL DEFAULT 0, report TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (vdiff_id, table_name));
    CREATE TABLE IF NOT EXISTS _vt.vdiff_log (
        id INTEGER PRIMARY KEY AUTOINCREMENT, vdiff_id INTEGER NOT NULL, message TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS _vt.vreplication (
        workflow TEXT PRIMARY KEY, state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '');
    CREATE TABLE IF NOT EXISTS _vt.binlog (position INTEGER PRIMARY KEY, term INTEGER NOT NULL, statement TEXT NOT NULL);";

/// Empties the sidecar of a replica with a divergent history.
const FORGET: &str = "
    DELETE FROM _vt.vdiff; DELETE FROM _vt.vdiff_table; DELETE FROM _vt.vdiff_log; DELETE FROM _vt.vreplication;
    DELETE FROM _vt.binlog; DELETE FROM _vt.sqlite_sequence;";

/// The reason why a statement was not executed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The database returned an error.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The database's thread has ended.
    #[error("the database has gone away")]
    Gone,
    /// The database is read-only.
    #[error("the server is running with the --read-only option")]
    ReadOnly,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// One entry of the binlog.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct BinlogEntry {
    pub(super) position: u64,
    pub(super) term: u64,
    pub(super) statement: String,
}

/// The database of one process.
#[derive(Debug)]
pub(super) struct Mysql {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
    read_only: AtomicBool,
    /// The term of the primary as which it writes.
    term: AtomicU64,
    /// A commit waits for a replica.
    semi_sync: bool,
    position: watch::Sender<u64>,
    acknowledged: watch::Sender<u64>,
}

impl Mysql {
    /// Starts the database. It executes statements at once. Its first start runs the backup and creates the grants
    /// last, as upstream's `init_db.sql` does.
    pub(super) async fn start(directory: &Path, backup: Vec<String>, semi_sync: bool) -> Result<Self, SqlError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (answer, opened) = oneshot::channel();
        let directory = directory.to_owned();
        let thread = thread::Builder::new().name("mysqld".to_owned()).spawn(move || {
            let mut db = match open(&directory) {
                Ok((db, position)) => {
                    let _ = answer.send(Ok(position));
                    db
                }
                Err(error) => return drop(answer.send(Err(error))),
            };
            // A database that fails to initialise has no grants, and the start waits for them in vain.
            let _ = initialise(&mut db, &backup);
            drop(backup);
            for job in queue {
                job(&mut db);
            }
        });
        let thread = thread.map_err(|_| SqlError::Gone)?;
        let position = opened.await.map_err(|_| SqlError::Gone)??;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            read_only: AtomicBool::new(true),
            term: AtomicU64::new(0),
            semi_sync,
            position: watch::Sender::new(position),
            acknowledged: watch::Sender::new(0),
        })
    }

    /// Upstream's `dbClient.Connect()`, reduced to the time that it takes.
    pub(super) async fn connect(&self) {
        time::sleep(CONNECT_DURATION).await;
    }

    /// Runs work on the database's thread.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, SqlError> {
        let (answer, done) = oneshot::channel();
        let job: Job = Box::new(move |db| drop(answer.send(work(db))));
        let sent = match &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(jobs) => jobs.send(job).is_ok(),
            None => false,
        };
        if !sent {
            return Err(SqlError::Gone);
        }
        Ok(done.await.map_err(|_| SqlError::Gone)??)
    }

    /// Executes statements in one transaction and waits until a replica has them, if required. Returns the id of the
    /// row that the first statement inserted.
    pub(super) async fn write(&self, statements: Vec<String>) -> Result<i64, SqlError> {
        let (id, position) = self.commit(statements).await?;
        if self.semi_sync {
            // The sender lives in `self`.
            let _ = self.acknowledged.subscribe().wait_for(|acknowledged| *acknowledged >= position).await;
        }
        Ok(id)
    }

    /// Executes statements in one transaction without waiting. Returns the id as [`write`](Self::write) does, and the
    /// position.
    pub(super) async fn commit(&self, statements: Vec<String>) -> Result<(i64, u64), SqlError> {
        if self.read_only.load(Ordering::Acquire) {
            return Err(SqlError::ReadOnly);
        }
        let term = self.term.load(Ordering::Acquire);
        let done = self
            .with(move |db| {
                let transaction = db.transaction()?;
                let mut id = None;
                let mut position = 0;
                for statement in &statements {
                    transaction.execute(statement, ())?;
                    id.get_or_insert(transaction.last_insert_rowid());
                    position = log(&transaction, None, term, statement)?;
                }
                transaction.commit()?;
                Ok((id.unwrap_or(0), position))
            })
            .await?;
        self.position.send_modify(|position| *position = done.1.max(*position));
        Ok(done)
    }

    /// Executes an entry of another database's binlog.
    pub(super) async fn apply(&self, entry: BinlogEntry) -> Result<(), SqlError> {
        let position = entry.position;
        self.with(move |db| {
            let transaction = db.transaction()?;
            transaction.execute(&entry.statement, ())?;
            log(&transaction, Some(entry.position), entry.term, &entry.statement)?;
            transaction.commit()
        })
        .await?;
        self.position.send_replace(position);
        Ok(())
    }

    /// Replaces the history with another one, which is the primary's: all or nothing. Nothing that it discards was ever
    /// acknowledged.
    pub(super) async fn replace(&self, entries: Vec<BinlogEntry>) -> Result<(), SqlError> {
        let position = entries.last().map_or(0, |entry| entry.position);
        self.with(move |db| {
            let transaction = db.transaction()?;
            transaction.execute_batch(FORGET)?;
            for entry in entries {
                transaction.execute(&entry.statement, ())?;
                log(&transaction, Some(entry.position), entry.term, &entry.statement)?;
            }
            transaction.commit()
        })
        .await?;
        self.position.send_replace(position);
        Ok(())
    }

    /// The last entry's position and term.
    pub(super) async fn executed(&self) -> Result<(u64, u64), SqlError> {
        self.with(|db| {
            let query = "SELECT position, term FROM _vt.binlog ORDER BY position DESC LIMIT 1";
            or_default(db.query_row(query, (), |row| Ok((number(row.get(0)?), number(row.get(1)?)))))
        })
        .await
    }

    /// Returns whether this entry exists here, so that a replica at this position may continue from it.
    pub(super) async fn has(&self, position: u64, term: u64) -> Result<bool, SqlError> {
        self.with(move |db| {
            let query = "SELECT count(*) FROM _vt.binlog WHERE position = ?1 AND term = ?2";
            db.query_row(query, params![signed(position), signed(term)], |row| {
                Ok(position == 0 || row.get::<_, i64>(0)? > 0)
            })
        })
        .await
    }

    /// The entries after a position, at most `max`.
    pub(super) async fn entries_after(&self, position: u64, max: u32) -> Result<Vec<BinlogEntry>, SqlError> {
        self.with(move |db| {
            let query =
                "SELECT position, term, statement FROM _vt.binlog WHERE position > ?1 ORDER BY position LIMIT ?2";
            let mut query = db.prepare(query)?;
            let entries = query.query_map(params![signed(position), max], |row| {
                Ok(BinlogEntry { position: number(row.get(0)?), term: number(row.get(1)?), statement: row.get(2)? })
            })?;
            entries.collect()
        })
        .await
    }

    /// Returns whether the grants of the database's own user exist.
    pub(super) async fn has_grants(&self) -> Result<bool, SqlError> {
        self.with(|db| {
            let query = "SELECT count(*) FROM main.sqlite_schema WHERE name = 'mysql_user'";
            db.query_row(query, (), |row| Ok(row.get::<_, i64>(0)? > 0))
        })
        .await
    }

    /// Subscribes to the position.
    pub(super) fn positions(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }

    /// The current position.
    pub(super) fn position(&self) -> u64 {
        *self.position.borrow()
    }

    /// Records that a replica has everything up to this position.
    pub(super) fn acknowledge(&self, position: u64) {
        self.acknowledged.send_modify(|known| *known = position.max(*known));
    }

    /// Becomes writable, in this term.
    pub(super) fn set_read_write(&self, term: u64) {
        self.term.store(term, Ordering::Release);
        self.read_only.store(false, Ordering::Release);
    }

    /// Becomes read-only.
    pub(super) fn set_read_only(&self) {
        self.read_only.store(true, Ordering::Release);
    }

    /// Ends the thread. A join of the returned handle waits for the current statement.
    pub(super) fn shut_down(&self) -> Option<thread::JoinHandle<()>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn open(directory: &Path) -> Result<(Connection, u64), SqlError> {
    let broken = |_| SqlError::Gone;
    std::fs::create_dir_all(directory).map_err(broken)?;
    let db = Connection::open(directory.join("tables.db"))?;
    // No other process has the database open. A lock could only be held by a dead one, so waiting for it is pointless.
    db.busy_timeout(std::time::Duration::ZERO)?;
    db.execute("ATTACH ?1 AS _vt", [directory.join("_vt.db").to_string_lossy()])?;
    for (name, value) in [("locking_mode", "EXCLUSIVE"), ("journal_mode", "WAL")] {
        db.pragma_update_and_check(None, name, value, |_| Ok(()))?;
    }
    for database in ["main", "_vt"] {
        db.pragma_update_and_check(Some(database), "journal_mode", "WAL", |_| Ok(()))?;
        db.pragma_update(Some(database), "synchronous", "FULL")?;
    }
    let known: i64 =
        db.query_row("SELECT count(*) FROM _vt.sqlite_schema WHERE name = 'binlog'", (), |row| row.get(0))?;
    if known == 0 {
        db.execute_batch(SIDECAR)?;
    }
    // SQLite leaves it to us to sync the directory's entry and those of its parents.
    for folder in directory.ancestors() {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(broken)?;
    }
    let position: i64 = db.query_row("SELECT coalesce(max(position), 0) FROM _vt.binlog", (), |row| row.get(0))?;
    Ok((db, number(position)))
}

fn initialise(db: &mut Connection, backup: &[String]) -> rusqlite::Result<()> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        afterlife_probe::phase("restoring");
        let transaction = db.transaction()?;
        for statement in backup {
            transaction.execute_batch(statement)?;
        }
        transaction.pragma_update(None, "user_version", 1)?;
        transaction.commit()?;
    }
    if version < 2 {
        db.execute_batch("BEGIN; CREATE TABLE mysql_user (user TEXT PRIMARY KEY); PRAGMA user_version = 2; COMMIT")?;
    }
    Ok(())
}

fn log(transaction: &Transaction<'_>, at: Option<u64>, term: u64, statement: &str) -> rusqlite::Result<u64> {
    let entry = params![at.map(signed), signed(term), statement];
    transaction.execute("INSERT INTO _vt.binlog (position, term, statement) VALUES (?1, ?2, ?3)", entry)?;
    Ok(number(transaction.last_insert_rowid()))
}

/// The row, or the default if there is none.
pub(super) fn or_default<T: Default>(row: rusqlite::Result<T>) -> rusqlite::Result<T> {
    match row {
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(T::default()),
        row => row,
    }
}

/// The text as an SQL literal.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
