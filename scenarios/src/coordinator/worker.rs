//! A worker: runs instances of plan segments, offers their rows and reports their status.
//! It plans nothing and retries nothing.

use super::build::Build;
use super::config::{RPC_TIMEOUT, WorkerConfig};
use super::error::{Code, QueryError};
use super::exchange::{Enough, Exchange};
use super::rpc::{
    self, Chunk, Connections, CoordinatorClient, InstanceId, PlanSegmentInstance, PlanSegmentStatus, Progress,
    ProgressReport, QueryKey, Worker, WorkerRequest, WorkerResponse, within,
};
use super::source::Source;
use crate::rt::net::{TcpListener, TcpStream};
use crate::rt::{task, time};
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tarpc::context::Context;
use tarpc::server::{BaseChannel, Channel};

/// Runs a worker until its future is dropped.
///
/// # Errors
///
/// The address cannot be listened on.
pub async fn run_worker(config: WorkerConfig, source: Arc<dyn Source>) -> io::Result<()> {
    let listener = TcpListener::bind(&config.rpc_listen).await?;
    let node = Arc::new(Node { config, source, process_list: Mutex::default(), connections: Connections::new() });
    afterlife_probe::phase("ready");
    rpc::accept(listener, |stream| serve(&node, stream)).await;
    Ok(())
}

fn serve(node: &Arc<Node>, stream: TcpStream) {
    let transport = rpc::transport::<tarpc::ClientMessage<WorkerRequest>, tarpc::Response<WorkerResponse>>(stream);
    let service = Service { node: Arc::clone(node) };
    let channel = BaseChannel::with_defaults(transport).execute(service.serve());
    task::spawn(channel.for_each(|handling| async {
        task::spawn(handling);
    }));
}

/// The parts of a worker.
struct Node {
    config: WorkerConfig,
    source: Arc<dyn Source>,
    process_list: Mutex<PlanSegmentProcessList>,
    connections: Connections<CoordinatorClient>,
}

/// The running instances by query id (upstream's `PlanSegmentProcessList`).
type PlanSegmentProcessList = BTreeMap<String, Group>;

/// The instances of one query.
#[derive(Debug)]
struct Group {
    start_time: u64,
    instances: BTreeMap<(InstanceId, u32), Arc<Exchange>>,
}

impl Group {
    fn cancel(&self, cause: &QueryError) {
        for exchange in self.instances.values() {
            exchange.cancel(cause);
        }
    }
}

#[derive(Clone)]
struct Service {
    node: Arc<Node>,
}

impl Worker for Service {
    async fn submit_plan_segments(self, _: Context, instances: Vec<PlanSegmentInstance>) {
        for instance in instances {
            if let Some(exchange) = self.node.enter(&instance) {
                task::spawn(
                    Execution { node: Arc::clone(&self.node), instance, exchange, unsent: Progress::default() }.run(),
                );
            }
        }
    }

    async fn cancel_query(self, _: Context, query: QueryKey, cause: QueryError) {
        if let Some(group) = self.node.process_list().get(&query.query_id)
            // Upstream's message carries the id alone and cancels whichever query has it now.
            && (self.node.config.build != Build::Sound || group.start_time == query.start_time)
        {
            group.cancel(&cause);
        }
    }

    async fn pull(self, _: Context, query: QueryKey, id: InstanceId, attempt: u32) -> Result<Chunk, QueryError> {
        let Some(exchange) = self.node.exchange(&query, id, attempt) else {
            return Err(QueryError::new(Code::NetworkError, format!("no sender {id} of query {query}")));
        };
        let chunk = exchange.pull().await?;
        if chunk.is_last {
            self.node.leave(&query, id, attempt);
        }
        Ok(chunk)
    }

    async fn finish_receiver(self, _: Context, query: QueryKey, id: InstanceId) {
        if let Some(group) =
            self.node.process_list().get(&query.query_id).filter(|group| group.start_time == query.start_time)
        {
            for (_, exchange) in group.instances.iter().filter(|((of, _), _)| *of == id) {
                exchange.finish_early();
            }
        }
    }
}

impl Node {
    /// Enters an instance. A newer query of the same id ends the older one; an older query is refused.
    fn enter(&self, instance: &PlanSegmentInstance) -> Option<Arc<Exchange>> {
        let mut process_list = self.process_list();
        let (id, start_time) = (&instance.query.query_id, instance.query.start_time);
        let fresh = || Group { start_time, instances: BTreeMap::new() };
        let group = process_list.entry(id.clone()).or_insert_with(fresh);
        if group.start_time > start_time {
            return None;
        }
        if group.start_time < start_time {
            group.cancel(&QueryError::new(Code::QueryWasCancelledInternal, format!("a newer query is called {id}")));
            *group = fresh();
        }
        let exchange = Arc::new(Exchange::new(self.config.exchange_rows, self.config.exchange_timeout));
        group.instances.insert((instance.id, instance.attempt), Arc::clone(&exchange));
        Some(exchange)
    }

