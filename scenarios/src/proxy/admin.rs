//! Admin: the object behind `GloAdmin`, with its databases, its checksums and its HTTP server.
//! Its threads are elsewhere: `admin_thread.rs` accepts sessions and `admin_session.rs` serves them.

use super::build::Build;
use super::checksums::{Checksums, MODULES};
use super::config::ProxyConfig;
use super::hostgroups::HostgroupsManager;
use super::http_server::{HttpDaemon, HttpServer};
use super::pointer::{Global, Member};
use super::process::Process;
use super::sqlite::{Row, Sqlite3Db};
use super::threads;
use super::threads_handler::ThreadsHandler;
use std::fmt::Arguments;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The most admin sessions at a time in the sound build, so that a stop waits for a bounded number.
const SESSIONS_MAX: usize = 24;

/// The globals that Admin, its sessions and its HTTP daemon use.
#[derive(Clone)]
pub(super) struct AdminGlobals {
    pub(super) process: Arc<Process>,
    pub(super) admin: Global<Admin>,
    pub(super) mth: Global<ThreadsHandler>,
    pub(super) my_hgm: Global<HostgroupsManager>,
}

/// `ProxySQL_Admin`.
pub(super) struct Admin {
    admindb: Sqlite3Db,
    statsdb: Sqlite3Db,
    configdb: Sqlite3Db,
    monitordb: Sqlite3Db,
    statsdb_disk: Sqlite3Db,
    /// `AdminHTTPServer`. Since #4510 it is created at the end of phase 3, and the constructor does not mention it.
    http_server: Member<HttpServer>,
    /// `Admin_HTTP_Server`.
    http_daemon: Mutex<Option<HttpDaemon>>,
    web_enabled: AtomicBool,
    /// Set at the end of phase 3, and never reset.
    all_modules_started: AtomicBool,
    checksums: Checksums,
    /// `sql_query_global_mutex`.
    sql_query_global: Mutex<()>,
    /// `mysql_servers_wrlock`.
    mysql_servers: Mutex<()>,
    sessions: AtomicUsize,
    admin_thr: Mutex<Option<JoinHandle<()>>>,
}

impl Admin {
    /// The constructor, which only allocates memory.
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

    /// `init`: opens and loads the databases. `f962d131` adds that the pointer is nulled here.
    pub(super) fn init(&self, process: &Process) -> io::Result<()> {
        let config = process.config();
        if config.build != Build::Shipped {
            self.http_server.set_null();
        }
        std::fs::create_dir_all(&config.data_dir)?;
        for db in [&self.admindb, &self.statsdb, &self.configdb, &self.monitordb, &self.statsdb_disk] {
            db.open()?;
        }
        self.load_from_disk(process);
        Ok(())
    }

    fn load_from_disk(&self, process: &Process) {
        let by = format_args!("load from disk");
        for module in MODULES {
            let rows = self.configdb.select(by, module);
            if !rows.is_empty() {
                self.admindb.replace(by, module, rows.clone());
            }
            self.checksums.loaded(module, &rows, 0);
        }
        process.debug("admin", format_args!("loaded from disk"));
    }

    pub(super) fn admindb(&self) -> &Sqlite3Db {
        &self.admindb
    }

    pub(super) fn checksums(&self) -> &Checksums {
        &self.checksums
    }

