//! The tablet manager: what a tablet consists of, and how it starts.
//! What ends it, which is where the builds differ, is in `vttablet.rs`.

use super::build::Build;
use super::config::{DBA_GRANT_WAIT, TabletConfig};
use super::context::Context;
use super::engine::Engine;
use super::goroutine::{EndsTheProcess, go};
use super::mysql::{Mysql, SqlError};
use super::query_service::QueryService;
use super::replication;
use super::stats::Stats;
use super::tm_state::TmState;
use super::topo::{Shard, Tablet, TabletType, TopoError, TopoServer, shard_path, tablet_path};
use crate::rt::{sync::mpsc, task, time};
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long upstream tries to reach the topology in a start: `init_timeout`.
const INIT_TIMEOUT: Duration = Duration::from_secs(60);
/// What is waited between two such tries, and between two looks at the grants.
const INIT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Why a tablet ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TabletError {
    /// Its database did not start, or failed.
    #[error("the database: {0}")]
    Database(#[from] SqlError),
    /// The topology could not be reached in time.
    #[error("the topology: {0}")]
    Topology(#[from] TopoError),
    /// The grants of its own user did not come.
    #[error("timed out after {DBA_GRANT_WAIT:?} waiting for the dba user to have the required permissions")]
    Grants,
    /// An address could not be listened at.
    #[error("cannot listen at {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        #[source]
        error: io::Error,
    },
}

/// The tablet manager of one process, and what it manages.
pub(super) struct TabletManager {
    pub(super) config: Arc<TabletConfig>,
    pub(super) topo: Arc<TopoServer>,
    pub(super) mysql: Arc<Mysql>,
    pub(super) vdiff: Arc<Engine>,
    pub(super) query: Arc<QueryService>,
    pub(super) state: TmState,
    /// Above all that outlives a call: upstream's `BatchCtx`.
    pub(super) batch_ctx: Context,
    /// Upstream's `actionSema`: one change of what the tablet is at a time.
    pub(super) action: crate::rt::sync::Mutex<()>,
    shard_sync: Mutex<Option<ShardSync>>,
    following: Mutex<Option<(String, task::JoinHandle<()>)>>,
    tasks: Mutex<task::JoinSet<()>>,
}

struct ShardSync {
    notify: mpsc::Sender<()>,
    ctx: Context,
    done: task::JoinHandle<()>,
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

    /// Upstream's `Start`, as far as this story goes: the tablet's type, the shard sync loop, the grants, replication, and the
    /// state, which opens the VDiff engine.
    pub(super) async fn start(self: &Arc<Self>) -> Result<(), TabletError> {
        self.with_retry(async || self.check_primary_ship().await).await?;
        self.start_shard_sync();
        afterlife_probe::phase("shard sync");
        self.wait_for_dba_grants().await?;
        // The shard sync loop may have made it another meanwhile.
        if self.state.tablet().kind == TabletType::Replica {
            self.with_retry(async || self.initialize_replication().await).await?;
        }
        self.open_state().await;
        Ok(())
    }

    /// Asks the topology until it answers; upstream for a minute, the sound build for as long as it takes.
    async fn with_retry(&self, ask: impl AsyncFn() -> Result<(), TopoError>) -> Result<(), TopoError> {
        let begun = time::Instant::now();
        loop {
            match ask().await {
                Err(error) if self.config.build != Build::Sound && begun.elapsed() > INIT_TIMEOUT => return Err(error),
                Err(_) => time::sleep(INIT_RETRY_DELAY).await,
                Ok(()) => return Ok(()),
            }
        }
    }

    /// `createKeyspaceShard`, `checkPrimaryShip`, `initTablet`: whom the shard's record names is primary, unless its own record
    /// says that it was told to step down.
    async fn check_primary_ship(&self) -> Result<(), TopoError> {
        let (keyspace, shard) = (&self.config.keyspace, &self.config.shard);
        let record = match self.topo.get::<Shard>(&shard_path(keyspace, shard)).await {
            Err(TopoError::NoNode(_)) => {
                self.topo.set(&shard_path(keyspace, shard), &Shard::default(), 0).await?;
                Shard::default()
            }
            record => record?.0,
        };
        let path = tablet_path(&self.config.alias);
        let known = match self.topo.get::<Tablet>(&path).await {
            Err(TopoError::NoNode(_)) => None,
            known => Some(known?.0),
        };
        if record.primary == self.config.alias && known.is_none_or(|it| it.kind == TabletType::Primary) {
            self.update_tablet(|tablet| {
                tablet.kind = TabletType::Primary;
                tablet.primary_term_start = record.primary_term_start;
            })
            .await;
            self.mysql.set_read_write(record.primary_term_start);
        }
        let tablet = self.state.tablet();
        match self.topo.set(&path, &tablet, 0).await {
            Err(TopoError::Conflict) => self.topo.update(&path, |_: Tablet| Some(tablet.clone())).await,
            done => done,
        }
    }

    /// Upstream gives up after ten seconds, and its process ends.
    async fn wait_for_dba_grants(&self) -> Result<(), TabletError> {
        let granted = async {
            self.mysql.connect().await;
            while !self.mysql.has_grants().await? {
                time::sleep(INIT_RETRY_DELAY).await;
            }
            Ok(())
        };
        match self.config.build {
            Build::Shipped | Build::Patched => {
                time::timeout(DBA_GRANT_WAIT, granted).await.unwrap_or(Err(TabletError::Grants))
            }
            Build::Sound => granted.await,
        }
    }

    async fn initialize_replication(self: &Arc<Self>) -> Result<(), TopoError> {
        let path = shard_path(&self.config.keyspace, &self.config.shard);
        let (shard, _): (Shard, _) = self.topo.get(&path).await?;
        if shard.primary.is_empty() || shard.primary == self.config.alias {
            return Ok(());
        }
        self.set_replication_source(&shard.primary).await
    }

    /// Has the database follow this primary, and nobody else.
    pub(super) async fn set_replication_source(&self, primary: &str) -> Result<(), TopoError> {
        let (source, _): (Tablet, _) = self.topo.get(&tablet_path(primary)).await?;
        let following = go(replication::follow(Arc::clone(&self.mysql), source.address));
        self.replace_following(Some((primary.to_owned(), following))).await;
        Ok(())
    }

    /// Has the database follow nobody.
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

    /// Whom its database follows; empty if nobody.
    pub(super) fn following(&self) -> String {
        lock(&self.following).as_ref().map_or_else(String::new, |(primary, _)| primary.clone())
    }

    fn start_shard_sync(self: &Arc<Self>) {
        // Room for one: a second notification would say nothing new.
        let (notify, notified) = mpsc::channel(1);
        let ctx = Context::background();
        let done = go(Arc::clone(self).shard_sync_loop(ctx.clone(), notified));
        *lock(&self.shard_sync) = Some(ShardSync { notify, ctx, done });
        self.notify_shard_sync();
    }

    /// Says that the tablet may be another.
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

    /// Starts what outlives a call.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        lock(&self.tasks).spawn(async move {
            let _end = EndsTheProcess;
            work.await;
        });
    }

    /// Ends what outlived its call.
    pub(super) async fn end_tasks(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }

    /// A line of the log, with the time: klog reads the clock for each.
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
