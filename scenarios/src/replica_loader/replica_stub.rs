//! A replica server: the process that holds replicas, sends beacons to the meta server, and answers requests. The
//! replicas handle the messages, in `replica.rs`.

use super::config::{CONFIG_SYNC, FD_BEACON, FD_CHECK, FD_LEASE, ReplicaServerConfig};
use super::messages::{ErrorCode, MetaAnswer, MetaRequest, Pid, ReplicaAnswer, ReplicaRequest};
use super::node::Node;
use super::replica::Replica;
use super::rpc;
use super::shared::Shared;
use crate::listening::Listening;
use crate::rt::{net::TcpListener, sync::oneshot, task, time};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The server's parts.
struct Stub {
    node: Arc<Node>,
    replicas: Mutex<BTreeMap<Pid, Arc<Replica>>>,
    rows_address: String,
    /// The time of the last beacon that the meta server has acknowledged.
    acknowledged: Shared<time::Instant>,
    connected: Shared<bool>,
}

/// Runs a replica server until `stop` is ready and everything that it started has ended.
///
/// # Errors
/// If it cannot listen, or cannot use its directory.
pub async fn run_replica_server(
    config: ReplicaServerConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    std::fs::create_dir_all(&config.data_dir)?;
    let listener = TcpListener::bind(&config.listen).await?;
    let rows_listener = TcpListener::bind(&config.rows_listen).await?;
    let stub = Arc::new(Stub {
        node: Arc::new(Node::new(&config)),
        replicas: Mutex::default(),
        rows_address: config.rows_address.clone(),
        acknowledged: Shared::new(time::Instant::now()),
        connected: Shared::new(false),
    });
    for entry in std::fs::read_dir(&config.data_dir)? {
        if let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            stub.replica_or_new(pid)?;
        }
    }
    let tasks = Arc::clone(&stub.node.tasks);
    let answering = Arc::clone(&stub);
    tasks.spawn(rpc::serve(listener, Arc::clone(&tasks), move |request| {
        let stub = Arc::clone(&answering);
        async move { stub.answer(request).await }
    }));
    tasks.spawn(Arc::clone(&stub).report());
    tasks.spawn(Arc::clone(&stub).watch_lease());
    tasks.spawn(Arc::clone(&stub).sync_configs());

    let (close, closing) = oneshot::channel::<()>();
    let routes = Router::new().route("/rows", get(rows)).with_state(Arc::clone(&stub));
    let closing = async move { closing.await.unwrap_or(()) };
    let serving =
        task::spawn(async move { axum::serve(Listening(rows_listener), routes).with_graceful_shutdown(closing).await });
    stop.await;

    let _ = close.send(());
    let _ = serving.await;
    let replicas: Vec<Arc<Replica>> = stub.replicas().values().cloned().collect();
    for replica in replicas {
        replica.close().await;
    }
    stub.node.pool.close().await;
    tasks.stop().await;
    Ok(())
}

impl Stub {
    async fn answer(&self, request: ReplicaRequest) -> ReplicaAnswer {
        let (pid, makes) = match request {
            ReplicaRequest::BulkLoad { pid, .. }
            | ReplicaRequest::GroupBulkLoad { pid, .. }
            | ReplicaRequest::Ingestion { pid, .. }
            | ReplicaRequest::PrepareIngestion { pid, .. } => (pid, false),
            ReplicaRequest::GroupCheck { pid, .. }
            | ReplicaRequest::Propose { pid, .. }
            | ReplicaRequest::Learn { pid, .. } => (pid, true),
        };
        let found = self.replicas().get(&pid).cloned();
        match found {
            Some(replica) => replica.answer(request).await,
            None if makes => match self.replica_or_new(pid) {
                Ok(replica) => replica.answer(request).await,
                Err(_) => ReplicaAnswer::Code(ErrorCode::FileOperationFailed),
            },
            None => ReplicaAnswer::Code(ErrorCode::ObjectNotFound),
        }
    }

    fn replica_or_new(&self, pid: Pid) -> io::Result<Arc<Replica>> {
        let mut replicas = self.replicas();
        if let Some(replica) = replicas.get(&pid) {
            return Ok(Arc::clone(replica));
        }
        let replica = Replica::open(pid, Arc::clone(&self.node))?;
        replicas.insert(pid, Arc::clone(&replica));
        Ok(replica)
    }

    /// Sends the failure detector's beacons.
    async fn report(self: Arc<Self>) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let beacon =
            MetaRequest::Beacon { node: self.node.address.clone(), rows_address: self.rows_address.clone(), started };
        loop {
            let sent = time::Instant::now();
            let limit = FD_BEACON;
            let reply = self.node.caller.call_within::<_, MetaAnswer>(limit, &self.node.meta, &beacon).await;
            if matches!(reply, Ok(MetaAnswer::Done)) {
                self.acknowledged.store(sent);
                if !self.connected.swap(true) {
                    self.node.tasks.spawn(Arc::clone(&self).sync_config());
                }
            }
            time::sleep_until(sent + FD_BEACON).await;
        }
    }

    /// Deactivates every replica of this node when the lease is lost: the meta server may have given its partitions to
    /// others.
    async fn watch_lease(self: Arc<Self>) {
        loop {
            time::sleep(FD_CHECK).await;
            if self.connected.load() && self.acknowledged.load().elapsed() >= FD_LEASE {
                self.connected.store(false);
                let replicas: Vec<Arc<Replica>> = self.replicas().values().cloned().collect();
                for replica in replicas {
                    replica.lose_lease().await;
                }
            }
        }
    }

    async fn sync_configs(self: Arc<Self>) {
        loop {
            time::sleep(CONFIG_SYNC).await;
            Arc::clone(&self).sync_config().await;
        }
    }

    async fn sync_config(self: Arc<Self>) {
        let request = MetaRequest::ConfigSync { node: self.node.address.clone() };
        let Ok(MetaAnswer::Configs(configs)) = self.node.caller.call(&self.node.meta, &request).await else { return };
        for (pid, config) in configs {
            let replica = self.replicas().get(&pid).cloned();
            if let Some(replica) = replica {
                replica.on_config_sync(config).await;
            }
        }
    }

    fn replicas(&self) -> std::sync::MutexGuard<'_, BTreeMap<Pid, Arc<Replica>>> {
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /rows?partition=N`: all rows of a partition, if its primary is here.
async fn rows(
    State(stub): State<Arc<Stub>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<(String, String)>>, StatusCode> {
    let wanted = query.as_deref().and_then(|query| query.strip_prefix("partition=")?.parse::<Pid>().ok());
    let wanted = wanted.ok_or(StatusCode::BAD_REQUEST)?;
    let replica = stub.replicas().get(&wanted).cloned().ok_or(StatusCode::MISDIRECTED_REQUEST)?;
    match replica.serve_rows().await {
        None => Err(StatusCode::MISDIRECTED_REQUEST),
        Some(Ok(rows)) => Ok(Json(rows)),
        Some(Err(_)) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
