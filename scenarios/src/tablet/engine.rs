//! The VDiff engine: open while its tablet is primary, with one controller for each running VDiff. `controller.rs` runs
//! a diff; `action.rs` handles requests from outside.

use super::build::Build;
use super::config::{OPEN_RETRY_INTERVAL, RETRY_INTERVAL, TabletConfig};
use super::context::Context;
use super::controller::Controller;
use super::goroutine::go;
use super::mysql::{Mysql, SqlError};
use super::stats::Stats;
use super::topo::TopoServer;
use super::vdiff::Services;
use super::vdiff_row::VDiffRow;
use crate::rt::{
    sync::{Mutex, MutexGuard},
    task, time,
};
use afterlife_probe::Resource;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// The reason why the engine did not open, or did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("the options of a vdiff: {0}")]
    Options(#[from] serde_json::Error),
    #[error("vdiff engine is closed")]
    Closed,
    #[error("vdiff engine is still trying to open")]
    Opening,
    #[error("no vdiff {0}")]
    NoVDiff(String),
}

/// The engine. It exists for as long as its process.
pub(super) struct Engine {
    pub(super) services: Arc<Services>,
    /// Upstream's `mu`.
    inner: Mutex<Inner>,
    /// In the sound build, the context of the latest opening: a close cancels it without waiting for the lock.
    opening: std::sync::Mutex<Context>,
}

/// The state that `mu` guards.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) is_open: bool,
    pub(super) controllers: BTreeMap<i64, Arc<Controller>>,
    /// The parent of the controllers' contexts.
    pub(super) ctx: Context,
    pub(super) cancel_retry: Option<Context>,
    /// Upstream's wait group: the loops of the current opening.
    wg: Vec<task::JoinHandle<()>>,
    /// The engine's lifetime, from one opening to the next close.
    lifetime: Option<Resource>,
    /// The resource that controllers hold while they run. It stays after it is closed, for controllers that come too
    /// late.
    held: Option<Arc<Resource>>,
}

impl Engine {
    pub(super) fn new(
        config: Arc<TabletConfig>,
        topo: Arc<TopoServer>,
        mysql: Arc<Mysql>,
        stats: Arc<Stats>,
    ) -> Arc<Self> {
        let services = Arc::new(Services { config, topo, mysql, stats, snapshot_mu: Mutex::default() });
        Arc::new(Self { services, inner: Mutex::default(), opening: Default::default() })
    }

    /// Opens the engine, unless it is open. A failed opening is retried every second.
    pub(super) async fn open(self: &Arc<Self>, ctx: &Context) {
        let mut inner = self.inner.lock().await;
        if inner.is_open {
            return;
        }
        if let Some(retry) = inner.cancel_retry.take() {
            retry.cancel();
        }
        if self.open_locked(&mut inner, ctx).await.is_err() {
            let retry = ctx.child();
            inner.cancel_retry = Some(retry.clone());
            let retrying = go(Arc::clone(self).retry(retry));
            if self.services.config.build == Build::Sound {
                inner.wg.push(retrying);
            }
        }
    }

    async fn open_locked(self: &Arc<Self>, inner: &mut Inner, ctx: &Context) -> Result<(), EngineError> {
        self.services.stats.init();
        if !inner.controllers.is_empty() {
            // "This should never happen."
            self.reset_controllers(inner).await;
        }
        self.services.mysql.connect().await;
        let rows = VDiffRow::to_run(&self.services.mysql).await?;
        inner.ctx = ctx.child();
        *self.opening.lock().unwrap_or_else(PoisonError::into_inner) = inner.ctx.clone();
        let lifetime = inner.lifetime.insert(Resource::declare("vdiff engine"));
        lifetime.opening();
        inner.held = Some(Arc::new(Resource::open("vdiff controllers")));
        // "Now we are open and have things to close."
        inner.is_open = true;
        match self.services.config.build {
            Build::Shipped | Build::Patched => self.init_controllers(inner, &rows)?,
            Build::Sound => {
                let mut half_open = HalfOpen(Some(inner));
                self.init_controllers(half_open.inner(), &rows)?;
                half_open.keep_open();
            }
        }
        self.services
            .stats
            .update(inner.controllers.iter().map(|(id, controller)| (*id, controller.uuid().to_owned())));
        inner.wg.push(go(Arc::clone(self).retry_errored(inner.ctx.clone())));
        if let Some(lifetime) = &inner.lifetime {
            lifetime.opened();
        }
        Ok(())
    }

    /// Retries the opening until it succeeds or is cancelled.
    async fn retry(self: Arc<Self>, ctx: Context) {
        while ctx.run(time::sleep(OPEN_RETRY_INTERVAL)).await.is_ok() {
            let Some(mut inner) = self.lock_in_a_loop(&ctx).await else { return };
            // Checked again under the lock: nothing opens after the cancel.
            if ctx.is_done() {
                return;
            }
            if self.open_locked(&mut inner, &ctx).await.is_ok() {
                inner.cancel_retry = None;
                return;
            }
        }
    }

