//! The controller of one VDiff: a goroutine that runs the diff and keeps the VDiff's state, and the stop that waits for it.
//! How tables are compared is in `workflow_differ.rs` and `table_differ.rs`.

use super::build::Build;
use super::config::{ERROR_CHARS, SAVE_RETRY_DELAY, SAVE_RETRY_DELAY_MAX};
use super::context::{Cancelled, Context};
use super::engine::{Engine, EngineError};
use super::goroutine::go;
use super::mysql::{Mysql, SqlError, quote};
use super::rpc::{CallError, Options};
use super::topo::TopoError;
use super::workflow_differ::WorkflowDiffer;
use crate::rt::{task, time};
use afterlife_probe::Resource;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Why a diff came to no end.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiffError {
    #[error("engine is shutting down, or the vdiff was stopped")]
    Cancelled,
    #[error("table diff was stopped due to exceeding the max-diff-duration time")]
    MaxDiffDuration,
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error(transparent)]
    Topo(#[from] TopoError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("no tablet of {0} can be streamed from")]
    NoTablet(String),
    #[error("a report: {0}")]
    Report(#[from] serde_json::Error),
    #[error("the diff panicked: {0}")]
    Panicked(String),
}

impl From<Cancelled> for DiffError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl DiffError {
    /// Whether it may be gone at the next try, and the words that say so where the error is kept.
    fn kept(&self) -> String {
        let ephemeral = matches!(self, Self::Topo(_) | Self::Call(_) | Self::NoTablet(_));
        let text: String = self.to_string().chars().take(ERROR_CHARS).collect();
        if ephemeral { format!("{EPHEMERAL}{text}") } else { text }
    }
}

/// How the kept text of an ephemeral error begins; upstream reads MySQL's error number in it.
const EPHEMERAL: &str = "ephemeral: ";

/// A row of `_vt.vdiff`.
#[derive(Clone, Debug)]
pub(super) struct VDiffRow {
    pub(super) id: i64,
    pub(super) uuid: String,
    pub(super) state: String,
    options: String,
}

impl VDiffRow {
    /// What is to run when an engine opens.
    pub(super) async fn to_run(mysql: &Mysql) -> Result<Vec<Self>, SqlError> {
        Self::select(mysql, "WHERE state IN ('started', 'pending') ORDER BY id".to_owned()).await
    }

    /// What ended with an ephemeral error.
    pub(super) async fn to_retry(mysql: &Mysql) -> Result<Vec<Self>, SqlError> {
        let ephemeral = quote(&format!("{EPHEMERAL}%"));
        Self::select(mysql, format!("WHERE state = 'error' AND last_error LIKE {ephemeral} ORDER BY id")).await
    }

    /// The one with this id.
    pub(super) async fn by_id(mysql: &Mysql, id: i64) -> Result<Option<Self>, SqlError> {
        Ok(Self::select(mysql, format!("WHERE id = {id}")).await?.pop())
    }

    /// The one of this name.
    pub(super) async fn by_uuid(mysql: &Mysql, uuid: &str) -> Result<Option<Self>, SqlError> {
        Ok(Self::select(mysql, format!("WHERE vdiff_uuid = {}", quote(uuid))).await?.pop())
    }

    async fn select(mysql: &Mysql, which: String) -> Result<Vec<Self>, SqlError> {
        mysql
            .with(move |db| {
                let mut query = db.prepare(&format!("SELECT id, vdiff_uuid, state, options FROM _vt.vdiff {which}"))?;
                let rows = query.query_map((), |row| {
                    Ok(Self { id: row.get(0)?, uuid: row.get(1)?, state: row.get(2)?, options: row.get(3)? })
                })?;
                rows.collect()
            })
            .await
    }

    /// The statements that make it pending again, with no error.
    pub(super) fn set_pending(&self) -> Vec<String> {
        vec![set_state(self.id, "pending", ""), log(self.id, "State changed to: pending")]
    }

    pub(super) fn options(&self) -> Result<Options, EngineError> {
        Ok(serde_json::from_str(&self.options)?)
    }
}

/// The statement that changes a VDiff's state.
pub(super) fn set_state(id: i64, state: &str, last_error: &str) -> String {
    let at = match state {
        "started" => format!(", started_at = {}", now_s()),
        "completed" => format!(", completed_at = {}", now_s()),
        _ => String::new(),
    };
    format!("UPDATE _vt.vdiff SET state = '{state}', last_error = {}{at} WHERE id = {id}", quote(last_error))
}

/// The statement that logs something of a VDiff.
pub(super) fn log(id: i64, message: &str) -> String {
    format!("INSERT INTO _vt.vdiff_log (vdiff_id, message) VALUES ({id}, {})", quote(message))
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// One VDiff at work.
#[derive(Debug)]
pub(super) struct Controller {
    pub(super) id: i64,
    pub(super) uuid: String,
    pub(super) options: Options,
    ctx: Context,
    /// Cancelled when the goroutine has ended: upstream closes a channel.
    done: Context,
    held: Option<Arc<Resource>>,
}

impl Controller {
    /// One that does not run yet.
    pub(super) fn new(ctx: &Context, row: &VDiffRow, held: Option<Arc<Resource>>) -> Result<Arc<Self>, EngineError> {
        let (id, uuid, options) = (row.id, row.uuid.clone(), row.options()?);
        Ok(Arc::new(Self { id, uuid, options, ctx: ctx.child(), done: Context::background(), held }))
    }

    /// Starts its goroutine. Upstream's recovers no panic, so that one in a diff ends the process, and the VDiff stays
    /// "started"; in the sound build it ends the diff.
    pub(super) fn start(self: &Arc<Self>, engine: &Arc<Engine>) {
        let (controller, engine) = (Arc::clone(self), Arc::clone(engine));
        go(async move {
            let _done = super::context::CancelOnDrop(controller.done.clone());
            let _held = controller.held.as_ref().map(|held| {
                held.used_by(format_args!("controller {}", controller.id));
                held.borrow()
            });
            match engine.config.build {
                Build::Shipped | Build::Patched => controller.run(&engine).await,
                Build::Sound => controller.run_contained(&engine).await,
            }
        });
    }

    /// Cancels it and waits until it has ended.
    pub(super) async fn stop(&self) {
        self.ctx.cancel();
        self.done.done().await;
    }

    async fn run_contained(self: &Arc<Self>, engine: &Arc<Engine>) {
        let (controller, running) = (Arc::clone(self), Arc::clone(engine));
        let Err(ended) = task::spawn(async move { controller.run(&running).await }).await else { return };
        if let Ok(panic) = ended.try_into_panic() {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            self.save_error_state(engine, &DiffError::Panicked(said.to_owned())).await;
        }
    }

    async fn run(&self, engine: &Arc<Engine>) {
        engine.mysql.connect().await;
        let Ok(Some(row)) = VDiffRow::by_id(&engine.mysql, self.id).await else { return };
        if !matches!(row.state.as_str(), "pending" | "started") {
            return;
        }
        match self.run_diff(engine).await {
            // What was interrupted goes on at the next opening, from `lastpk`; what was stopped, its stopper marks.
            Ok(()) | Err(DiffError::Cancelled) => {}
            Err(error) => self.save_error_state(engine, &error).await,
        }
    }

    /// Upstream's `start`.
    async fn run_diff(&self, engine: &Arc<Engine>) -> Result<(), DiffError> {
        self.update_state(engine, "started", "").await?;
        WorkflowDiffer::new(engine, self).diff(&self.ctx).await
    }

    /// Changes the VDiff's state, and logs it.
    pub(super) async fn update_state(&self, engine: &Engine, state: &str, last_error: &str) -> Result<(), DiffError> {
        let message = format!("State changed to: {state}");
        let statements = vec![set_state(self.id, state, last_error), log(self.id, &message)];
        self.write(engine, statements).await
    }

    /// Writes, and waits for the replica. Upstream's statements cannot be cancelled; the sound build's can, so that a close
    /// does not wait for a replica that is gone.
    pub(super) async fn write(&self, engine: &Engine, statements: Vec<String>) -> Result<(), DiffError> {
        let writing = engine.mysql.write(statements);
        match engine.config.build {
            Build::Shipped | Build::Patched => writing.await?,
            Build::Sound => self.ctx.run(writing).await??,
        };
        Ok(())
    }

    /// Keeps the error, as long as it takes.
    async fn save_error_state(&self, engine: &Engine, error: &DiffError) {
        let kept = error.kept();
        let mut delay = SAVE_RETRY_DELAY;
        while self.update_state(engine, "error", &kept).await.is_err() {
            if self.ctx.run(time::sleep(delay)).await.is_err() {
                return;
            }
            delay = (delay + delay / 2).min(SAVE_RETRY_DELAY_MAX);
        }
    }
}
