//! The process: `main` with its phases, its loop and its watchdog, and what TERM does.
//! The order of the stop is in `shutdown.rs`.

use super::admin::Admin;
use super::build::Flavour;
use super::cluster::{self, Cluster};
use super::config::{HEARTBEAT_SLACK, MAIN_LOOP, MISSED_HEARTBEATS_MAX, POLL_TIMEOUT, ProxyConfig};
use super::extra_server::{ExtraServer, Which};
use super::glo::Glo;
use super::hostgroups::HostgroupsManager;
use super::http_server::HttpServer;
use super::monitor::Monitor;
use super::query_cache::QueryCache;
use super::shutdown;
use super::threads;
use super::threads_handler::ThreadsHandler;
use afterlife_probe as probe;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

/// `EXIT_FAILURE`.
const EXIT_FAILURE: i32 = 1;

/// A proxy that is to run.
pub struct Proxy {
    glo: Arc<Glo>,
    exited: Receiver<i32>,
}

/// What a signal handler calls.
#[derive(Clone)]
pub struct TermHandler(Arc<Glo>);

impl Proxy {
    /// A proxy with this configuration; nothing has begun yet.
    pub fn new(config: ProxyConfig) -> Self {
        let (exit, exited) = mpsc::channel();
        Self { glo: Arc::new(Glo::new(config, exit)), exited }
    }

    /// What is to be called at each TERM, from its beginning on.
    pub fn term_handler(&self) -> TermHandler {
        TermHandler(Arc::clone(&self.glo))
    }

    /// Runs until the process exits, and returns its exit code. Call it on the main thread and return the code from there: what
    /// threads are left end with the process. A thread that panics aborts it.
    pub fn run(self) -> i32 {
        // Upstream's `main` gets a thread of its own, so that this one can return while that one is anywhere.
        let main = threads::create(&self.glo, "main", |glo| {
            let code = upstream_main(glo);
            glo.exit(code);
        });
        let code = self.exited.recv().unwrap_or(EXIT_FAILURE);
        drop(main);
        code
    }
}

impl TermHandler {
    /// `term_handler`: a slow shutdown in a debug build. In a release build, since #4355, the process exits at once.
    pub fn term(&self) {
        self.0.info(format_args!("Received TERM signal: shutdown in progress..."));
        match self.0.config.flavour {
            Flavour::Debug => self.0.vars.stop(),
            Flavour::Release => self.0.exit(0),
        }
    }
}

/// `main`: phases 2 and 3, the loop, phase 4; from the beginning again after `PROXYSQL RESTART`.
fn upstream_main(glo: &Arc<Glo>) -> i32 {
    loop {
        probe::phase("booting2");
        if let Err(error) = init_phase2_not_started(glo) {
            glo.info(format_args!("phase 2: {error}"));
            return EXIT_FAILURE;
        }
        if !glo.vars.shutdown() {
            probe::phase("booting3");
            if let Err(error) = init_phase3_start_all(glo) {
                glo.info(format_args!("phase 3: {error}"));
                return EXIT_FAILURE;
            }
            probe::phase("running");
            main_loop(glo);
        }
        probe::phase("stopping");
        shutdown::join_all_threads(glo);
        probe::phase("freeing");
        shutdown::shutdown_all_modules(glo);
        if !glo.vars.starts_again() {
            break;
        }
    }
    probe::phase("exit");
    // `main` returns: destructors of statics run, and behind them what the compiler adds. Upstream's CI, where #4542 was seen,
    // counts coverage, and writes the counters here.
    glo.debug_filters.static_destructor(glo.config.build);
    if glo.config.flavour == Flavour::Debug {
        // Nobody is left to tell.
        let _ = write_counters(glo);
    }
    0
}

/// How many object files have counters. Each is read, merged and written; that it is synced stands for the time that takes.
const OBJECT_FILES: usize = 20;

fn write_counters(glo: &Glo) -> io::Result<()> {
    for number in 0..OBJECT_FILES {
        let mut file = File::create(glo.config.data_dir.join(format!("proxysql-{number}.gcda")))?;
        file.write_all(b"adcg")?;
        file.sync_all()?;
    }
    Ok(())
}

/// `ProxySQL_Main_init_phase2___not_started`: hostgroups manager, cluster, Admin with its thread.
fn init_phase2_not_started(glo: &Arc<Glo>) -> io::Result<()> {
    glo.my_hgm.set(HostgroupsManager::new(&glo.config.hostgroups, &glo.config.rules));
    if glo.cluster.is_null() {
        glo.cluster.set(Cluster::default()); // never deleted
    }
    let admin = glo.admin.set(Admin::new(&glo.config));
    admin.init(glo)?;
    if !glo.is_sound() {
        admin.start_admin_thread(glo)?;
        cluster::start_peer_threads(glo);
    }
    Ok(())
}

/// `ProxySQL_Main_init_phase3___start_all`. The HTTP server's object comes last, since #4510 `e91bcd2c`. The sound build lets
/// nobody in before everything is there.
fn init_phase3_start_all(glo: &Arc<Glo>) -> io::Result<()> {
    let monitor = glo.my_mon.set(Monitor::new(&glo.config.hostgroups));
    let qc = glo.qc.set(QueryCache::default());
    let mth = glo.mth.set(ThreadsHandler::new());
    qc.start(glo);
    let listener = ThreadsHandler::listen(&glo.config)?;
    mth.start(glo, &listener)?;
    drop(listener);
    glo.sqlite3_server.set(ExtraServer::start(glo, Which::Sqlite3)?);
    glo.clickhouse_server.set(ExtraServer::start(glo, Which::ClickHouse)?);
    monitor.start(glo);
    let admin = glo.admin.get(format_args!("main"));
    admin.http_server.set(HttpServer::new());
    admin.all_modules_started.store(true, Ordering::SeqCst);
    admin.load_http_server(glo);
    if glo.is_sound() {
        admin.start_admin_thread(glo)?;
        cluster::start_peer_threads(glo);
    }
    Ok(())
}

/// The loop on the flag, with the watchdog in it.
///
/// # Panics
/// If threads have missed too many heartbeats: `assert(0)`.
fn main_loop(glo: &Arc<Glo>) {
    let every = POLL_TIMEOUT + HEARTBEAT_SLACK;
    let (mut previous, mut missed) = (Instant::now(), 0);
    while !glo.vars.shutdown() {
        thread::sleep(MAIN_LOOP);
        if previous.elapsed() < every {
            continue;
        }
        previous = Instant::now();
        let late = glo.mth.get(format_args!("watchdog")).missing_heartbeat(every);
        missed = if late > 0 { missed + 1 } else { 0 };
        assert!(missed < MISSED_HEARTBEATS_MAX, "Watchdog: reached {missed} missed heartbeats. Aborting!");
    }
}
