//! The handlers of what workers tell: upstream's `PlanSegmentManagerRpcService`, on threads of their own as upstream's are
//! bthreads: any number at once, in no order.
//! They own nothing: what they work on they find by the query's id.

use super::error::QueryError;
use super::rpc::{
    self, Coordinator, CoordinatorRequest, CoordinatorResponse, PlanSegmentStatus, Progress, ProgressReport, QueryKey,
};
use super::{server::Server, spawning::on_a_thread};
use crate::rt::net::TcpStream;
use crate::rt::{process, task};
use afterlife_probe::sometimes;
use futures_util::StreamExt;
use std::sync::Arc;
use tarpc::context::Context;
use tarpc::server::{BaseChannel, Channel};

/// Serves one worker's connection.
pub(super) fn serve(server: &Arc<Server>, stream: TcpStream) {
    let transport =
        rpc::transport::<tarpc::ClientMessage<CoordinatorRequest>, tarpc::Response<CoordinatorResponse>>(stream);
    let service = Service { server: Arc::clone(server) };
    let channel = BaseChannel::with_defaults(transport).execute(service.serve());
    task::spawn(channel.for_each(|handling| async {
        task::spawn(handling);
    }));
}

#[derive(Clone)]
struct Service {
    server: Arc<Server>,
}

impl Service {
    async fn on_a_thread(self, handle: impl FnOnce(&Server) + Send + 'static) {
        let server = self.server;
        let handled = on_a_thread(move || handle(&server)).await;
        if handled.is_err_and(|ended| ended.is_panic()) {
            // A segmentation fault ends the process, not the thread.
            process::abort();
        }
    }
}

impl Coordinator for Service {
    async fn send_progress(self, _: Context, report: ProgressReport) {
        self.on_a_thread(move |server| server.send_progress(&report)).await;
    }

    async fn send_plan_segment_status(self, _: Context, status: PlanSegmentStatus) {
        self.on_a_thread(move |server| server.send_plan_segment_status(&status)).await;
    }

    async fn report_plan_segment_error(self, _: Context, query: QueryKey, error: QueryError) {
        self.on_a_thread(move |server| server.report_plan_segment_error(&query, &error)).await;
    }
}

impl Server {
    fn send_progress(&self, report: &ProgressReport) {
        if let Some(found) = self.manager.get(&report.query) {
            found.coordinator.on_progress(&report.query, report.id, report.delta);
        }
    }

    fn send_plan_segment_status(&self, status: &PlanSegmentStatus) {
        if !self.scheduler.update_segment_status(status) || self.scheduler.retry_if_possible(status) {
            return;
        }
        let found = self.manager.get(&status.query);
        sometimes!(found.is_none(), "a status comes when its query is over");
        let Some(found) = found else { return };
        if status.progress != Progress::default() {
            found.coordinator.on_final_progress(&status.query, status.id, status.progress);
        }
        if let Some(error) = &status.error {
            found.coordinator.query_error(error);
        }
    }

    fn report_plan_segment_error(&self, query: &QueryKey, error: &QueryError) {
        // In BSP mode the status that follows decides.
        if let Some(found) = self.manager.get(query).filter(|found| !found.coordinator.is_bsp()) {
            found.coordinator.query_error(error);
        }
    }
}
