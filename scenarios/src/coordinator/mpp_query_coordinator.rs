//! The coordinator of one query: registers it, has its segments run, hears of them, and takes it out: upstream's
//! `MPPQueryCoordinator`. Whoever has a reference keeps it alive, and the last one to let go runs its destructor.

use super::build::Build;
use super::coordinator_fsm::CoordinatorFsm;
use super::error::{Code, QueryError};
use super::final_segment::FinalSegment;
use super::handlers::Handlers;
use super::progress_manager::ProgressManager;
use super::query_context::QueryContext;
use super::rpc::{InstanceId, PlanSegmentInstance, Progress, QueryKey};
use super::statement::Scan;
use afterlife_probe::{Entry, always};
use std::sync::{Arc, OnceLock};

/// One query's coordinator.
#[derive(Debug)]
pub(super) struct MppQueryCoordinator {
    context: Arc<QueryContext>,
    fsm: CoordinatorFsm,
    progress_manager: ProgressManager,
    /// Only the sound build looks at it.
    handlers: Arc<Handlers>,
    registered: OnceLock<Entry>,
    runtime_filters: OnceLock<Entry>,
    scheduled: OnceLock<Entry>,
}

impl MppQueryCoordinator {
    pub(super) fn new(context: Arc<QueryContext>) -> Arc<Self> {
        let build = context.server.config.build;
        Arc::new(Self {
            context,
            fsm: CoordinatorFsm::new(),
            progress_manager: ProgressManager::new(build),
            handlers: Arc::new(Handlers::new()),
            registered: OnceLock::new(),
            runtime_filters: OnceLock::new(),
            scheduled: OnceLock::new(),
        })
    }

    /// `execute`: registers, sets the progress callback, sends the segments; what it returns runs segment 0.
    ///
    /// # Errors
    /// There is a query of this id, or a worker cannot be reached.
    pub(super) async fn execute(self: &Arc<Self>) -> Result<FinalSegment, QueryError> {
        let (server, key) = (&self.context.server, &self.context.key);
        let _ = self.registered.set(server.manager.register(key, self)?);
        let scans = self.context.select.scans(server.config.partitions);
        if let Some(filters) = server.runtime_filters.register(key, scans.len()) {
            let _ = self.runtime_filters.set(filters);
        }
        // Before the first segment is sent: progress may come at once.
        self.set_progress_callback();
        let bsp_mode = self.context.select.settings.bsp_mode;
        let ids: Vec<InstanceId> = scans.iter().map(|scan| scan.id).collect();
        let instances = scans.into_iter().map(|scan| self.instance(scan)).collect();
        if let Some(scheduled) = server.scheduler.insert_plan_segments(key, bsp_mode, instances) {
            let _ = self.scheduled.set(scheduled);
        }
        if let Err(error) = server.scheduler.send_plan_segments(key).await {
            self.query_error(&error);
            return Err(self.root_cause(error).await);
        }
        FinalSegment::new(server, key, &ids, bsp_mode).ok_or_else(|| {
            let error = QueryError::new(Code::QueryWasCancelledInternal, format!("the scheduler has lost query {key}"));
            self.query_error(&error);
            error
        })
    }

    /// The bug of #1755, and its fix #1602.
    fn set_progress_callback(&self) {
        let previous = Arc::clone(&self.context.progress_callback);
        match self.context.server.config.build {
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
            coordinator: self.context.server.config.rpc_address.clone(),
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

    /// An instance, an exchange or the client has ended the query.
    pub(super) fn query_error(&self, error: &QueryError) {
        let scheduler = &self.context.server.scheduler;
        self.fsm.query_error(error, |cause| {
            let why = QueryError::new(Code::QueryWasCancelledInternal, cause.to_string());
            scheduler.cancel_plan_segments(&self.context.key, &why);
        });
    }

    /// Whether instances that fail are tried again.
    pub(super) fn is_bsp(&self) -> bool {
        self.context.select.settings.bsp_mode
    }

    /// Segment 0 has ended well.
    pub(super) fn query_done(&self) {
        self.fsm.query_done();
    }

    /// Why the query failed, as far as can be said after a while.
    pub(super) async fn root_cause(&self, error: QueryError) -> QueryError {
        self.fsm.root_cause(error, self.context.server.config.wait_exception).await
    }

    /// What its instances have told, altogether.
    pub(super) fn told(&self) -> Progress {
        self.progress_manager.told()
    }

    /// The same, with what is being counted at this moment.
    pub(super) fn begun(&self) -> Progress {
        self.progress_manager.begun()
    }

    /// Waits until no RPC handler is inside any more; from now on none comes in. What they have told has then been counted,
    /// and no progress callback runs or will.
    pub(super) async fn retire(&self) {
        self.handlers.shut().await;
    }

    pub(super) fn handlers(&self) -> &Arc<Handlers> {
        &self.handlers
    }
}

impl Drop for MppQueryCoordinator {
    /// In upstream's order; and on whichever thread lets go last.
    fn drop(&mut self) {
        let (server, key) = (&self.context.server, &self.context.key);
        server.runtime_filters.remove(key, self.runtime_filters.get());
        server.scheduler.finish_plan_segments(key, self.scheduled.get());
        server.manager.clear(key, self.registered.get());
    }
}