    fn exchange(&self, query: &QueryKey, id: InstanceId, attempt: u32) -> Option<Arc<Exchange>> {
        let process_list = self.process_list();
        let group = process_list.get(&query.query_id).filter(|group| group.start_time == query.start_time)?;
        group.instances.get(&(id, attempt)).cloned()
    }

    fn leave(&self, query: &QueryKey, id: InstanceId, attempt: u32) {
        let mut process_list = self.process_list();
        if let Some(group) = process_list.get_mut(&query.query_id).filter(|group| group.start_time == query.start_time)
        {
            group.instances.remove(&(id, attempt));
            if group.instances.is_empty() {
                process_list.remove(&query.query_id);
            }
        }
    }

    fn process_list(&self) -> MutexGuard<'_, PlanSegmentProcessList> {
        self.process_list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running instance.
struct Execution {
    node: Arc<Node>,
    instance: PlanSegmentInstance,
    exchange: Arc<Exchange>,
    unsent: Progress,
}

impl Execution {
    async fn run(mut self) {
        let mut progress = Progress::default();
        let ended = self.execute(&mut progress).await;
        let (error, is_enough) = match ended {
            Ok(()) => (None, false),
            Err(Enough::LimitReached) => (None, true),
            Err(Enough::Failed(error)) => (Some(error), false),
        };
        let (query, id, attempt) = (self.instance.query.clone(), self.instance.id, self.instance.attempt);
        self.exchange.end(error.clone());
        if is_enough {
            self.node.leave(&query, id, attempt);
        }
        let is_cancelled = error.as_ref().is_some_and(|error| error.code == Code::QueryWasCancelledInternal);
        let status = PlanSegmentStatus { query: query.clone(), id, attempt, error, is_cancelled, progress };
        let send = async |to: CoordinatorClient| to.send_plan_segment_status(within(RPC_TIMEOUT), status).await;
        // A server that it does not reach learns of the instance's end from the exchange.
        let _ = self.node.connections.call(&self.instance.coordinator, send).await;
        if !is_enough {
            // The receiver may still be pulling; it may also be gone.
            self.exchange.drained().await;
            self.node.leave(&query, id, attempt);
        }
    }

    async fn execute(&mut self, progress: &mut Progress) -> Result<(), Enough> {
        let mut reported = time::Instant::now();
        for partition in self.instance.partitions.clone() {
            let rows = match self.node.source.read(&self.instance.table, partition).await {
                Ok(rows) => rows,
                Err(error) => return Err(Enough::Failed(self.cannot_read(partition, &error).await)),
            };
            for block in rows.chunks(self.node.config.block_rows) {
                time::sleep(self.node.config.block_time).await;
                let bytes = block.iter().flatten().map(|field| field.len() as u64).sum();
                let read = Progress { rows: block.len() as u64, bytes };
                progress.add(read);
                self.unsent.add(read);
                let every = Duration::from_millis(self.instance.progress_every_ms);
                if !every.is_zero() && reported.elapsed() >= every {
                    reported = time::Instant::now();
                    self.send_progress();
                }
                self.exchange.push(block).await?;
                if self.instance.throws {
                    let why = "value passed to throwIf is non-zero";
                    return Err(Enough::Failed(QueryError::new(Code::FunctionThrowIfValueIsNonZero, why)));
                }
            }
        }
        Ok(())
    }

    /// `sendProgress`. Nothing waits for it, so the next delta and the status may overtake it.
    fn send_progress(&mut self) {
        let report = ProgressReport {
            query: self.instance.query.clone(),
            id: self.instance.id,
            attempt: self.instance.attempt,
            delta: std::mem::take(&mut self.unsent),
        };
        let (node, coordinator) = (Arc::clone(&self.node), self.instance.coordinator.clone());
        task::spawn(async move {
            let send = async |to: CoordinatorClient| to.send_progress(within(RPC_TIMEOUT), report).await;
            let _ = node.connections.call(&coordinator, send).await;
        });
    }

    async fn cannot_read(&self, partition: u32, error: &io::Error) -> QueryError {
        let why = format!("partition {partition} of {}: {error}", self.instance.table);
        let error = QueryError::new(Code::CannotReadPartition, why);
        let (query, cause) = (self.instance.query.clone(), error.clone());
        let send = async |to: CoordinatorClient| to.report_plan_segment_error(within(RPC_TIMEOUT), query, cause).await;
        let _ = self.node.connections.call(&self.instance.coordinator, send).await;
        error
    }
}
