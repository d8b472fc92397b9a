//! The HTTP API of a master: volumes, data partitions, data nodes, and the master's own status. It stores nothing. It
//! proposes, waits without a limit, as upstream's handlers do, and names the leader if another master leads.

use super::cluster::{Cluster, Counts};
use super::config::MasterConfig;
use super::lease::{Lease, RequestGate};
use super::messages::{CreatePartition, CreateVolume, Done, Refusal, RegisterNode};
use super::raft_cmd::CmdReply;
use super::raft_handle::{NotDone, RaftHandle};
use super::records::{
    DATA_NODE_PREFIX, DATA_PARTITION_PREFIX, DataNode, DataPartition, VOL_PREFIX, Volume, data_node_key,
    data_partition_key, names, volume_key,
};
use crate::rt::task;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Upstream's volume names have 63 characters at most.
const NAME_BYTES_MAX: usize = 63;

/// The state that handlers share.
#[derive(Clone, Debug)]
pub(super) struct Api {
    pub(super) config: Arc<MasterConfig>,
    pub(super) raft: RaftHandle,
    pub(super) cluster: Arc<Cluster>,
    pub(super) gate: Arc<RequestGate>,
}

#[derive(Debug, Serialize)]
struct Status {
    id: u64,
    leader: Option<u64>,
    applied: u64,
    #[serde(flatten)]
    counts: Counts,
}

type Answer<T> = Result<Json<T>, Refused>;

/// The routes.
pub(super) fn router(api: Api) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/volumes", get(list_volumes).post(create_volume))
        .route("/volumes/{name}", get(get_volume).delete(delete_volume))
        .route("/partitions", get(list_partitions).post(create_partition))
        .route("/partitions/{id}", get(get_partition).delete(delete_partition))
        .route("/nodes", get(list_nodes).post(register_node))
        .route("/nodes/{address}", get(get_node).delete(delete_node))
        .route("/nodes/{address}/heartbeat", post(heartbeat))
        .with_state(api)
}

async fn status(State(api): State<Api>) -> Json<Status> {
    let counts = api.cluster.counts();
    Json(Status { id: api.config.id, leader: api.raft.leader(), applied: api.raft.applied(), counts })
}

async fn create_volume(State(api): State<Api>, Json(body): Json<CreateVolume>) -> Answer<Done> {
    let _lease = api.enter_as_leader()?;
    let name = valid(body.name)?;
    done(api.cluster.create_volume(&api.raft, name).await, &api)
}

async fn delete_volume(State(api): State<Api>, Path(name): Path<String>) -> Answer<Done> {
    let _lease = api.enter_as_leader()?;
    done(api.cluster.delete_volume(&api.raft, &name).await, &api)
}

async fn get_volume(State(api): State<Api>, Path(name): Path<String>) -> Answer<Volume> {
    api.read(volume_key(&name)).await
}

async fn list_volumes(State(api): State<Api>) -> Answer<Vec<String>> {
    let volumes = api.scan(VOL_PREFIX).await?;
    Ok(Json(names(&volumes, VOL_PREFIX).collect()))
}

async fn create_partition(State(api): State<Api>, Json(body): Json<CreatePartition>) -> Answer<DataPartition> {
    let _lease = api.enter_as_leader()?;
    if !api.cluster.has_volume(&body.volume) {
        return Err(Refused::not_found());
    }
    let partition = api.cluster.create_partition(&api.raft, body.volume).await;
    partition.map(Json).map_err(|not_done| api.refused(not_done))
}

async fn delete_partition(State(api): State<Api>, Path(id): Path<u64>) -> Answer<Done> {
    let _lease = api.enter_as_leader()?;
    done(api.cluster.delete_partition(&api.raft, id).await, &api)
}

async fn get_partition(State(api): State<Api>, Path(id): Path<u64>) -> Answer<DataPartition> {
    api.read(data_partition_key(id)).await
}

async fn list_partitions(State(api): State<Api>) -> Answer<Vec<DataPartition>> {
    let partitions = api.scan(DATA_PARTITION_PREFIX).await?;
    let partitions: Result<Vec<_>, _> = partitions.iter().map(|(_, value)| serde_json::from_str(value)).collect();
    partitions.map(Json).map_err(Refused::internal)
}

async fn register_node(State(api): State<Api>, Json(body): Json<RegisterNode>) -> Answer<Done> {
    let _lease = api.enter_as_leader()?;
    let address = valid(body.address)?;
    done(api.cluster.register_node(&api.raft, address).await, &api)
}

