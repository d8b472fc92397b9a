//! Segment 0, which runs on the server: its receivers pull the rows of all other segments' instances.
//! It counts no progress, and it answers nobody: the connection does.

use super::error::{Code, QueryError};
use super::rpc::{Chunk, InstanceId, QueryKey, Row, within};
use super::segment_scheduler::Placement;
use super::server::Server;
use crate::rt::sync::mpsc;
use crate::rt::task::{self, AbortHandle};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many batches wait for the client's connection.
const BATCHES_MAX: usize = 8;

/// The running final segment. Dropping it ends its receivers.
#[derive(Debug)]
pub(super) struct FinalSegment {
    server: Arc<Server>,
    key: QueryKey,
    senders: BTreeMap<InstanceId, Placement>,
    events: mpsc::Receiver<Event>,
    _receivers: Receivers,
}

/// The tasks that pull. Dropping this ends them.
#[derive(Debug)]
struct Receivers(Vec<AbortHandle>);

impl Drop for Receivers {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

#[derive(Debug)]
enum Event {
    Rows(Vec<Row>),
    Ended(InstanceId),
    Failed(QueryError),
}

impl FinalSegment {
    /// Starts a receiver for each instance; `None` if the scheduler does not know the query any more.
    pub(super) fn new(server: &Arc<Server>, key: &QueryKey, ids: &[InstanceId], bsp_mode: bool) -> Option<Self> {
        let (sender, events) = mpsc::channel(BATCHES_MAX);
        let placed = ids.iter().map(|id| Some((*id, server.scheduler.placement(key, *id)?)));
        let senders: BTreeMap<InstanceId, Placement> = placed.collect::<Option<_>>()?;
        let mut receivers = Receivers(Vec::new());
        for (id, placement) in &senders {
            let (server, key) = (Arc::clone(server), key.clone());
            let receiver = Receiver { server, key, id: *id, bsp_mode, placement: placement.clone() };
            receivers.0.push(task::spawn(receiver.run(sender.clone())).abort_handle());
        }
        Some(Self { server: Arc::clone(server), key: key.clone(), senders, events, _receivers: receivers })
    }

    /// The next rows; `None` when all instances have sent theirs.
    ///
    /// # Errors
    /// An exchange broke.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Row>>, QueryError> {
        while !self.senders.is_empty() {
            match self.events.recv().await {
                Some(Event::Rows(rows)) => return Ok(Some(rows)),
                Some(Event::Ended(id)) => drop(self.senders.remove(&id)),
                Some(Event::Failed(error)) => return Err(error),
                None => break,
            }
        }
        Ok(None)
    }

    /// A LIMIT is reached: tells the senders that are left that nobody will receive. Nobody waits for it.
    pub(super) fn finish_early(&self) {
        for (id, placement) in &self.senders {
            let (server, key, id, worker) = (Arc::clone(&self.server), self.key.clone(), *id, placement.worker.clone());
            task::spawn(async move {
                let limit = within(super::config::RPC_TIMEOUT);
                let call = server
                    .scheduler
                    .connections()
                    .call(&worker, async |worker| worker.finish_receiver(limit, key, id).await);
                let _ = call.await;
            });
        }
    }
}

struct Receiver {
    server: Arc<Server>,
    key: QueryKey,
    id: InstanceId,
    bsp_mode: bool,
    placement: Placement,
}

impl Receiver {
    async fn run(mut self, to: mpsc::Sender<Event>) {
        // In BSP mode an attempt counts as a whole: rows of one that breaks off are received again.
        let mut whole = Vec::new();
        loop {
            match self.pull().await {
                Ok(chunk) => {
                    let mut rows = chunk.rows;
                    if self.bsp_mode {
                        whole.append(&mut rows);
                        if chunk.is_last {
                            rows = std::mem::take(&mut whole);
                        }
                    }
                    if !rows.is_empty() && to.send(Event::Rows(rows)).await.is_err() {
                        return;
                    }
                    if chunk.is_last {
                        let _ = to.send(Event::Ended(self.id)).await;
                        return;
                    }
                }
                Err(broken) => {
                    whole.clear();
                    match self.again(broken).await {
                        Ok(placement) => self.placement = placement,
                        Err(error) => {
                            let _ = to.send(Event::Failed(error)).await;
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Where the instance is tried again, in BSP mode.
    async fn again(&self, broken: Broken) -> Result<Placement, QueryError> {
        let (scheduler, attempt) = (&self.server.scheduler, self.placement.attempt);
        match broken {
            Broken::SenderFailed(error) => {
                let limit = self.server.config.wait_exception;
                scheduler.retried(&self.key, self.id, attempt, error, limit).await
            }
            Broken::WorkerGone(error) => scheduler.retry_exchange(&self.key, self.id, attempt, error).await,
        }
    }

    async fn pull(&self) -> Result<Chunk, Broken> {
        let (limit, key, id, attempt) =
            (within(self.server.config.exchange_timeout), self.key.clone(), self.id, self.placement.attempt);
        let connections = self.server.scheduler.connections();
        let pulled =
            connections.call(&self.placement.worker, async |worker| worker.pull(limit, key, id, attempt).await).await;
        match pulled.and_then(|pulled| pulled) {
            Ok(chunk) => Ok(chunk),
            // It looks like any other end of the sender: why, only the worker knows, if it is the same one as before.
            Err(error) if error.code == Code::NetworkError => {
                Err(Broken::WorkerGone(QueryError::new(Code::ExchangeDataTransException, error.message)))
            }
            Err(error) => Err(Broken::SenderFailed(error)),
        }
    }
}

/// Why an exchange ended.
enum Broken {
    /// Its worker says that it has, and tells the scheduler why.
    SenderFailed(QueryError),
    /// Nobody says anything.
    WorkerGone(QueryError),
}
