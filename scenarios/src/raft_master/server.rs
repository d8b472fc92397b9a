//! The master server: its parts, the order in which it starts, and the end of its raft. The order in which it stops,
//! where the builds differ, is in `shutdown.rs`.

use super::api::{self, Api};
use super::build::Build;
use super::cluster::Cluster;
use super::cluster_task;
use super::config::MasterConfig;
use super::error::MasterError;
use super::http_server::HttpServer;
use super::lease::RequestGate;
use super::raft_handle::RaftHandle;
use super::raft_instance::RaftInstance;
use super::store::Store;
use super::wait_group::WaitGroup;
use crate::rt::task;
use afterlife_probe::Resource;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One master. Parts that do not exist yet are empty: upstream's fields are nil until `Start` reaches them.
pub(super) struct Server {
    pub(super) config: Arc<MasterConfig>,
    pub(super) wg: WaitGroup,
    /// A stop was requested.
    pub(super) stop_flag: AtomicBool,
    pub(super) gate: Arc<RequestGate>,
    pub(super) store: OnceLock<Arc<Store>>,
    pub(super) raft: OnceLock<RaftInstance>,
    pub(super) http: OnceLock<HttpServer>,
    /// The task that follows raft's leader. Only the sound build waits for it.
    pub(super) following: Mutex<Option<task::JoinHandle<()>>>,
    cluster: OnceLock<Arc<Cluster>>,
    /// Reports each use of `m.cluster`, whether or not the cluster exists.
    cluster_probe: Resource,
}

impl Server {
    pub(super) fn new(config: MasterConfig) -> Self {
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
    /// If it does not exist yet: upstream dereferences a nil `m.cluster`.
    #[track_caller]
    pub(super) fn cluster(&self) -> &Arc<Cluster> {
        self.cluster_probe.used();
        self.cluster.get().expect("m.cluster is set")
    }

    /// Upstream's `Start`: store, state machine, raft, cluster, tasks, HTTP. Raft runs before the cluster exists, and
    /// its handlers use the cluster; the sound build creates the cluster first.
    pub(super) async fn start(self: &Arc<Self>) -> Result<(), MasterError> {
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

    /// Waits until raft or the state machine has ended without a stop request.
    pub(super) async fn raft_ended(&self) {
        match self.raft.get() {
            Some(raft) => raft.applied_to_the_end().await,
            None => pending().await,
        }
        if self.stop_flag.load(Ordering::Acquire) {
            pending().await
        }
    }
}