async fn delete_node(State(api): State<Api>, Path(address): Path<String>) -> Answer<Done> {
    let _lease = api.enter_as_leader()?;
    done(api.cluster.delete_node(&api.raft, &address).await, &api)
}

async fn get_node(State(api): State<Api>, Path(address): Path<String>) -> Answer<DataNode> {
    api.read(data_node_key(&address)).await
}

async fn list_nodes(State(api): State<Api>) -> Answer<Vec<String>> {
    let nodes = api.scan(DATA_NODE_PREFIX).await?;
    Ok(Json(names(&nodes, DATA_NODE_PREFIX).collect()))
}

async fn heartbeat(State(api): State<Api>, Path(address): Path<String>) -> Answer<Done> {
    let _lease = api.enter_as_leader()?;
    if api.cluster.heartbeat(&address) { Ok(Json(Done { existed: true })) } else { Err(Refused::not_found()) }
}

impl Api {
    /// Admits a request.
    fn enter(&self) -> Result<Lease, Refused> {
        self.gate.enter().ok_or_else(|| Refused::unavailable("the master is stopping"))
    }

    /// Admits a request if this master leads and has loaded the metadata.
    fn enter_as_leader(&self) -> Result<Lease, Refused> {
        let lease = self.enter()?;
        match self.raft.leader() {
            Some(leader) if leader == self.config.id && self.cluster.meta_ready() => Ok(lease),
            Some(leader) if leader == self.config.id => Err(Refused::unavailable("the metadata is being loaded")),
            leader => Err(self.refused(NotDone::NotLeader(leader))),
        }
    }

    /// Reads the current value of one key. A read holds its lease to its end, even if its client is gone by then.
    async fn read<T: DeserializeOwned>(&self, key: String) -> Answer<T> {
        let lease = self.enter()?;
        self.raft.read_barrier().await.map_err(|not_done| self.refused(not_done))?;
        let store = Arc::clone(&self.cluster.store);
        let read = task::spawn_blocking(move || {
            let _lease = lease;
            store.get(format_args!("api read"), &key)
        });
        match read.await {
            Ok(Ok(Some(value))) => serde_json::from_str(&value).map(Json).map_err(Refused::internal),
            Ok(Ok(None)) => Err(Refused::not_found()),
            Ok(Err(error)) => Err(Refused::internal(error)),
            Err(gone) => Err(Refused::internal(gone)),
        }
    }

    /// Reads all current keys under a prefix.
    async fn scan(&self, prefix: &'static str) -> Result<Vec<(String, String)>, Refused> {
        let lease = self.enter()?;
        self.raft.read_barrier().await.map_err(|not_done| self.refused(not_done))?;
        let store = Arc::clone(&self.cluster.store);
        let scan = task::spawn_blocking(move || {
            let _lease = lease;
            store.scan(format_args!("api scan"), prefix)
        });
        match scan.await {
            Ok(scanned) => scanned.map_err(Refused::internal),
            Err(gone) => Err(Refused::internal(gone)),
        }
    }

    fn refused(&self, not_done: NotDone) -> Refused {
        match not_done {
            NotDone::NotLeader(leader) => Refused {
                status: StatusCode::MISDIRECTED_REQUEST,
                body: Refusal {
                    error: "this master does not lead".to_owned(),
                    leader: leader.and_then(|id| self.config.api_of(id)).map(str::to_owned),
                },
            },
            NotDone::Unavailable(why) => Refused::unavailable(&why),
        }
    }
}

/// A reply that reports an error.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    body: Refusal,
}

impl Refused {
    fn new(status: StatusCode, error: &str) -> Self {
        Self { status, body: Refusal { error: error.to_owned(), leader: None } }
    }

    fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is none of that name")
    }

    fn unavailable(why: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    fn internal(error: impl std::error::Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

fn done(reply: Result<CmdReply, NotDone>, api: &Api) -> Answer<Done> {
    reply.map(|reply| Json(Done { existed: reply.existed })).map_err(|not_done| api.refused(not_done))
}

/// Upstream's names: letters, digits, `_`, `.` and `-`. An address may also contain `:`.
fn valid(name: String) -> Result<String, Refused> {
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-:".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(of_a_name) {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "a name has 1 to 63 letters, digits, `_`, `.`, `-` or `:`"));
    }
    Ok(name)
}
