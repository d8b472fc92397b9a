//! The tablet manager: the parts of a tablet, its replication source, and the tasks that outlive a call. `tm_init.rs`
//! starts it; `vttablet.rs` ends it, which is where the builds differ.

use super::config::{DBA_GRANT_WAIT, TabletConfig};
use super::context::Context;
use super::engine::Engine;
use super::goroutine::{AbortOnPanic, go};
use super::mysql::{Mysql, SqlError};
use super::query_service::QueryService;
use super::replication;
use super::stats::Stats;
use super::topo::TopoServer;
use super::topo_records::{Tablet, TabletType, tablet_path};
use super::topo_rpc::TopoError;
use crate::rt::sync::{self, mpsc};
use crate::rt::task;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The reason why a tablet ended without being asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TabletError {
    /// The database did not start, or failed.
    #[error("the database: {0}")]
    Database(#[from] SqlError),
    /// The topology could not be reached in time.
    #[error("the topology: {0}")]
    Topology(#[from] TopoError),
    /// The grants of the database's own user were not created in time.
    #[error("timed out after {DBA_GRANT_WAIT:?} waiting for the dba user to have the required permissions")]
    Grants,
    /// An address could not be bound.
    #[error("cannot listen at {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// The reason.
        #[source]
        error: io::Error,
    },
}

/// The state of a tablet manager.
#[derive(Debug)]
pub(super) struct TmState {
    pub(super) mu: sync::Mutex<State>,
    /// A copy that others may read while `mu` is held, which may take many seconds.
    display: Mutex<Tablet>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) is_open: bool,
    pub(super) is_publishing: bool,
    pub(super) tablet: Tablet,
}

impl TmState {
    pub(super) fn new(tablet: Tablet) -> Self {
        let display = Mutex::new(tablet.clone());
        Self { mu: sync::Mutex::new(State { is_open: false, is_publishing: false, tablet }), display }
    }

    /// The tablet's current record.
    pub(super) fn tablet(&self) -> Tablet {
        lock(&self.display).clone()
    }

    pub(super) fn publish_for_display(&self, tablet: &Tablet) {
        *lock(&self.display) = tablet.clone();
    }
}

/// The tablet manager of one process.
pub(super) struct TabletManager {
    pub(super) config: Arc<TabletConfig>,
    pub(super) topo: Arc<TopoServer>,
    pub(super) mysql: Arc<Mysql>,
    pub(super) vdiff: Arc<Engine>,
    pub(super) query: Arc<QueryService>,
    pub(super) state: TmState,
    /// The parent context of everything that outlives a call: upstream's `BatchCtx`.
    pub(super) batch_ctx: Context,
    /// Upstream's `actionSema`: one change of the tablet's type at a time.
    pub(super) action: sync::Mutex<()>,
    shard_sync: Mutex<Option<ShardSync>>,
    following: Mutex<Option<(String, task::JoinHandle<()>)>>,
    tasks: Mutex<task::JoinSet<()>>,
}

/// The running shard sync loop.
pub(super) struct ShardSync {
    pub(super) notify: mpsc::Sender<()>,
    pub(super) ctx: Context,
    pub(super) done: task::JoinHandle<()>,
}

impl TabletManager {
    pub(super) async fn new(
        config: TabletConfig,
        topo: Arc<TopoServer>,
        batch_ctx: Context,
    ) -> Result<Arc<Self>, TabletError> {
        let config = Arc::new(config);
        let mysql = Arc::new(Mysql::start(&config.data_dir, config.backup.clone(), config.semi_sync).await?);
        let stats = Arc::new(Stats::new(config.build));
        let tablet = Tablet {
            alias: config.alias.clone(),
            keyspace: config.keyspace.clone(),
            shard: config.shard.clone(),
            address: config.rpc_address.clone(),
            kind: TabletType::Replica,
            primary_term_start: 0,
        };
        Ok(Arc::new(Self {
            vdiff: Engine::new(Arc::clone(&config), Arc::clone(&topo), Arc::clone(&mysql), stats),
            query: Arc::new(QueryService::new(Arc::clone(&mysql))),
            state: TmState::new(tablet),
            config,
            topo,
            mysql,
            batch_ctx,
            action: Default::default(),
            shard_sync: Mutex::default(),
            following: Mutex::default(),
            tasks: Mutex::default(),
        }))
    }

    /// Makes the database follow this primary only.
    pub(super) async fn set_replication_source(&self, primary: &str) -> Result<(), TopoError> {
        let (source, _): (Tablet, _) = self.topo.get(&tablet_path(primary)).await?;
        let following = go(replication::follow(Arc::clone(&self.mysql), source.address));
        self.replace_following(Some((primary.to_owned(), following))).await;
        Ok(())
    }

    /// Makes the database follow no primary.
    pub(super) async fn stop_replication(&self) {
        self.replace_following(None).await;
    }

    async fn replace_following(&self, by: Option<(String, task::JoinHandle<()>)>) {
        let before = std::mem::replace(&mut *lock(&self.following), by);
        if let Some((_, before)) = before {
            before.abort();
            let _ = before.await;
        }
    }

    /// The primary that the database follows; empty if none.
    pub(super) fn following(&self) -> String {
        lock(&self.following).as_ref().map_or_else(String::new, |(primary, _)| primary.clone())
    }

    /// Keeps the shard sync loop, for its notifications and its stop.
    pub(super) fn own_shard_sync(&self, shard_sync: ShardSync) {
        *lock(&self.shard_sync) = Some(shard_sync);
    }

    /// Notifies the shard sync loop that the tablet may have changed.
    pub(super) fn notify_shard_sync(&self) {
        if let Some(shard_sync) = &*lock(&self.shard_sync) {
            let _ = shard_sync.notify.try_send(());
        }
    }

    /// Cancels the shard sync loop and waits until it has ended.
    pub(super) async fn stop_shard_sync(&self) {
        let shard_sync = lock(&self.shard_sync).take();
        if let Some(shard_sync) = shard_sync {
            shard_sync.ctx.cancel();
            let _ = shard_sync.done.await;
        }
    }

    /// Starts work that outlives a call.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        lock(&self.tasks).spawn(async move {
            let _end = AbortOnPanic;
            work.await;
        });
    }

    /// Ends the work that outlived its call.
    pub(super) async fn end_tasks(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }

    /// Writes a log line with the time. klog reads the clock for each line.
    pub(super) fn log(&self, line: &str) {
        let at = now_ns();
        tracing::info!(at, alias = %self.config.alias, "{line}");
    }
}

/// Nanoseconds since the epoch.
pub(super) fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