    /// Locks `sql_query_global_mutex`: one command at a time.
    pub(super) fn lock_commands(&self) -> MutexGuard<'_, ()> {
        lock(&self.sql_query_global)
    }

    /// Locks `mysql_servers_wrlock`: held to change the servers, by an admin session, a peer's thread or the monitor.
    pub(super) fn lock_servers(&self) -> MutexGuard<'_, ()> {
        lock(&self.mysql_servers)
    }

    /// Creates the HTTP server at the end of phase 3, and from then on lets `load_http_server` start its daemon.
    #[track_caller]
    pub(super) fn modules_started(&self) {
        self.http_server.set(HttpServer::new());
        self.all_modules_started.store(true, Ordering::SeqCst);
    }

    /// `SET admin-web_enabled`, which takes effect with the next `load_http_server`.
    pub(super) fn enable_web(&self, enabled: bool) {
        self.web_enabled.store(enabled, Ordering::SeqCst);
    }

    /// `load_http_server`: starts or stops the daemon, as the variable says. It does not check that the server exists.
    pub(super) fn load_http_server(&self, globals: &AdminGlobals) {
        if !self.all_modules_started.load(Ordering::SeqCst) {
            return; // main is still before the end of phase 3
        }
        let mut daemon = lock(&self.http_daemon);
        let wanted = self.web_enabled.load(Ordering::SeqCst);
        match daemon.take() {
            Some(running) if !wanted => running.stop(),
            None if wanted => match start_daemon(globals) {
                Ok(started) => *daemon = Some(started),
                Err(error) => globals.process.info(format_args!("web server not started: {error}")),
            },
            same => *daemon = same,
        }
    }

    /// `LOAD … TO RUNTIME`, by a session or by a thread that has pulled these rows. MySQL's variables go to the worker threads'
    /// handler and servers to the hostgroups manager, without a check that either exists; admin's variables start or stop the
    /// HTTP daemon.
    pub(super) fn load_to_runtime(
        &self,
        globals: &AdminGlobals,
        module: &'static str,
        rows: &[Row],
        epoch_s: u64,
        by: Arguments<'_>,
    ) {
        self.checksums.loaded(module, rows, epoch_s);
        match module {
            "admin_variables" => self.load_http_server(globals),
            "mysql_variables" => globals.mth.get(by).commit(),
            "mysql_servers" => {
                let _servers = self.lock_servers();
                globals.my_hgm.get(by).commit();
            }
            _ => {}
        }
    }

    /// `flush_GENERIC__from_to`: saves a module's rows for the next start.
    #[track_caller]
    pub(super) fn save_to_disk(&self, by: Arguments<'_>, module: &'static str) -> io::Result<()> {
        self.configdb.replace(by, module, self.admindb.select(by, module));
        self.configdb.commit(by)
    }

    /// The collected statistics.
    pub(super) fn status(&self) -> Vec<(String, u64)> {
        let rows = self.statsdb.select(format_args!("stats"), "stats_mysql_global");
        let number = |row: Vec<String>| Some((row.first()?.clone(), row.get(1)?.parse().ok()?));
        rows.into_iter().filter_map(number).collect()
    }

    /// Counts a session of the sound build, which limits them.
    pub(super) fn session_begins(&self) {
        self.sessions.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn session_ends(&self) {
        self.sessions.fetch_sub(1, Ordering::SeqCst);
    }

    /// Returns `true` if the sound build admits no further session.
    pub(super) fn is_full(&self) -> bool {
        self.sessions.load(Ordering::SeqCst) >= SESSIONS_MAX
    }

    /// `admin_shutdown`, called by the destructor.
    pub(super) fn admin_shutdown(&self, process: &Process) {
        match process.config().build {
            Build::Shipped | Build::Patched => {
                if self.web_enabled.load(Ordering::SeqCst) {
                    self.stop_daemon();
                }
                self.http_server.delete();
                self.join_admin_thread();
            }
            Build::Sound => {
                // The threads that could start the daemon again have ended: see `shutdown.rs`.
                self.stop_daemon();
                self.http_server.delete();
            }
        }
        for db in [&self.admindb, &self.statsdb, &self.configdb, &self.monitordb, &self.statsdb_disk] {
            if let Err(error) = db.delete() {
                process.info(format_args!("a database was not written: {error}"));
            }
        }
    }

    fn stop_daemon(&self) {
        let daemon = lock(&self.http_daemon).take();
        if let Some(daemon) = daemon {
            daemon.stop();
        }
    }

    /// Keeps the admin thread, to be joined later.
    pub(super) fn keep_admin_thread(&self, thread: JoinHandle<()>) {
        *lock(&self.admin_thr) = Some(thread);
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

fn start_daemon(globals: &AdminGlobals) -> io::Result<HttpDaemon> {
    let handler = globals.clone();
    HttpDaemon::start(&globals.process.config().http_listen, Arc::new(move |path| page(&handler, path)))
}

/// `GloAdmin->AdminHTTPServer->handler(…)`, which queries the databases.
fn page(globals: &AdminGlobals, path: &str) -> Option<String> {
    globals.process.debug("web", format_args!("HTTP request"));
    let admin = globals.admin.get(format_args!("HTTP request"));
    admin.http_server.get(format_args!("HTTP request")).page(path, || admin.status())
}

/// `stats___mysql_global`: `if (GloMTH) { GloMTH->… }`. The admin thread calls it at the end of each round, and a session when
/// it is asked for the statistics.
pub(super) fn collect_statistics(globals: &AdminGlobals, by: Arguments<'_>) {
    if globals.mth.is_null() {
        return;
    }
    let status = globals.mth.get(by).global_status();
    let (online, servers) = globals.my_hgm.get(by).counts();
    let counts = [("Servers_online".to_owned(), online as u64), ("Servers".to_owned(), servers as u64)];
    let rows = status.into_iter().chain(counts).map(|(name, value)| vec![name, value.to_string()]).collect();
    globals.admin.get(by).statsdb.replace(by, "stats_mysql_global", rows);
}
