//! Admin: the object behind `GloAdmin`, with its databases, its HTTP server and the thread that accepts admin sessions.
//! What a session may ask is in `admin_session.rs`.

use super::accept_loop::AcceptLoop;
use super::admin_session;
use super::build::Build;
use super::checksums::Checksums;
use super::config::{ADMIN_POLL, ProxyConfig};
use super::glo::Glo;
use super::http_server::{HttpDaemon, HttpServer};
use super::pointer::Member;
use super::session::is_checked;
use super::sqlite::Sqlite3Db;
use super::threads;
use std::fmt::Arguments;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How many admin sessions the sound build has at a time, so that there is a bound on what a stop waits for.
const SESSIONS_MAX: usize = 24;
/// What main polls with until the admin thread has begun: upstream's `usleep(50)`.
const UNTIL_LOADED: Duration = Duration::from_micros(50);

/// `ProxySQL_Admin`.
pub(super) struct Admin {
    pub(super) admindb: Sqlite3Db,
    pub(super) statsdb: Sqlite3Db,
    pub(super) configdb: Sqlite3Db,
    pub(super) monitordb: Sqlite3Db,
    pub(super) statsdb_disk: Sqlite3Db,
    /// `AdminHTTPServer`. Since #4510 it is created at the end of phase 3, and the constructor does not mention it.
    pub(super) http_server: Member<HttpServer>,
    /// `Admin_HTTP_Server`.
    http_daemon: Mutex<Option<HttpDaemon>>,
    pub(super) web_enabled: AtomicBool,
    /// Set at the end of phase 3, and never taken back.
    pub(super) all_modules_started: AtomicBool,
    pub(super) checksums: Checksums,
    /// `sql_query_global_mutex`: one command at a time.
    pub(super) sql_query_global: Mutex<()>,
    /// `mysql_servers_wrlock`: who changes which servers there are, an admin session, a peer's thread or the monitor.
    pub(super) mysql_servers: Mutex<()>,
    pub(super) sessions: AtomicUsize,
    admin_thr: Mutex<Option<JoinHandle<()>>>,
}

impl Admin {
    /// The constructor: memory, and no more.
    pub(super) fn new(config: &ProxyConfig) -> Self {
        Self {
            admindb: Sqlite3Db::new("admindb", None),
            statsdb: Sqlite3Db::new("statsdb", None),
            configdb: Sqlite3Db::new("configdb", Some(config.data_dir.join("proxysql.db"))),
            monitordb: Sqlite3Db::new("monitordb", None),
            statsdb_disk: Sqlite3Db::new("statsdb_disk", Some(config.data_dir.join("proxysql_stats.db"))),
            http_server: Member::allocated("AdminHTTPServer"),
            http_daemon: Mutex::new(None),
            web_enabled: AtomicBool::new(config.web_enabled),
            all_modules_started: AtomicBool::new(false),
            checksums: Checksums::default(),
            sql_query_global: Mutex::new(()),
            mysql_servers: Mutex::new(()),
            sessions: AtomicUsize::new(0),
            admin_thr: Mutex::new(None),
        }
    }

    /// `init`: the databases are opened and loaded. `f962d131` adds that the pointer is nulled here.
    pub(super) fn init(&self, glo: &Arc<Glo>) -> io::Result<()> {
        if glo.config.build != Build::Shipped {
            self.http_server.set_null();
        }
        std::fs::create_dir_all(&glo.config.data_dir)?;
        for db in [&self.admindb, &self.statsdb, &self.configdb, &self.monitordb, &self.statsdb_disk] {
            db.open()?;
        }
        self.load_from_disk(glo);
        Ok(())
    }

    fn load_from_disk(&self, glo: &Glo) {
        let by = format_args!("load from disk");
        for module in super::checksums::MODULES {
            let rows = self.configdb.select(by, module);
            if !rows.is_empty() {
                self.admindb.replace(by, module, rows.clone());
            }
            self.checksums.loaded(module, &rows, 0);
        }
        glo.debug("admin", format_args!("loaded from disk"));
    }

    /// Starts the admin thread and waits until it runs.
    pub(super) fn start_admin_thread(&self, glo: &Arc<Glo>) -> io::Result<()> {
        let listener = AcceptLoop::bind(&glo.config.admin_listen)?;
        let load_main = Arc::new(AtomicBool::new(false));
        let loaded = Arc::clone(&load_main);
        let thread = threads::create(glo, "admin", move |glo| admin_main_loop(glo, listener, &loaded));
        *lock(&self.admin_thr) = Some(thread);
        while !load_main.load(Ordering::SeqCst) {
            thread::sleep(UNTIL_LOADED);
        }
        Ok(())
    }

