//! The process: `main` with its phases, its loop and its watchdog, and the TERM handler.
//! The order of the stop is in `shutdown.rs`.

use super::admin::Admin;
use super::admin_thread;
use super::build::Flavour;
use super::cluster::{self, Cluster};
use super::config::{HEARTBEAT_SLACK, MAIN_LOOP, MISSED_HEARTBEATS_MAX, POLL_TIMEOUT, ProxyConfig};
use super::extra_server::{ExtraServer, Which};
use super::glo::Glo;
use super::hostgroups::HostgroupsManager;
use super::monitor::Monitor;
use super::monitor_threads;
use super::query_cache::QueryCache;
use super::shutdown;
use super::threads;
use super::threads_handler::ThreadsHandler;
use afterlife_probe as probe;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

/// `EXIT_FAILURE`.
const EXIT_FAILURE: i32 = 1;

/// A proxy, ready to run.
pub struct Proxy {
    glo: Arc<Glo>,
    exited: Receiver<i32>,
}

/// The handler for a proxy's TERM signal.
#[derive(Clone)]
pub struct TermHandler(Arc<Glo>);

impl Proxy {
    /// Makes a proxy with this configuration, without starting it.
    pub fn new(config: ProxyConfig) -> Self {
        let (exit, exited) = mpsc::channel();
        Self { glo: Arc::new(Glo::new(config, exit)), exited }
    }

    /// Returns the handler to call at each TERM, from the first moment on.
    pub fn term_handler(&self) -> TermHandler {
        TermHandler(Arc::clone(&self.glo))
    }

    /// Runs until the process exits, and returns its exit code. Call it on the main thread and return the code from there: the
    /// remaining threads end with the process. A thread that panics aborts it.
    pub fn run(self) -> i32 {
        // Upstream's `main` runs on its own thread, so that this one can return wherever that one is.
        let glo = Arc::clone(&self.glo);
        let main = threads::create("main", move || {
            let code = upstream_main(&glo);
            glo.process.exit(code);
        });
        let code = self.exited.recv().unwrap_or(EXIT_FAILURE);
        drop(main);
        code
    }
}

impl TermHandler {
    /// `term_handler`: requests a slow shutdown in a debug build. In a release build, since #4355, the process exits at once.
    pub fn term(&self) {
        let process = &self.0.process;
        process.info(format_args!("Received TERM signal: shutdown in progress..."));
        match process.config().flavour {
            Flavour::Debug => process.vars().stop(),
            Flavour::Release => process.exit(0),
        }
    }
}

/// `main`: phases 2 and 3, the loop, phase 4; from the beginning again after `PROXYSQL RESTART`.
fn upstream_main(glo: &Glo) -> i32 {
    let process = &glo.process;
    loop {
        probe::phase("booting2");
        if let Err(error) = init_phase2_not_started(glo) {
            process.info(format_args!("phase 2: {error}"));
            return EXIT_FAILURE;
        }
        if !process.vars().shutdown() {
            probe::phase("booting3");
            if let Err(error) = init_phase3_start_all(glo) {
                process.info(format_args!("phase 3: {error}"));
                return EXIT_FAILURE;
            }
            probe::phase("running");
            main_loop(glo);
        }
        probe::phase("stopping");
        shutdown::join_all_threads(glo);
        probe::phase("freeing");
        shutdown::shutdown_all_modules(glo);
        if !process.vars().starts_again() {
            break;
        }
    }
    probe::phase("exit");
    // `main` returns: the destructors of statics run, then the code that the compiler adds. Upstream's CI, where #4542 was seen,
    // measures coverage and writes its counters here.
    process.debug_filters().static_destructor(process.config().build);
    if process.config().flavour == Flavour::Debug {
        // There is no one left to report an error to.
        let _ = write_counters(process.config());
    }
    0
}

/// The number of object files with counters. Each is read, merged and written; the sync stands for the time that takes.
const OBJECT_FILES: usize = 20;

fn write_counters(config: &ProxyConfig) -> io::Result<()> {
    for number in 0..OBJECT_FILES {
        let mut file = File::create(config.data_dir.join(format!("proxysql-{number}.gcda")))?;
        file.write_all(b"adcg")?;
        file.sync_all()?;
    }
    Ok(())
}

/// `ProxySQL_Main_init_phase2___not_started`: hostgroups manager, cluster, Admin with its thread.
fn init_phase2_not_started(glo: &Glo) -> io::Result<()> {
    let config = glo.process.config();
    glo.my_hgm.set(HostgroupsManager::new(&config.hostgroups, &config.rules));
    if glo.cluster.is_null() {
        glo.cluster.set(Cluster::default()); // never deleted
    }
    let admin = glo.admin.set(Admin::new(config));
    admin.init(&glo.process)?;
    if !glo.process.is_sound() {
        start_admin(glo, &admin)?;
    }
    Ok(())
}

/// `ProxySQL_Main_init_phase3___start_all`. The HTTP server's object comes last, since #4510 `e91bcd2c`. The sound build admits no
/// sessions before every module exists.
fn init_phase3_start_all(glo: &Glo) -> io::Result<()> {
    let config = glo.process.config();
    let monitor = glo.my_mon.set(Monitor::new(&config.hostgroups));
    let qc = glo.qc.set(QueryCache::default());
    let mth = glo.mth.set(ThreadsHandler::new(Arc::clone(&glo.process), glo.my_hgm.clone()));
    qc.start(&glo.qc);
    let listener = ThreadsHandler::listen(config)?;
    mth.start(&listener)?;
    drop(listener);
    glo.sqlite3_server.set(ExtraServer::start(&glo.process, Which::Sqlite3)?);
    glo.clickhouse_server.set(ExtraServer::start(&glo.process, Which::ClickHouse)?);
    monitor_threads::start(&glo.of_monitor(), &monitor);
    let admin = glo.admin.get(format_args!("main"));
    admin.modules_started();
    admin.load_http_server(&glo.of_admin());
    if glo.process.is_sound() {
        start_admin(glo, &admin)?;
    }
    Ok(())
}

/// Starts the admin thread and the cluster's threads.
fn start_admin(glo: &Glo, admin: &Admin) -> io::Result<()> {
    let globals = glo.of_admin();
    admin_thread::start(&globals, admin)?;
    cluster::start_peer_threads(&globals, &glo.cluster);
    Ok(())
}

/// The loop on the flag, with the watchdog in it.
///
/// # Panics
/// If threads have missed too many heartbeats: `assert(0)`.
fn main_loop(glo: &Glo) {
    let every = POLL_TIMEOUT + HEARTBEAT_SLACK;
    let (mut previous, mut missed) = (Instant::now(), 0);
    while !glo.process.vars().shutdown() {
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
