//! The controller of one VDiff: a goroutine that runs the diff and records the VDiff's state, and a stop that waits for
//! it. `workflow_differ.rs` and `table_differ.rs` compare the tables.

use super::build::Build;
use super::config::{SAVE_RETRY_DELAY, SAVE_RETRY_DELAY_MAX};
use super::context::{CancelOnDrop, Context};
use super::goroutine::go;
use super::vdiff::{DiffError, Services, VDiff};
use super::vdiff_row::VDiffRow;
use super::workflow_differ::WorkflowDiffer;
use crate::rt::{task, time};
use afterlife_probe::Resource;
use std::sync::Arc;

/// The controller of one VDiff.
pub(super) struct Controller {
    vdiff: VDiff,
    /// Cancelled once the goroutine has ended. Upstream closes a channel.
    done: Context,
    held: Option<Arc<Resource>>,
}

impl Controller {
    /// A controller that is not running yet.
    pub(super) fn new(
        services: &Arc<Services>,
        ctx: &Context,
        row: &VDiffRow,
        held: Option<Arc<Resource>>,
    ) -> Result<Arc<Self>, serde_json::Error> {
        let (id, uuid, options) = (row.id, row.uuid.clone(), row.options()?);
        let vdiff = VDiff { services: Arc::clone(services), id, uuid, options, ctx: ctx.child() };
        Ok(Arc::new(Self { vdiff, done: Context::background(), held }))
    }

    /// The VDiff's id.
    pub(super) fn id(&self) -> i64 {
        self.vdiff.id
    }

    /// The VDiff's name.
    pub(super) fn uuid(&self) -> &str {
        &self.vdiff.uuid
    }

    /// Starts the goroutine, which keeps `engine` alive until its end, as in Go. Upstream's recovers no panic, so a panic
    /// in a diff ends the process and leaves the VDiff "started". In the sound build it ends the diff alone.
    pub(super) fn start<E: Send + Sync + 'static>(self: &Arc<Self>, engine: &Arc<E>) {
        let (controller, engine) = (Arc::clone(self), Arc::clone(engine));
        go(async move {
            let _done = CancelOnDrop(controller.done.clone());
            let _held = controller.held.as_ref().map(|held| {
                held.used_by(format_args!("controller {}", controller.vdiff.id));
                held.borrow()
            });
            match controller.vdiff.services.config.build {
                Build::Shipped | Build::Patched => controller.run().await,
                Build::Sound => controller.run_contained(&engine).await,
            }
            let _ = &engine;
        });
    }

    /// Cancels the goroutine and waits until it has ended.
    pub(super) async fn stop(&self) {
        self.vdiff.ctx.cancel();
        self.done.done().await;
    }

    async fn run_contained<E: Send + Sync + 'static>(self: &Arc<Self>, engine: &Arc<E>) {
        let (controller, engine) = (Arc::clone(self), Arc::clone(engine));
        let running = task::spawn(async move {
            controller.run().await;
            let _ = &engine;
        });
        let Err(ended) = running.await else { return };
        if let Ok(panic) = ended.try_into_panic() {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            self.save_error_state(&DiffError::Panicked(message.to_owned())).await;
        }
    }

    async fn run(&self) {
        let mysql = &self.vdiff.services.mysql;
        mysql.connect().await;
        let Ok(Some(row)) = VDiffRow::by_id(mysql, self.vdiff.id).await else { return };
        if !matches!(row.state.as_str(), "pending" | "started") {
            return;
        }
        match self.run_diff().await {
            // An interrupted diff continues from `lastpk` at the next opening. Whoever stops a diff records its state.
            Ok(()) | Err(DiffError::Cancelled) => {}
            Err(error) => self.save_error_state(&error).await,
        }
    }

    /// Upstream's `start`.
    async fn run_diff(&self) -> Result<(), DiffError> {
        self.vdiff.update_state("started", "").await?;
        WorkflowDiffer::new(&self.vdiff).diff(&self.vdiff.ctx).await
    }

    /// Stores the error, retrying for as long as it takes.
    async fn save_error_state(&self, error: &DiffError) {
        let kept = error.kept();
        let mut delay = SAVE_RETRY_DELAY;
        while self.vdiff.update_state("error", &kept).await.is_err() {
            if self.vdiff.ctx.run(time::sleep(delay)).await.is_err() {
                return;
            }
            delay = (delay + delay / 2).min(SAVE_RETRY_DELAY_MAX);
        }
    }
}
