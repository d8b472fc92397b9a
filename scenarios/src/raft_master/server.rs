//! The master server: what it consists of, the order in which it starts, and what ends it.
//! The order in which it stops, which is where the builds differ, is in `shutdown.rs`.

use super::api::{self, Api};
use super::build::Build;
use super::cluster::Cluster;
use super::cluster_task;
use super::config::MasterConfig;
use super::http_server::HttpServer;
use super::lease::RequestGate;
use super::raft_instance::{RaftHandle, RaftInstance};
use super::store::{Store, StoreError};
use super::wait_group::WaitGroup;
use crate::rt::{select, sync::mpsc, task};
use afterlife_probe::Resource;
use std::future::{Future, pending};
use std::io;
use std::panic;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Why a master ended without being asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterError {
    /// The data directory could not be made.
    #[error("the data directory: {0}")]
    DataDir(#[source] io::Error),
    /// The metadata store could not be opened or read.
    #[error("the metadata store: {0}")]
    Store(String),
    /// The raft log could not be opened or read.
    #[error("the raft log: {0}")]
    Log(#[from] redb::Error),
    /// Raft could not recover.
    #[error("raft: {0}")]
    Raft(String),
    /// An address could not be listened at.
    #[error("cannot listen at {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// Raft or the state machine ended by itself, because its disk failed. The master is of no use without it.
    #[error("raft ended by itself")]
    RaftEnded,
}

impl From<StoreError> for MasterError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<openraft::error::Fatal<u64>> for MasterError {
    fn from(fatal: openraft::error::Fatal<u64>) -> Self {
        Self::Raft(fatal.to_string())
    }
}

/// Runs one master until `stop` is ready and the master has stopped and closed, each as its build does it.
///
/// # Errors
///
/// If the master cannot start, or ends without being asked to.
pub async fn run_master(
    config: MasterConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), MasterError> {
    run(config, Signals::Once(Box::pin(stop))).await
}

/// Runs one master as [`run_master`] does, with a stop asked for by each message: a second SIGTERM is a second message.
///
/// # Errors
///
/// If the master cannot start, or ends without being asked to.
pub async fn run_master_on_signals(
    config: MasterConfig,
    signals: mpsc::UnboundedReceiver<()>,
) -> Result<(), MasterError> {
    run(config, Signals::Each(signals)).await
}

async fn run(config: MasterConfig, signals: Signals) -> Result<(), MasterError> {
    let server = Arc::new(Server::new(config));
    match server.config.build {
        Build::Shipped | Build::Patched => run_as_upstream(&server, signals).await,
        Build::Sound => run_owned(&server, signals).await,
    }
}

/// Upstream's `main`: the signal handler runs before `Start`, and calls `Shutdown` for each signal; after `Start`, `Sync`
/// waits for the wait group.
async fn run_as_upstream(server: &Arc<Server>, mut signals: Signals) -> Result<(), MasterError> {
    let signalled = Arc::clone(server);
    let mut handler = task::spawn(async move {
        loop {
            signals.next().await;
            signalled.shutdown().await;
        }
    });
    let started = async {
        server.start().await?;
        server.wg.add(1);
        select! {
            () = server.wg.wait() => Ok(()),
            () = server.raft_ended() => Err(MasterError::RaftEnded),
        }
    };
    select! {
        ended = started => {
            handler.abort();
            ended
        }
        // A goroutine that panics ends the process.
        Err(died) = &mut handler => match died.try_into_panic() {
            Ok(cause) => panic::resume_unwind(cause),
            Err(_) => pending().await,
        },
    }
}

/// The sound build: whoever starts also stops, one after the other. A stop that is asked for during the start is there
/// when the start is done, and a second one finds nobody who waits for it.
async fn run_owned(server: &Arc<Server>, mut signals: Signals) -> Result<(), MasterError> {
    server.start().await?;
    select! {
        () = signals.next() => {}
        () = server.raft_ended() => return Err(MasterError::RaftEnded),
    }
    server.shutdown().await;
    Ok(())
}

/// What asks for a stop.
enum Signals {
    Once(Pin<Box<dyn Future<Output = ()> + Send>>),
    Each(mpsc::UnboundedReceiver<()>),
    NoMore,
}

impl Signals {
    /// Waits for the next request to stop; for ever, if there will be none.
    async fn next(&mut self) {
        match self {
            Self::Once(stop) => {
                stop.await;
                *self = Self::NoMore;
            }
            Self::Each(signals) => {
                if signals.recv().await.is_none() {
                    *self = Self::NoMore;
                    pending().await
                }
            }
            Self::NoMore => pending().await,
        }
    }
}

/// One master. What is not there yet is empty: upstream's fields are nil until `Start` has come to them.
pub(super) struct Server {
    pub(super) config: Arc<MasterConfig>,
    pub(super) wg: WaitGroup,
    /// Whether a stop was asked for.
    pub(super) stop_flag: AtomicBool,
    pub(super) gate: Arc<RequestGate>,
    pub(super) store: OnceLock<Arc<Store>>,
    pub(super) raft: OnceLock<RaftInstance>,
    pub(super) http: OnceLock<HttpServer>,
    /// The task that follows raft's leader; only the sound build waits for it.
    pub(super) following: Mutex<Option<task::JoinHandle<()>>>,
    cluster: OnceLock<Arc<Cluster>>,
    /// What follows `m.cluster` says so here, whether or not there is one.
    cluster_probe: Resource,
}

impl Server {
    fn new(config: MasterConfig) -> Self {
        Self {
            config: Arc::new(config),
            wg: WaitGroup::new(),
            stop_flag: AtomicBool::new(false),
            gate: Arc::new(RequestGate::new()),
            store: OnceLock::new(),
            raft: OnceLock::new(),
            http: OnceLock::new(),
            following: Mutex::default(),
            cluster: OnceLock::new(),
            cluster_probe: Resource::declare("cluster"),
        }
    }

    /// The cluster.
    ///
    /// # Panics
    ///
    /// If it is not there yet: upstream dereferences a nil `m.cluster`.
    #[track_caller]
    pub(super) fn cluster(&self) -> &Arc<Cluster> {
        self.cluster_probe.used();
        self.cluster.get().expect("m.cluster is set")
    }

    /// Upstream's `Start`: store, state machine, raft, cluster, tasks, HTTP. Raft runs before there is a cluster, and
    /// its handlers use one; the sound build makes the cluster first.
    async fn start(self: &Arc<Self>) -> Result<(), MasterError> {
        let store = self.open_store().await?;
        match self.config.build {
            Build::Shipped | Build::Patched => {
                self.create_raft_server(&store).await?;
                self.init_cluster(&store).await?;
            }
            Build::Sound => {
                self.init_cluster(&store).await?;
                self.create_raft_server(&store).await?;
            }
        }
        cluster_task::schedule_task(self.cluster());
        self.start_http_service().await?;
        afterlife_probe::phase("ready");
        Ok(())
    }

    async fn open_store(&self) -> Result<Arc<Store>, MasterError> {
        let directory = self.config.data_dir.clone();
        let opening = task::spawn_blocking(move || {
            std::fs::create_dir_all(&directory).map_err(MasterError::DataDir)?;
            Ok::<_, MasterError>(Store::open(&directory.join("metadata.redb"))?)
        });
        let store = opening.await.map_err(|gone| MasterError::Store(gone.to_string()))??;
        Ok(Arc::clone(self.store.get_or_init(|| Arc::new(store))))
    }

    async fn create_raft_server(self: &Arc<Self>, store: &Arc<Store>) -> Result<(), MasterError> {
        let raft = RaftInstance::start(&self.config, Arc::clone(store)).await?;
        let raft = self.raft.get_or_init(|| raft).handle();
        let following = task::spawn(Arc::clone(self).follow_leader(raft));
        *self.following.lock().unwrap_or_else(PoisonError::into_inner) = Some(following);
        Ok(())
    }

    async fn init_cluster(&self, store: &Arc<Store>) -> Result<(), MasterError> {
        self.cluster_probe.opening();
        let cluster = Cluster::new(self.config.id, Arc::clone(store)).await?;
        self.cluster.get_or_init(|| cluster);
        self.cluster_probe.opened();
        Ok(())
    }

    async fn start_http_service(&self) -> Result<(), MasterError> {
        let address = self.config.api_listen.clone();
        let api = Api {
            config: Arc::clone(&self.config),
            raft: self.raft.get().expect("raft was started before the API").handle(),
            cluster: Arc::clone(self.cluster()),
            gate: Arc::clone(&self.gate),
        };
        match HttpServer::start(&address, api::router(api)).await {
            Ok(http) => {
                self.http.get_or_init(|| http);
                Ok(())
            }
            Err(error) => Err(MasterError::Listen { address, error }),
        }
    }

    /// Follows raft's leader until raft has stopped. Upstream starts a goroutine for each change (`go handler(leader)`)
    /// and joins none of them; the sound build handles one change after the other in this task, which it joins.
    async fn follow_leader(self: Arc<Self>, raft: RaftHandle) {
        let handle = raft.clone();
        raft.watch_leader(async move |leader| {
            let (server, raft) = (Arc::clone(&self), handle.clone());
            let handling = async move { server.cluster().handle_leader_change(&raft, leader).await };
            match self.config.build {
                Build::Shipped | Build::Patched => drop(task::spawn(handling)),
                Build::Sound => handling.await,
            }
        })
        .await;
    }

    /// Waits until raft or the state machine has ended although nobody asked for a stop.
    async fn raft_ended(&self) {
        match self.raft.get() {
            Some(raft) => raft.applied_to_the_end().await,
            None => pending().await,
        }
        if self.stop_flag.load(Ordering::Acquire) {
            pending().await
        }
    }
}
