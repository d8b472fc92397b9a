//! Segment 0, which runs on the server: its receivers pull the rows of the other segments' instances.
//! It counts no progress and answers no client; the connection does.

use super::config::RPC_TIMEOUT;
use super::error::{Code, QueryError};
use super::rpc::{Chunk, InstanceId, QueryKey, Row, within};
use super::segment_scheduler::Placement;
use super::shared_context::SharedContext;
use crate::rt::sync::mpsc;
use crate::rt::task::{self, AbortHandle};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of batches that may wait for the client's connection.
const BATCHES_MAX: usize = 8;

/// The running final segment. Dropping it aborts its receivers.
#[derive(Debug)]
pub(super) struct FinalSegment {
    context: Arc<SharedContext>,
    key: QueryKey,
    senders: BTreeMap<InstanceId, Placement>,
    events: mpsc::Receiver<Event>,
    _receivers: Receivers,
}

/// The tasks that pull rows. Dropping this aborts them.
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
    /// Starts a receiver for each instance; `None` if the scheduler no longer knows the query.
    pub(super) fn new(
        context: &Arc<SharedContext>,
        key: &QueryKey,
        ids: &[InstanceId],
        bsp_mode: bool,
    ) -> Option<Self> {
        let (sender, events) = mpsc::channel(BATCHES_MAX);
        let placed = ids.iter().map(|id| Some((*id, context.scheduler().placement(key, *id)?)));
        let senders: BTreeMap<InstanceId, Placement> = placed.collect::<Option<_>>()?;
        let mut receivers = Receivers(Vec::new());
        for (id, placement) in &senders {
            let (context, key) = (Arc::clone(context), key.clone());
            let receiver = Receiver { context, key, id: *id, bsp_mode, placement: placement.clone() };
            receivers.0.push(task::spawn(receiver.run(sender.clone())).abort_handle());
        }
        Some(Self { context: Arc::clone(context), key: key.clone(), senders, events, _receivers: receivers })
    }

    /// Returns the next rows; `None` when all instances have sent theirs.
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

    /// Tells the remaining senders that the LIMIT is reached and nobody receives any longer. Does not wait for them.
    pub(super) fn finish_early(&self) {
        for (id, placement) in &self.senders {
            let (context, key, id) = (Arc::clone(&self.context), self.key.clone(), *id);
            let worker = placement.worker.clone();
            task::spawn(async move {
                let limit = within(RPC_TIMEOUT);
                let call = context
                    .scheduler()
                    .connections()
                    .call(&worker, async |worker| worker.finish_receiver(limit, key, id).await);
                let _ = call.await;
            });
        }
    }
}

struct Receiver {
    context: Arc<SharedContext>,
    key: QueryKey,
    id: InstanceId,
    bsp_mode: bool,
    placement: Placement,
}

impl Receiver {
    async fn run(mut self, to: mpsc::Sender<Event>) {
        // In BSP mode an attempt counts only as a whole: the rows of a broken one are received again.
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

    /// Returns the placement of the next attempt, in BSP mode.
    async fn again(&self, broken: Broken) -> Result<Placement, QueryError> {
        let (scheduler, attempt) = (self.context.scheduler(), self.placement.attempt);
        match broken {
            Broken::SenderFailed(error) => {
                let limit = self.context.config().wait_exception;
                scheduler.retried(&self.key, self.id, attempt, error, limit).await
            }
            Broken::WorkerGone(error) => scheduler.retry_exchange(&self.key, self.id, attempt, error).await,
        }
    }

    async fn pull(&self) -> Result<Chunk, Broken> {
        let (limit, key, id, attempt) =
            (within(self.context.config().exchange_timeout), self.key.clone(), self.id, self.placement.attempt);
        let connections = self.context.scheduler().connections();
        let pulled =
            connections.call(&self.placement.worker, async |worker| worker.pull(limit, key, id, attempt).await).await;
        match pulled.and_then(|pulled| pulled) {
            Ok(chunk) => Ok(chunk),
            // A lost connection looks like any other end of the sender. Only the worker knows the cause, if it still runs.
            Err(error) if error.code == Code::NetworkError => {
                Err(Broken::WorkerGone(QueryError::new(Code::ExchangeDataTransException, error.message)))
            }
            Err(error) => Err(Broken::SenderFailed(error)),
        }
    }
}

/// The reason that an exchange ended.
enum Broken {
    /// Its worker reports the end, and sends the cause to the scheduler.
    SenderFailed(QueryError),
    /// Its worker is silent.
    WorkerGone(QueryError),
}
