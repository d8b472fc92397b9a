//! Upstream's globals, `Glo…`, one set for each process: the proxies of a room share their process's statics.
//! It creates and deletes none of them: `main_loop.rs` and `shutdown.rs` do.

use super::admin::Admin;
use super::build::{Build, Flavour};
use super::cluster::Cluster;
use super::config::ProxyConfig;
use super::debug_filters::DebugFilters;
use super::extra_server::ExtraServer;
use super::hostgroups::HostgroupsManager;
use super::monitor::Monitor;
use super::pointer::Global;
use super::query_cache::QueryCache;
use super::threads::Owned;
use super::threads_handler::ThreadsHandler;
use std::fmt::Arguments;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::Sender;

/// Everything that is global.
pub(super) struct Glo {
    pub(super) config: ProxyConfig,
    pub(super) vars: GloVars,
    pub(super) admin: Global<Admin>,
    pub(super) cluster: Global<Cluster>,
    pub(super) my_hgm: Global<HostgroupsManager>,
    pub(super) mth: Global<ThreadsHandler>,
    pub(super) qc: Global<QueryCache>,
    pub(super) my_mon: Global<Monitor>,
    pub(super) sqlite3_server: Global<ExtraServer>,
    pub(super) clickhouse_server: Global<ExtraServer>,
    /// A static of C++, with a destructor.
    pub(super) debug_filters: DebugFilters,
    /// Threads that upstream detaches; only the sound build has an owner for them.
    pub(super) owned: Owned,
    /// Where the process's exit code goes: `exit` ends the process at once, whoever calls it.
    exit: Sender<i32>,
}

impl Glo {
    pub(super) fn new(config: ProxyConfig, exit: Sender<i32>) -> Self {
        Self {
            vars: GloVars { build: config.build, shutdown: AtomicU8::new(RUN), reload: AtomicBool::new(false) },
            admin: Global::null("GloAdmin"),
            cluster: Global::null("GloProxyCluster"),
            my_hgm: Global::null("MyHGM"),
            mth: Global::null("GloMTH"),
            qc: Global::null("GloQC"),
            my_mon: Global::null("GloMyMon"),
            sqlite3_server: Global::null("GloSQLite3Server"),
            clickhouse_server: Global::null("GloClickHouseServer"),
            debug_filters: DebugFilters::new(),
            owned: Owned::default(),
            exit,
            config,
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.config.build == Build::Sound
    }

    /// `proxy_debug`: in a debug build every line asks the filters whether it is wanted.
    #[track_caller]
    pub(super) fn debug(&self, module: &'static str, line: Arguments<'_>) {
        if self.config.flavour == Flavour::Debug && self.debug_filters.wants(module, line) {
            tracing::debug!("{module}: {line}");
        }
    }

    /// `proxy_info`.
    pub(super) fn info(&self, line: Arguments<'_>) {
        tracing::info!("{line}");
    }

    /// `exit`, or the return of `main`: the process ends, whatever its threads are at.
    pub(super) fn exit(&self, code: i32) {
        // Whoever waits for it has gone only if the process has ended.
        let _ = self.exit.send(code);
    }
}

/// Nobody asked for anything.
const RUN: u8 = 0;
/// A stop was asked for; in the sound build, one after which the process starts again.
const STOP: u8 = 1;
/// In the sound build: a stop that is final.
const STOP_FOR_GOOD: u8 = 2;

/// `glovars`: what was asked of the whole process.
pub(super) struct GloVars {
    build: Build,
    shutdown: AtomicU8,
    reload: AtomicBool,
}

impl GloVars {
    /// Whether a stop was asked for.
    pub(super) fn shutdown(&self) -> bool {
        self.shutdown.load(Ordering::SeqCst) != RUN
    }

    /// `PROXYSQL SHUTDOWN SLOW`, or TERM in a debug build: upstream swaps 0 for 1 and cares for nothing else.
    pub(super) fn stop(&self) {
        match self.build {
            Build::Shipped | Build::Patched => {
                let _ = self.shutdown.compare_exchange(RUN, STOP, Ordering::SeqCst, Ordering::SeqCst);
            }
            Build::Sound => drop(self.shutdown.fetch_max(STOP_FOR_GOOD, Ordering::SeqCst)),
        }
    }

    /// `PROXYSQL RESTART`: a stop, after which `main` starts again.
    pub(super) fn restart(&self) {
        match self.build {
            Build::Shipped | Build::Patched => {
                self.reload.store(true, Ordering::SeqCst);
                self.stop();
            }
            Build::Sound => drop(self.shutdown.fetch_max(STOP, Ordering::SeqCst)),
        }
    }

    /// After a stop: whether to start again. A stop that is asked for in between is lost on upstream, which reads one flag and
    /// resets the other; the sound build takes back a restart, and nothing else.
    pub(super) fn starts_again(&self) -> bool {
        match self.build {
            Build::Shipped | Build::Patched => {
                let again = self.reload.swap(false, Ordering::SeqCst);
                if again {
                    self.shutdown.store(RUN, Ordering::SeqCst);
                }
                again
            }
            Build::Sound => self.shutdown.compare_exchange(STOP, RUN, Ordering::SeqCst, Ordering::SeqCst).is_ok(),
        }
    }
}
