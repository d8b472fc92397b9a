//! The server: what it consists of, and where it listens.
//! It is never stopped in order: neither is upstream's in this story.

use super::config::ServerConfig;
use super::connection::{self, Interface};
use super::process_list::ProcessList;
use super::query_manager::MppQueryManager;
use super::rpc::{self, QueryKey};
use super::rpc_service;
use super::runtime_filter_manager::RuntimeFilterManager;
use super::segment_scheduler::SegmentScheduler;
use crate::rt::net::TcpListener;
use crate::rt::{select, task};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// One server, with upstream's process-wide registries.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) config: ServerConfig,
    pub(super) process_list: Arc<ProcessList>,
    pub(super) manager: MppQueryManager,
    pub(super) scheduler: Arc<SegmentScheduler>,
    pub(super) runtime_filters: RuntimeFilterManager,
    last_start_time: AtomicU64,
}

impl Server {
    fn new(config: ServerConfig) -> Self {
        let build = config.build;
        Self {
            process_list: Arc::new(ProcessList::new(config.priority_wait)),
            manager: MppQueryManager::new(build),
            scheduler: Arc::new(SegmentScheduler::new(build, config.workers.clone())),
            runtime_filters: RuntimeFilterManager::new(build),
            last_start_time: AtomicU64::new(0),
            config,
        }
    }

    /// The key of a query that begins now: its id, or one of the server's, and a start time that no other query has.
    pub(super) fn key(&self, id: Option<String>) -> QueryKey {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX - 1);
        let after = |last: u64| now.max(last + 1);
        let last = self.last_start_time.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        let start_time = after(last.unwrap_or_else(|last| last));
        QueryKey { query_id: id.unwrap_or_else(|| format!("query-{start_time}")), start_time }
    }
}

/// Runs a server until its future is dropped.
///
/// # Errors
///
/// An address cannot be listened at.
pub async fn run_server(config: ServerConfig) -> io::Result<()> {
    let server = Arc::new(Server::new(config));
    let config = &server.config;
    let rpc = TcpListener::bind(&config.rpc_listen).await?;
    let tcp = TcpListener::bind(&config.tcp_listen).await?;
    let http = TcpListener::bind(&config.http_listen).await?;
    let mysql = TcpListener::bind(&config.mysql_listen).await?;
    afterlife_probe::phase("ready");
    let front_end = |listener, interface| {
        let server = Arc::clone(&server);
        rpc::accept(listener, move |stream| {
            drop(task::spawn(connection::serve(Arc::clone(&server), stream, interface)));
        })
    };
    let handlers = Arc::clone(&server);
    select! {
        () = rpc::accept(rpc, move |stream| rpc_service::serve(&handlers, stream)) => {}
        () = front_end(tcp, Interface::Tcp) => {}
        () = front_end(http, Interface::Http) => {}
        () = front_end(mysql, Interface::MySql) => {}
    }
    Ok(())
}
