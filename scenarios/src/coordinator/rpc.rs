//! The messages between server and workers, over tarpc, and the connections that carry them.
//! It does not interpret the messages.

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

/// One run of a query. Ids are reused; start times are not.
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

/// An instance for a worker to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanSegmentInstance {
    pub(super) query: QueryKey,
    pub(super) id: InstanceId,
    pub(super) attempt: u32,
    pub(super) table: String,
    pub(super) partitions: Vec<u32>,
    /// The statement throws in this segment, after the first block.
    pub(super) throws: bool,
    /// `interactive_delay_optimizer_mode` in milliseconds; 0 means no progress before the end.
    pub(super) progress_every_ms: u64,
    pub(super) coordinator: String,
}

/// The amount that has been read.
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

    /// The difference from `past` to `self`, at least zero.
    pub(super) fn since(self, past: Self) -> Self {
        Self { rows: self.rows.saturating_sub(past.rows), bytes: self.bytes.saturating_sub(past.bytes) }
    }

    /// The larger of both, field by field.
    pub(super) fn or_more(self, other: Self) -> Self {
        Self { rows: self.rows.max(other.rows), bytes: self.bytes.max(other.bytes) }
    }
}

/// `sendProgress`: the amount that an instance has read since its last report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ProgressReport {
    pub(super) query: QueryKey,
    pub(super) id: InstanceId,
    pub(super) attempt: u32,
    pub(super) delta: Progress,
}

/// `sendPlanSegmentStatus`: the outcome of an instance, sent once.
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

/// The rows that an exchange has for its receiver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Chunk {
    pub(super) rows: Vec<Row>,
    /// No more rows follow.
    pub(super) is_last: bool,
}

/// Calls from the server to a worker.
#[tarpc::service]
pub(super) trait Worker {
    async fn submit_plan_segments(instances: Vec<PlanSegmentInstance>);
    async fn cancel_query(query: QueryKey, cause: QueryError);
    /// Waits for the next rows of an instance.
    async fn pull(query: QueryKey, id: InstanceId, attempt: u32) -> Result<Chunk, QueryError>;
    /// Ends an exchange early: a LIMIT was reached.
    async fn finish_receiver(query: QueryKey, id: InstanceId);
}

/// Calls from a worker to the server.
#[tarpc::service]
pub(super) trait Coordinator {
    async fn send_progress(report: ProgressReport);
    async fn send_plan_segment_status(status: PlanSegmentStatus);
    async fn report_plan_segment_error(query: QueryKey, error: QueryError);
}

/// Makes a context with a deadline for one call.
pub(super) fn within(limit: Duration) -> Context {
    let mut context = context::current();
    context.deadline = Instant::now() + limit;
    context
}

/// Wraps a stream as tarpc's transport.
pub(super) fn transport<Item, SinkItem>(stream: TcpStream) -> Transport<TcpStream, Item, SinkItem, Json<Item, SinkItem>>
where
    Item: for<'de> Deserialize<'de>,
    SinkItem: Serialize,
{
    let _ = stream.set_nodelay(true);
    Transport::from((stream, Json::default()))
}

/// Accepts connections forever and passes each to `serve`.
pub(super) async fn accept(listener: TcpListener, mut serve: impl FnMut(TcpStream)) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(stream),
            // Out of descriptors: wait until another connection ends.
            Err(_) => time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// A service's client, rebuilt when its connection is lost.
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

/// Spawns the task that sends a client's requests, until the last clone is dropped or the connection breaks.
fn spawned<C, D, E>(NewClient { client, dispatch }: NewClient<C, D>) -> C
where
    D: Future<Output = Result<(), E>> + Send + 'static,
{
    task::spawn(async move { drop(dispatch.await) });
    client
}

/// A process's connections to others, one for each address.
#[derive(Debug)]
pub(super) struct Connections<C> {
    known: Mutex<BTreeMap<String, (u64, C)>>,
    opened: AtomicU64,
}

impl<C: Client> Connections<C> {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default(), opened: AtomicU64::new(0) }
    }

    /// Calls a service over the existing connection or a new one.
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
        let connection = (self.opened.fetch_add(1, Ordering::Relaxed), C::over(stream));
        // Another caller may have connected in the meantime; either connection will do.
        self.known().insert(address.to_owned(), connection.clone());
        Ok(connection)
    }

    /// Forgets a failed connection, unless a newer one has replaced it.
    fn forget(&self, address: &str, number: u64) {
        let mut known = self.known();
        if known.get(address).is_some_and(|(current, _)| *current == number) {
            known.remove(address);
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, (u64, C)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
