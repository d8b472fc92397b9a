//! The scheduler: places instances on workers and tracks how they end (upstream's `SegmentScheduler` and, for retries, its
//! `BSPScheduler`).
//! It knows queries by id and no coordinators: a coordinator may be gone while its messages are still in flight.

use super::build::Build;
use super::config::{ATTEMPTS_MAX, RPC_TIMEOUT};
use super::error::{Code, QueryError};
use super::rpc::{Connections, InstanceId, PlanSegmentInstance, PlanSegmentStatus, QueryKey, WorkerClient, within};
use super::{registry::Registry, spawning::start};
use crate::rt::time;
use afterlife_probe::Entry;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The interval at which a receiver whose sender failed checks for another attempt.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The plan segments of all queries of a server.
#[derive(Debug)]
pub(super) struct SegmentScheduler {
    build: Build,
    workers: Vec<String>,
    queries: Registry<Dag>,
    connections: Connections<WorkerClient>,
}

/// One query's entry: upstream's DAG, segment status, exception and counter maps, and BSP scheduler, under one key.
#[derive(Debug)]
struct Dag {
    bsp_mode: bool,
    instances: BTreeMap<InstanceId, Placed>,
    exception: Option<QueryError>,
    ended: usize,
}

#[derive(Debug)]
struct Placed {
    instance: PlanSegmentInstance,
    worker: usize,
}

/// The worker on which an attempt of an instance runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) worker: String,
    pub(super) attempt: u32,
}

impl SegmentScheduler {
    pub(super) fn new(build: Build, workers: Vec<String>) -> Self {
        Self { build, workers, queries: Registry::new("segment-scheduler"), connections: Connections::new() }
    }

    /// `insertPlanSegments`, the part that stores the plan.
    pub(super) fn insert_plan_segments(
        &self,
        key: &QueryKey,
        bsp_mode: bool,
        instances: Vec<PlanSegmentInstance>,
    ) -> Option<Entry> {
        // Queries begin at different workers, so that short ones do not all land on the first.
        let first = (key.start_time % 1_009) as usize;
        let place = |(at, instance): (usize, PlanSegmentInstance)| {
            (instance.id, Placed { instance, worker: (first + at) % self.workers.len() })
        };
        let instances = instances.into_iter().enumerate().map(place).collect();
        self.queries.try_emplace(key, Dag { bsp_mode, instances, exception: None, ended: 0 })
    }

    /// `insertPlanSegments`, the part that sends the plan: one message to each worker, all at once.
    ///
    /// # Errors
    /// A worker cannot be reached and no other takes over its instances.
    pub(super) async fn send_plan_segments(&self, key: &QueryKey) -> Result<(), QueryError> {
        let sort = |_: u64, dag: &mut Dag| {
            let mut by_worker: BTreeMap<usize, Vec<PlanSegmentInstance>> = BTreeMap::new();
            for placed in dag.instances.values() {
                by_worker.entry(placed.worker).or_default().push(placed.instance.clone());
            }
            by_worker
        };
        let by_worker = self.queries.with(&key.query_id, sort).unwrap_or_default();
        let sent = by_worker.into_iter().map(|(worker, instances)| async move {
            let Err(error) = self.submit(&self.workers[worker], instances.clone()).await else { return Ok(()) };
            for instance in instances {
                self.retry(&instance, error.clone()).await?;
            }
            Ok(())
        });
        join_all(sent).await.into_iter().collect()
    }

    /// The scheduler's part of `sendPlanSegmentStatus`. Returns `true` if the status should be passed on.
    pub(super) fn update_segment_status(&self, status: &PlanSegmentStatus) -> bool {
        let update = |start_time: u64, dag: &mut Dag| {
            let attempt = dag.instances.get(&status.id).map(|placed| placed.instance.attempt);
            let is_stale = start_time != status.query.start_time || attempt != Some(status.attempt);
            if self.build == Build::Sound && is_stale {
                return false;
            }
            dag.ended += 1;
            true
        };
        self.queries.with(&status.query.query_id, update).unwrap_or(self.build != Build::Sound)
    }

    /// Retries a failed instance in BSP mode. Returns `false` if it is not retried, which ends its query.
    pub(super) fn retry_if_possible(self: &Arc<Self>, status: &PlanSegmentStatus) -> bool {
        let Some(error) = status.error.clone() else { return false };
        let Ok(instance) = self.next_attempt(&status.query, status.id, status.attempt, &error) else {
            self.queries.with(&status.query.query_id, |_, dag| dag.exception = dag.exception.take().or(Some(error)));
            return false;
        };
        if let Some(instance) = instance {
            let scheduler = Arc::clone(self);
            start(async move {
                // The receiver sees the outcome: it pulls from the newest attempt.
                let _ = scheduler.dispatch(instance).await;
            });
        }
        true
    }

