//! The handlers of the workers' reports (upstream's `PlanSegmentManagerRpcService`). Each runs on a thread of its own, as
//! upstream's run on bthreads: any number at once, in no order.
//! They own no query: they look it up by its id.

use super::error::QueryError;
use super::mpp_query_coordinator::Coordinators;
use super::rpc::{
    self, Coordinator, CoordinatorRequest, CoordinatorResponse, PlanSegmentStatus, Progress, ProgressReport, QueryKey,
};
use super::{shared_context::SharedContext, spawning::on_a_thread};
use crate::rt::net::TcpStream;
use crate::rt::{process, task};
use afterlife_probe::sometimes;
use futures_util::StreamExt;
use std::sync::Arc;
use tarpc::context::Context;
use tarpc::server::{BaseChannel, Channel};

/// The handlers of one server.
pub(super) struct Handlers {
    context: Arc<SharedContext>,
    manager: Arc<Coordinators>,
}

/// Serves one worker's connection.
pub(super) fn serve(handlers: &Arc<Handlers>, stream: TcpStream) {
    let transport =
        rpc::transport::<tarpc::ClientMessage<CoordinatorRequest>, tarpc::Response<CoordinatorResponse>>(stream);
    let service = Service { handlers: Arc::clone(handlers) };
    let channel = BaseChannel::with_defaults(transport).execute(service.serve());
    task::spawn(channel.for_each(|handling| async {
        task::spawn(handling);
    }));
}

#[derive(Clone)]
struct Service {
    handlers: Arc<Handlers>,
}

impl Service {
    async fn on_a_thread(self, handle: impl FnOnce(&Handlers) + Send + 'static) {
        let handlers = self.handlers;
        let handled = on_a_thread(move || handle(&handlers)).await;
        if handled.is_err_and(|ended| ended.is_panic()) {
            // A segmentation fault ends the process, not the thread.
            process::abort();
        }
    }
}

impl Coordinator for Service {
    async fn send_progress(self, _: Context, report: ProgressReport) {
        self.on_a_thread(move |handlers| handlers.send_progress(&report)).await;
    }

    async fn send_plan_segment_status(self, _: Context, status: PlanSegmentStatus) {
        self.on_a_thread(move |handlers| handlers.send_plan_segment_status(&status)).await;
    }

    async fn report_plan_segment_error(self, _: Context, query: QueryKey, error: QueryError) {
        self.on_a_thread(move |handlers| handlers.report_plan_segment_error(&query, &error)).await;
    }
}

impl Handlers {
    pub(super) fn new(context: Arc<SharedContext>, manager: Arc<Coordinators>) -> Self {
        Self { context, manager }
    }

    fn send_progress(&self, report: &ProgressReport) {
        if let Some(found) = self.manager.get(&report.query) {
            found.coordinator.on_progress(&report.query, report.id, report.delta);
        }
    }

    fn send_plan_segment_status(&self, status: &PlanSegmentStatus) {
        let scheduler = self.context.scheduler();
        if !scheduler.update_segment_status(status) || scheduler.retry_if_possible(status) {
            return;
        }
        let found = self.manager.get(&status.query);
        sometimes!(found.is_none(), "a status arrives after its query has ended");
        let Some(found) = found else { return };
        if status.progress != Progress::default() {
            found.coordinator.on_final_progress(&status.query, status.id, status.progress);
        }
        if let Some(error) = &status.error {
            found.coordinator.query_error(error);
        }
    }

    fn report_plan_segment_error(&self, query: &QueryKey, error: &QueryError) {
        // In BSP mode the status that follows decides the query's fate.
        if let Some(found) = self.manager.get(query).filter(|found| !found.coordinator.is_bsp()) {
            found.coordinator.query_error(error);
        }
    }
}
