//! The coordinator of one query (upstream's `MPPQueryCoordinator`): registers it, has its segments run, receives their reports,
//! and removes it again. Every reference keeps it alive; its destructor runs on the thread that drops the last one.

use super::build::Build;
use super::coordinator_fsm::CoordinatorFsm;
use super::error::{Code, QueryError};
use super::final_segment::FinalSegment;
use super::handler_gate::HandlerGate;
use super::progress_manager::ProgressManager;
use super::query_context::QueryContext;
use super::query_manager::MppQueryManager;
use super::rpc::{InstanceId, PlanSegmentInstance, Progress, QueryKey};
use super::statement::Scan;
use afterlife_probe::{Entry, always};
use std::sync::{Arc, OnceLock};

/// The manager of a server's coordinators.
pub(super) type Coordinators = MppQueryManager<MppQueryCoordinator>;

/// One query's coordinator.
#[derive(Debug)]
pub(super) struct MppQueryCoordinator {
    context: Arc<QueryContext>,
    manager: Arc<Coordinators>,
    fsm: CoordinatorFsm,
    progress_manager: ProgressManager,
    /// Used by the sound build alone.
    gate: Arc<HandlerGate>,
    registered: OnceLock<Entry>,
    runtime_filters: OnceLock<Entry>,
    scheduled: OnceLock<Entry>,
}

impl MppQueryCoordinator {
    pub(super) fn new(context: Arc<QueryContext>, manager: Arc<Coordinators>) -> Arc<Self> {
        let build = context.shared.config().build;
        Arc::new(Self {
            context,
            manager,
            fsm: CoordinatorFsm::new(),
            progress_manager: ProgressManager::new(build),
            gate: Arc::new(HandlerGate::new()),
            registered: OnceLock::new(),
            runtime_filters: OnceLock::new(),
            scheduled: OnceLock::new(),
        })
    }

    /// `execute`: registers the query, sets the progress callback and sends the segments. Returns segment 0, which is running.
    ///
    /// # Errors
    /// The id is taken, or a worker cannot be reached.
    pub(super) async fn execute(self: &Arc<Self>) -> Result<FinalSegment, QueryError> {
        let (shared, key) = (&self.context.shared, &self.context.key);
        let _ = self.registered.set(self.manager.register(key, self, &self.gate)?);
        let scans = self.context.select.scans(shared.config().partitions);
        if let Some(filters) = shared.runtime_filters().register(key, scans.len()) {
            let _ = self.runtime_filters.set(filters);
        }
        // Set before the first segment is sent: progress may arrive at once.
        self.set_progress_callback();
        let bsp_mode = self.context.select.settings.bsp_mode;
        let ids: Vec<InstanceId> = scans.iter().map(|scan| scan.id).collect();
        let instances = scans.into_iter().map(|scan| self.instance(scan)).collect();
        if let Some(scheduled) = shared.scheduler().insert_plan_segments(key, bsp_mode, instances) {
            let _ = self.scheduled.set(scheduled);
        }
        if let Err(error) = shared.scheduler().send_plan_segments(key).await {
            self.query_error(&error);
            return Err(self.root_cause(error).await);
        }
        FinalSegment::new(shared, key, &ids, bsp_mode).ok_or_else(|| {
            let error = QueryError::new(Code::QueryWasCancelledInternal, format!("the scheduler has lost query {key}"));
            self.query_error(&error);
            error
        })
    }

    /// The bug of #1755, and its fix #1602.
    fn set_progress_callback(&self) {
        let previous = Arc::clone(&self.context.progress_callback);
        match self.context.shared.config().build {
            Build::Shipped => {
                let process_list_element = self.context.process_list_element.clone();
                self.progress_manager.set_progress_callback(Box::new(move |delta, by| {
                    previous(delta);
                    process_list_element.get().update_progress_in(delta, by);
                }));
            }
            Build::Patched | Build::Sound => {
                let entry = self.context.process_list_entry.clone();
                self.progress_manager.set_progress_callback(Box::new(move |delta, by| {
                    previous(delta);
                    if let Some(process_list_entry) = entry.upgrade() {
                        process_list_entry.get().update_progress_in(delta, by);
                    }
                }));
            }
        }
    }

    fn instance(&self, scan: Scan) -> PlanSegmentInstance {
        let settings = &self.context.select.settings;
        PlanSegmentInstance {
            query: self.context.key.clone(),
            throws: settings.throw_in == Some(scan.id.segment),
            id: scan.id,
            attempt: 1,
            table: scan.table,
            partitions: scan.partitions,
            progress_every_ms: settings.progress_every_ms,
            coordinator: self.context.shared.config().rpc_address.clone(),
        }
    }

    /// `onProgress`.
    pub(super) fn on_progress(&self, of: &QueryKey, id: InstanceId, delta: Progress) {
        self.is_of_this_query(of);
        self.progress_manager.on_progress(id, delta);
    }

    /// `onFinalProgress`.
    pub(super) fn on_final_progress(&self, of: &QueryKey, id: InstanceId, progress: Progress) {
        self.is_of_this_query(of);
        self.progress_manager.on_final_progress(id, progress);
    }

    fn is_of_this_query(&self, of: &QueryKey) {
        always!(*of == self.context.key, "progress of one query never appears in another");
    }

    /// Records an error of an instance, an exchange or the client. The first one ends the query.
    pub(super) fn query_error(&self, error: &QueryError) {
        let scheduler = self.context.shared.scheduler();
        self.fsm.query_error(error, |cause| {
            let why = QueryError::new(Code::QueryWasCancelledInternal, cause.to_string());
            scheduler.cancel_plan_segments(&self.context.key, &why);
        });
    }

    /// Returns `true` if failed instances are retried.
    pub(super) fn is_bsp(&self) -> bool {
        self.context.select.settings.bsp_mode
    }

    /// Records that segment 0 has succeeded.
    pub(super) fn query_done(&self) {
        self.fsm.query_done();
    }

    /// Returns the reason of the failure, as far as it is known within `wait_exception`.
    pub(super) async fn root_cause(&self, error: QueryError) -> QueryError {
        self.fsm.root_cause(error, self.context.shared.config().wait_exception).await
    }

    /// The reported progress that must have been counted by now.
    pub(super) fn progress_due(&self) -> Progress {
        self.progress_manager.due()
    }

    /// The same, with the progress that is being counted at this moment.
    pub(super) fn progress_accepted(&self) -> Progress {
        self.progress_manager.accepted()
    }

    /// Closes the gate and waits for the RPC handlers inside. Afterwards all that they reported is counted, and no progress
    /// callback runs or will run.
    pub(super) async fn retire(&self) {
        self.gate.close().await;
    }
}

impl Drop for MppQueryCoordinator {
    /// Removes the query in upstream's order.
    fn drop(&mut self) {
        let (shared, key) = (&self.context.shared, &self.context.key);
        shared.runtime_filters().remove(key, self.runtime_filters.get());
        shared.scheduler().finish_plan_segments(key, self.scheduled.get());
        self.manager.clear(key, self.registered.get());
    }
}