    /// Waits until the worker's report of a failed instance leads to another attempt, and returns its placement.
    ///
    /// # Errors
    /// The instance is not retried, or no report arrives within `limit`.
    pub(super) async fn retried(
        &self,
        key: &QueryKey,
        id: InstanceId,
        attempt: u32,
        error: QueryError,
        limit: Duration,
    ) -> Result<Placement, QueryError> {
        let until = time::Instant::now() + limit;
        loop {
            let is_over = self.queries.with(&key.query_id, |_, dag| !dag.bsp_mode || dag.exception.is_some());
            match self.placement(key, id) {
                Some(placement) if placement.attempt > attempt => return Ok(placement),
                Some(_) if is_over == Some(false) && time::Instant::now() < until => time::sleep(LOOK_AGAIN).await,
                _ => return Err(error),
            }
        }
    }

    /// Retries an instance whose worker is gone, unless that has been done. Returns its current placement.
    ///
    /// # Errors
    /// The instance may not be retried.
    pub(super) async fn retry_exchange(
        &self,
        key: &QueryKey,
        id: InstanceId,
        attempt: u32,
        error: QueryError,
    ) -> Result<Placement, QueryError> {
        if let Some(instance) = self.next_attempt(key, id, attempt, &error)? {
            self.dispatch(instance).await?;
        }
        self.placement(key, id).ok_or(error)
    }

    /// Returns an instance's current placement.
    pub(super) fn placement(&self, key: &QueryKey, id: InstanceId) -> Option<Placement> {
        let look = |_: u64, dag: &mut Dag| {
            let placed = dag.instances.get(&id)?;
            Some(Placement { worker: self.workers[placed.worker].clone(), attempt: placed.instance.attempt })
        };
        self.queries.with(&key.query_id, look).flatten()
    }

    /// `cancelPlanSegmentsFromCoordinator`: sends a cancel to every worker, without waiting for any.
    pub(super) fn cancel_plan_segments(self: &Arc<Self>, key: &QueryKey, cause: &QueryError) {
        for at in 0..self.workers.len() {
            let (scheduler, key, cause) = (Arc::clone(self), key.clone(), cause.clone());
            start(async move {
                let cancel = async |worker: WorkerClient| worker.cancel_query(within(RPC_TIMEOUT), key, cause).await;
                let _ = scheduler.connections.call(&scheduler.workers[at], cancel).await;
            });
        }
    }

    /// `finishPlanSegments`, called by a coordinator's destructor.
    pub(super) fn finish_plan_segments(&self, key: &QueryKey, own: Option<&Entry>) {
        match (self.build, own) {
            (Build::Shipped | Build::Patched, own) => self.queries.erase(&key.query_id, own),
            (Build::Sound, Some(own)) => self.queries.erase_own(key, own),
            (Build::Sound, None) => {}
        }
    }

    /// The connections to workers, for the exchanges.
    pub(super) fn connections(&self) -> &Connections<WorkerClient> {
        &self.connections
    }

    /// Returns the next attempt of an instance, placed on the next worker; `None` if another caller has made it already.
    fn next_attempt(
        &self,
        key: &QueryKey,
        id: InstanceId,
        attempt: u32,
        error: &QueryError,
    ) -> Result<Option<PlanSegmentInstance>, QueryError> {
        let next = |_: u64, dag: &mut Dag| {
            let placed = dag.instances.get_mut(&id)?;
            if !dag.bsp_mode || dag.exception.is_some() || !error.code.is_worth_a_retry() {
                return None;
            }
            if placed.instance.attempt > attempt {
                return Some(None);
            }
            if placed.instance.attempt >= ATTEMPTS_MAX {
                return None;
            }
            placed.instance.attempt += 1;
            placed.worker = (placed.worker + 1) % self.workers.len();
            Some(Some(placed.instance.clone()))
        };
        self.queries.with(&key.query_id, next).flatten().ok_or_else(|| error.clone())
    }

    /// Sends an attempt, and further ones while their workers cannot be reached.
    async fn dispatch(&self, mut instance: PlanSegmentInstance) -> Result<(), QueryError> {
        loop {
            let Some(placement) = self.placement(&instance.query, instance.id) else { return Ok(()) };
            let Err(error) = self.submit(&placement.worker, vec![instance.clone()]).await else { return Ok(()) };
            match self.next_attempt(&instance.query, instance.id, instance.attempt, &error)? {
                Some(next) => instance = next,
                None => return Ok(()),
            }
        }
    }

    async fn retry(&self, instance: &PlanSegmentInstance, error: QueryError) -> Result<(), QueryError> {
        match self.next_attempt(&instance.query, instance.id, instance.attempt, &error)? {
            Some(next) => self.dispatch(next).await,
            None => Ok(()),
        }
    }

    async fn submit(&self, worker: &str, instances: Vec<PlanSegmentInstance>) -> Result<(), QueryError> {
        let submit = async |client: WorkerClient| client.submit_plan_segments(within(RPC_TIMEOUT), instances).await;
        self.connections.call(worker, submit).await.map_err(|error| QueryError::new(Code::NetworkError, error.message))
    }
}