    fn init_controllers(self: &Arc<Self>, inner: &mut Inner, rows: &[VDiffRow]) -> Result<(), EngineError> {
        rows.iter().try_for_each(|row| self.add_controller(inner, row))
    }

    /// Creates the controller of a VDiff and enters it in both maps. The shipped build starts it before either map has
    /// it.
    pub(super) fn add_controller(self: &Arc<Self>, inner: &mut Inner, row: &VDiffRow) -> Result<(), EngineError> {
        let controller = Controller::new(&self.services, &inner.ctx, row, inner.held.clone())?;
        if self.services.config.build == Build::Shipped {
            controller.start(self);
        }
        inner.controllers.insert(controller.id(), Arc::clone(&controller));
        self.services.stats.add(controller.id(), controller.uuid().to_owned());
        if self.services.config.build != Build::Shipped {
            controller.start(self);
        }
        Ok(())
    }

    /// Closes the engine. Upstream considers an engine that retries its opening as not open, and only cancels the
    /// retry.
    pub(super) async fn close(&self) {
        if self.services.config.build == Build::Sound {
            self.opening.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        }
        let mut inner = self.inner.lock().await;
        let retry = inner.cancel_retry.take();
        if let Some(retry) = &retry {
            retry.cancel();
        }
        if !inner.is_open && self.services.config.build != Build::Sound {
            return;
        }
        if retry.is_none() || self.services.config.build == Build::Sound {
            inner.ctx.cancel();
            // "We still have to wait for all controllers to stop."
            self.reset_controllers(&mut inner).await;
            // The loop that retries VDiffs may be waiting for the lock that is held here. In the sound build it gives
            // up.
            while let Some(retrying) = inner.wg.last_mut() {
                let _ = retrying.await;
                inner.wg.pop();
            }
            inner.is_open = false;
        }
        if let Some(lifetime) = inner.lifetime.take() {
            lifetime.close();
            if let Some(held) = &inner.held {
                held.close();
            }
        }
    }

    async fn reset_controllers(&self, inner: &mut Inner) {
        while let Some(id) = inner.controllers.keys().next().copied() {
            self.stop_controller(inner, id).await;
        }
        self.services.stats.clear();
    }

    /// Stops a controller, and returns whether it existed. The map keeps it until it has ended: if this wait is
    /// cancelled, a close waits for it.
    pub(super) async fn stop_controller(&self, inner: &mut Inner, id: i64) -> bool {
        let Some(controller) = inner.controllers.get(&id).cloned() else { return false };
        controller.stop().await;
        inner.controllers.remove(&id).is_some()
    }

    /// Every 30 seconds, retries the VDiffs that ended with an ephemeral error.
    async fn retry_errored(self: Arc<Self>, ctx: Context) {
        while ctx.run(time::sleep(RETRY_INTERVAL)).await.is_ok() {
            let Some(mut inner) = self.lock_in_a_loop(&ctx).await else { return };
            // A failure here is retried in the next round.
            let _ = self.retry_vdiffs(&mut inner, &ctx).await;
        }
    }

    async fn retry_vdiffs(self: &Arc<Self>, inner: &mut Inner, ctx: &Context) -> Result<(), EngineError> {
        for row in VDiffRow::to_retry(&self.services.mysql).await? {
            if ctx.is_done() {
                break;
            }
            if row.options()?.auto_retry {
                self.write(ctx, row.set_pending()).await?;
                self.add_controller(inner, &row)?;
            }
        }
        Ok(())
    }

    /// Writes, and waits for the replica. The caller holds the lock. The sound build gives up when the engine closes.
    pub(super) async fn write(&self, ctx: &Context, statements: Vec<String>) -> Result<(), EngineError> {
        let writing = self.services.mysql.write(statements);
        match self.services.config.build {
            Build::Shipped | Build::Patched => writing.await?,
            Build::Sound => ctx.run(writing).await.map_err(|_| EngineError::Closed)??,
        };
        Ok(())
    }

    /// Takes the lock for a loop that a close waits for. Upstream's loops wait for it unconditionally; the sound
    /// build's give up when they are cancelled.
    async fn lock_in_a_loop(&self, ctx: &Context) -> Option<MutexGuard<'_, Inner>> {
        match self.services.config.build {
            Build::Shipped | Build::Patched => Some(self.inner.lock().await),
            Build::Sound => ctx.run(self.inner.lock()).await.ok(),
        }
    }

    /// Takes upstream's `mu`, for actions from outside.
    pub(super) async fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().await
    }
}

/// In the sound build, an engine that is being opened. An interrupted opening, including one that panics, closes it
/// again.
struct HalfOpen<'a>(Option<&'a mut Inner>);

impl HalfOpen<'_> {
    fn inner(&mut self) -> &mut Inner {
        self.0.as_mut().expect("only the end takes it")
    }

    fn keep_open(mut self) {
        self.0 = None;
    }
}

impl Drop for HalfOpen<'_> {
    fn drop(&mut self) {
        if let Some(inner) = self.0.take() {
            // The next opening, or the close, waits for the controllers.
            inner.ctx.cancel();
            inner.is_open = false;
            if let Some(lifetime) = inner.lifetime.take() {
                lifetime.close();
            }
        }
    }
}
