//! What server and workers say to each other, over tarpc; and the connections that each keeps to the others.
//! It says nothing about what the messages mean.

use super::config::CONNECT_TIMEOUT;
use super::error::{Code, QueryError};
use crate::rt::net::{TcpListener, TcpStream};
use crate::rt::{task, time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tarpc::client::{self, NewClient, RpcError};
use tarpc::context::{self, Context};
use tarpc::serde_transport::Transport;
use tarpc::tokio_serde::formats::Json;

/// One row.
pub type Row = Vec<String>;

/// One parallel instance of a plan segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct InstanceId {
    pub(super) segment: u32,
    pub(super) parallel: u32,
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.segment, self.parallel)
    }
}

/// Which run of which query: an id may be used again, its start time is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct QueryKey {
    pub(super) query_id: String,
    /// Upstream's `initial_query_start_time`, in nanoseconds; no two queries of a server have the same.
    pub(super) start_time: u64,
}

impl fmt::Display for QueryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.query_id)
    }
}

/// What a worker is to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanSegmentInstance {
    pub(super) query: QueryKey,
    pub(super) id: InstanceId,
    pub(super) attempt: u32,
    pub(super) table: String,
    pub(super) partitions: Vec<u32>,
    /// The statement throws in this segment, after the first block.
    pub(super) throws: bool,
    /// `interactive_delay_optimizer_mode` in milliseconds; 0: no progress before the end.
    pub(super) progress_every_ms: u64,
    pub(super) coordinator: String,
}

/// What has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Progress {
    pub(super) fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.bytes += more.bytes;
    }

    /// What is missing from `past` to here; nothing where `past` is more.
    pub(super) fn since(self, past: Self) -> Self {
        Self { rows: self.rows.saturating_sub(past.rows), bytes: self.bytes.saturating_sub(past.bytes) }
    }

    /// The larger of both, number by number.
    pub(super) fn or_more(self, other: Self) -> Self {
        Self { rows: self.rows.max(other.rows), bytes: self.bytes.max(other.bytes) }
    }
}

/// `sendProgress`: what an instance has read since it told last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ProgressReport {
    pub(super) query: QueryKey,
    pub(super) id: InstanceId,
    pub(super) attempt: u32,
    pub(super) delta: Progress,
}

/// `sendPlanSegmentStatus`: how an instance ended, once for each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanSegmentStatus {
    pub(super) query: QueryKey,
    pub(super) id: InstanceId,
    pub(super) attempt: u32,
    pub(super) error: Option<QueryError>,
    pub(super) is_cancelled: bool,
    /// The metrics' final progress.
    pub(super) progress: Progress,
}

/// What an exchange has for its receiver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Chunk {
    pub(super) rows: Vec<Row>,
    /// There will be no more.
    pub(super) is_last: bool,
}

/// Server to worker.
#[tarpc::service]
pub(super) trait Worker {
    async fn submit_plan_segments(instances: Vec<PlanSegmentInstance>);
    async fn cancel_query(query: QueryKey, cause: QueryError);
    /// The next rows of an instance; waits for some.
    async fn pull(query: QueryKey, id: InstanceId, attempt: u32) -> Result<Chunk, QueryError>;
    /// The receiver has enough: a LIMIT was reached.
    async fn finish_receiver(query: QueryKey, id: InstanceId);
}

/// Worker to server.
#[tarpc::service]
pub(super) trait Coordinator {
    async fn send_progress(report: ProgressReport);
    async fn send_plan_segment_status(status: PlanSegmentStatus);
    async fn report_plan_segment_error(query: QueryKey, error: QueryError);
}

/// A deadline for one call.
pub(super) fn within(limit: Duration) -> Context {
    let mut context = context::current();
    context.deadline = Instant::now() + limit;
    context
}

/// One end of an RPC connection, as tarpc wants it.
pub(super) fn transport<Item, SinkItem>(stream: TcpStream) -> Transport<TcpStream, Item, SinkItem, Json<Item, SinkItem>>
where
    Item: for<'de> Deserialize<'de>,
    SinkItem: Serialize,
{
    let _ = stream.set_nodelay(true);
    Transport::from((stream, Json::default()))
}

/// Accepts connections for ever and hands each over.
pub(super) async fn accept(listener: TcpListener, mut serve: impl FnMut(TcpStream)) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(stream),
            // No descriptor is left for another connection: one of those that there are will end.
            Err(_) => time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// A client of a service, which is made anew when its connection is gone.
pub(super) trait Client: Clone + Send + 'static {
    fn over(stream: TcpStream) -> Self;
}

impl Client for WorkerClient {
    fn over(stream: TcpStream) -> Self {
        spawned(Self::new(client::Config::default(), transport(stream)))
    }
}

impl Client for CoordinatorClient {
    fn over(stream: TcpStream) -> Self {
        spawned(Self::new(client::Config::default(), transport(stream)))
    }
}

/// A client whose requests a task of the process sends, until nobody has the client any more or its connection breaks.
fn spawned<C, D, E>(NewClient { client, dispatch }: NewClient<C, D>) -> C
where
    D: Future<Output = Result<(), E>> + Send + 'static,
{
    task::spawn(async move { drop(dispatch.await) });
    client
}

/// The connections of one process to others, one to each address.
#[derive(Debug)]
pub(super) struct Connections<C> {
    known: Mutex<BTreeMap<String, (u64, C)>>,
    made: AtomicU64,
}

impl<C: Client> Connections<C> {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default(), made: AtomicU64::new(0) }
    }

    /// Calls a service: on the connection that there is, or on a new one.
    pub(super) async fn call<R, F: Future<Output = Result<R, RpcError>>>(
        &self,
        address: &str,
        call: impl FnOnce(C) -> F,
    ) -> Result<R, QueryError> {
        let (number, client) = match self.to(address).await {
            Ok(connection) => connection,
            Err(error) => return Err(QueryError::new(Code::NetworkError, format!("{address}: {error}"))),
        };
        call(client).await.map_err(|error| {
            if !matches!(error, RpcError::DeadlineExceeded) {
                self.forget(address, number);
            }
            QueryError::new(Code::NetworkError, format!("{address}: {error}"))
        })
    }

    async fn to(&self, address: &str) -> io::Result<(u64, C)> {
        if let Some(known) = self.known().get(address) {
            return Ok(known.clone());
        }
        let stream = time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await??;
        let made = (self.made.fetch_add(1, Ordering::Relaxed), C::over(stream));
        // Somebody else may have connected meanwhile: whose connection is kept does not matter.
        self.known().insert(address.to_owned(), made.clone());
        Ok(made)
    }

    /// Forgets a connection that failed, unless there is a newer one.
    fn forget(&self, address: &str, number: u64) {
        let mut known = self.known();
        if known.get(address).is_some_and(|(kept, _)| *kept == number) {
            known.remove(address);
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, (u64, C)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
