//! Upstream's globals, `Glo…`: a pointer to each module of one process.
//! It creates and deletes none of the modules; `main_loop.rs` and `shutdown.rs` do. Each module receives the pointers that it uses.

use super::admin::{Admin, AdminGlobals};
use super::cluster::Cluster;
use super::config::ProxyConfig;
use super::extra_server::ExtraServer;
use super::hostgroups::HostgroupsManager;
use super::monitor::{Monitor, MonitorGlobals};
use super::pointer::Global;
use super::process::Process;
use super::query_cache::QueryCache;
use super::threads_handler::ThreadsHandler;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// The globals of one proxy process.
pub(super) struct Glo {
    pub(super) process: Arc<Process>,
    pub(super) admin: Global<Admin>,
    pub(super) cluster: Global<Cluster>,
    pub(super) my_hgm: Global<HostgroupsManager>,
    pub(super) mth: Global<ThreadsHandler>,
    pub(super) qc: Global<QueryCache>,
    pub(super) my_mon: Global<Monitor>,
    pub(super) sqlite3_server: Global<ExtraServer>,
    pub(super) clickhouse_server: Global<ExtraServer>,
}

impl Glo {
    pub(super) fn new(config: ProxyConfig, exit: Sender<i32>) -> Self {
        Self {
            process: Arc::new(Process::new(config, exit)),
            admin: Global::null("GloAdmin"),
            cluster: Global::null("GloProxyCluster"),
            my_hgm: Global::null("MyHGM"),
            mth: Global::null("GloMTH"),
            qc: Global::null("GloQC"),
            my_mon: Global::null("GloMyMon"),
            sqlite3_server: Global::null("GloSQLite3Server"),
            clickhouse_server: Global::null("GloClickHouseServer"),
        }
    }

    /// The pointers that Admin, its sessions and the cluster's threads use.
    pub(super) fn of_admin(&self) -> AdminGlobals {
        AdminGlobals {
            process: Arc::clone(&self.process),
            admin: self.admin.clone(),
            mth: self.mth.clone(),
            my_hgm: self.my_hgm.clone(),
        }
    }

    /// The pointers that the monitor's threads use.
    pub(super) fn of_monitor(&self) -> MonitorGlobals {
        MonitorGlobals {
            process: Arc::clone(&self.process),
            my_mon: self.my_mon.clone(),
            mth: self.mth.clone(),
            my_hgm: self.my_hgm.clone(),
            admin: self.admin.clone(),
        }
    }
}