    /// `load_http_server`: the daemon is made to run or not, as the variable says. Whether there is a server for it to show,
    /// nobody asks.
    pub(super) fn load_http_server(&self, glo: &Arc<Glo>) {
        if !self.all_modules_started.load(Ordering::SeqCst) {
            return; // main has not come to the end of phase 3
        }
        let mut daemon = lock(&self.http_daemon);
        let wanted = self.web_enabled.load(Ordering::SeqCst);
        match daemon.take() {
            Some(running) if !wanted => running.stop(),
            None if wanted => match HttpDaemon::start(glo) {
                Ok(started) => *daemon = Some(started),
                Err(error) => glo.info(format_args!("web server not started: {error}")),
            },
            same => *daemon = same,
        }
    }

    /// `flush_GENERIC__from_to`: a module's rows are kept for the next start.
    #[track_caller]
    pub(super) fn save_to_disk(&self, by: Arguments<'_>, module: &'static str) -> io::Result<()> {
        self.configdb.replace(by, module, self.admindb.select(by, module));
        self.configdb.commit(by)
    }

    /// What the statistics say.
    pub(super) fn status(&self) -> Vec<(String, u64)> {
        let rows = self.statsdb.select(format_args!("stats"), "stats_mysql_global");
        let number = |row: Vec<String>| Some((row.first()?.clone(), row.get(1)?.parse().ok()?));
        rows.into_iter().filter_map(number).collect()
    }

    /// `admin_shutdown`, which the destructor calls.
    pub(super) fn admin_shutdown(&self, glo: &Arc<Glo>) {
        match glo.config.build {
            Build::Shipped | Build::Patched => {
                if self.web_enabled.load(Ordering::SeqCst) {
                    self.stop_daemon();
                }
                self.http_server.delete();
                self.join_admin_thread();
            }
            Build::Sound => {
                // Who may start the daemon has ended before it is stopped: see `shutdown.rs`.
                self.stop_daemon();
                self.http_server.delete();
            }
        }
        for db in [&self.admindb, &self.statsdb, &self.configdb, &self.monitordb, &self.statsdb_disk] {
            if let Err(error) = db.delete() {
                glo.info(format_args!("a database was not written: {error}"));
            }
        }
    }

    fn stop_daemon(&self) {
        let daemon = lock(&self.http_daemon).take();
        if let Some(daemon) = daemon {
            daemon.stop();
        }
    }

    pub(super) fn join_admin_thread(&self) {
        let thread = lock(&self.admin_thr).take();
        if let Some(thread) = thread {
            threads::join(thread);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `admin_main_loop`: polls its listener, makes a detached child of what `accept` returned, and collects statistics.
fn admin_main_loop(glo: &Arc<Glo>, mut listener: AcceptLoop, load_main: &AtomicBool) {
    let checks = is_checked(glo.config.build, false);
    load_main.store(true, Ordering::SeqCst);
    while !glo.vars.shutdown() {
        if listener.poll(ADMIN_POLL) {
            let client = listener.accept();
            if checks && client.is_err() {
                // Whoever waits is told of again at once: without a pause this goes round until a descriptor is free.
                thread::sleep(ADMIN_POLL);
            } else if !(glo.is_sound() && is_full(glo)) {
                let stream = client.as_ref().ok().filter(|_| glo.is_sound()).and_then(|stream| stream.try_clone().ok());
                threads::create_detached(glo, "admin-child", stream, move |glo| {
                    admin_session::child_mysql(glo, client)
                });
            }
        }
        collect_statistics(glo, format_args!("admin thread"));
    }
}

fn is_full(glo: &Arc<Glo>) -> bool {
    glo.admin.get(format_args!("admin thread")).sessions.load(Ordering::SeqCst) >= SESSIONS_MAX
}

/// What the admin thread does at the end of each round, and a session that is asked for it, `stats___mysql_global`:
/// `if (GloMTH) { GloMTH->… }`.
pub(super) fn collect_statistics(glo: &Glo, by: Arguments<'_>) {
    if glo.mth.is_null() {
        return;
    }
    let status = glo.mth.get(by).global_status();
    let (online, servers) = glo.my_hgm.get(by).counts();
    let counts = [("Servers_online".to_owned(), online as u64), ("Servers".to_owned(), servers as u64)];
    let rows = status.into_iter().chain(counts).map(|(name, value)| vec![name, value.to_string()]).collect();
    glo.admin.get(by).statsdb.replace(by, "stats_mysql_global", rows);
}
