//! The VDiff engine: it is open while its tablet is primary, and has one controller for each VDiff that runs.
//! What a diff does is in `controller.rs`; what is asked of the engine from outside, in `action.rs`.

use super::build::Build;
use super::config::{OPEN_RETRY_INTERVAL, RETRY_INTERVAL, TabletConfig};
use super::context::Context;
use super::controller::{Controller, VDiffRow};
use super::goroutine::go;
use super::mysql::{Mysql, SqlError};
use super::stats::Stats;
use super::topo::TopoServer;
use crate::rt::{
    sync::{Mutex, MutexGuard},
    task, time,
};
use afterlife_probe::Resource;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// Why the engine did not open, or did not do what was asked.
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

/// The engine. It is there for as long as its process.
pub(super) struct Engine {
    pub(super) config: Arc<TabletConfig>,
    pub(super) topo: Arc<TopoServer>,
    pub(super) mysql: Arc<Mysql>,
    pub(super) stats: Arc<Stats>,
    /// Upstream's `mu`.
    inner: Mutex<Inner>,
    /// The sound build: the context of the last opening, for a close that is not to wait for who holds the lock.
    opening: std::sync::Mutex<Context>,
    /// One snapshot at a time: while it is taken, the workflow stands still.
    pub(super) snapshot_mu: Mutex<()>,
}

/// What `mu` guards.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) is_open: bool,
    pub(super) controllers: BTreeMap<i64, Arc<Controller>>,
    /// Above all controllers.
    pub(super) ctx: Context,
    pub(super) cancel_retry: Option<Context>,
    /// Upstream's wait group: the loops of this opening.
    wg: Vec<task::JoinHandle<()>>,
    /// From closed to open and back.
    lifetime: Option<Resource>,
    /// What controllers hold as long as they live. It stays when it is closed: for whoever comes too late.
    held: Option<Arc<Resource>>,
}

impl Engine {
    pub(super) fn new(
        config: Arc<TabletConfig>,
        topo: Arc<TopoServer>,
        mysql: Arc<Mysql>,
        stats: Arc<Stats>,
    ) -> Arc<Self> {
        Arc::new(Self {
            config,
            topo,
            mysql,
            stats,
            inner: Mutex::default(),
            opening: Default::default(),
            snapshot_mu: Mutex::default(),
        })
    }

    /// Opens the engine, unless it is open. If it cannot be opened, it is tried every second.
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
            if self.config.build == Build::Sound {
                inner.wg.push(retrying);
            }
        }
    }

    async fn open_locked(self: &Arc<Self>, inner: &mut Inner, ctx: &Context) -> Result<(), EngineError> {
        self.stats.init();
        if !inner.controllers.is_empty() {
            // "This should never happen."
            self.reset_controllers(inner).await;
        }
        self.mysql.connect().await;
        let rows = VDiffRow::to_run(&self.mysql).await?;
        inner.ctx = ctx.child();
        *self.opening.lock().unwrap_or_else(PoisonError::into_inner) = inner.ctx.clone();
        let lifetime = inner.lifetime.insert(Resource::declare("vdiff engine"));
        lifetime.opening();
        inner.held = Some(Arc::new(Resource::open("vdiff controllers")));
        // "Now we are open and have things to close."
        inner.is_open = true;
        match self.config.build {
            Build::Shipped | Build::Patched => self.init_controllers(inner, &rows)?,
            Build::Sound => {
                let mut half_open = HalfOpen(Some(inner));
                self.init_controllers(half_open.inner(), &rows)?;
                half_open.keep_open();
            }
        }
        self.stats.update(inner.controllers.iter().map(|(id, controller)| (*id, controller.uuid.clone())));
        inner.wg.push(go(Arc::clone(self).retry_errored(inner.ctx.clone())));
        if let Some(lifetime) = &inner.lifetime {
            lifetime.opened();
        }
        Ok(())
    }

    /// Tries to open until it is open, or nobody wants it any more.
    async fn retry(self: Arc<Self>, ctx: Context) {
        while ctx.run(time::sleep(OPEN_RETRY_INTERVAL)).await.is_ok() {
            let Some(mut inner) = self.lock_in_a_loop(&ctx).await else { return };
            // Again under the lock: nobody opens after the cancel.
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

    /// Makes the controller of a VDiff, and enters it in both maps. The shipped build starts it before it is in any.
    pub(super) fn add_controller(self: &Arc<Self>, inner: &mut Inner, row: &VDiffRow) -> Result<(), EngineError> {
        let controller = Controller::new(&inner.ctx, row, inner.held.clone())?;
        if self.config.build == Build::Shipped {
            controller.start(self);
        }
        inner.controllers.insert(controller.id, Arc::clone(&controller));
        self.stats.add(controller.id, controller.uuid.clone());
        if self.config.build != Build::Shipped {
            controller.start(self);
        }
        Ok(())
    }

    /// Closes the engine. Who retries to open is not open, says upstream, and only cancels that.
    pub(super) async fn close(&self) {
        if self.config.build == Build::Sound {
            self.opening.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        }
        let mut inner = self.inner.lock().await;
        let retry = inner.cancel_retry.take();
        if let Some(retry) = &retry {
            retry.cancel();
        }
        if !inner.is_open && self.config.build != Build::Sound {
            return;
        }
        if retry.is_none() || self.config.build == Build::Sound {
            inner.ctx.cancel();
            // "We still have to wait for all controllers to stop."
            self.reset_controllers(&mut inner).await;
            // The loop that retries VDiffs may be waiting for the lock that is held here. In the sound build it gives up.
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
        self.stats.clear();
    }

    /// Stops a controller, and says whether it was there. It is in the map until it has ended: whoever waits here may be given up,
    /// and a close then waits for it.
    pub(super) async fn stop_controller(&self, inner: &mut Inner, id: i64) -> bool {
        let Some(controller) = inner.controllers.get(&id).cloned() else { return false };
        controller.stop().await;
        inner.controllers.remove(&id).is_some()
    }

    /// Every half minute, tries again what ended with an ephemeral error.
    async fn retry_errored(self: Arc<Self>, ctx: Context) {
        while ctx.run(time::sleep(RETRY_INTERVAL)).await.is_ok() {
            let Some(mut inner) = self.lock_in_a_loop(&ctx).await else { return };
            // What could not be tried again now is tried again then.
            let _ = self.retry_vdiffs(&mut inner, &ctx).await;
        }
    }

    async fn retry_vdiffs(self: &Arc<Self>, inner: &mut Inner, ctx: &Context) -> Result<(), EngineError> {
        for row in VDiffRow::to_retry(&self.mysql).await? {
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

    /// Writes, and waits for the replica; who does it has the lock. The sound build gives up when the engine is closed.
    pub(super) async fn write(&self, ctx: &Context, statements: Vec<String>) -> Result<(), EngineError> {
        let writing = self.mysql.write(statements);
        match self.config.build {
            Build::Shipped | Build::Patched => writing.await?,
            Build::Sound => ctx.run(writing).await.map_err(|_| EngineError::Closed)??,
        };
        Ok(())
    }

    /// The lock, for a loop that a close waits for. Upstream's loops wait for it whatever happens; the sound one gives up when
    /// it is to end.
    async fn lock_in_a_loop(&self, ctx: &Context) -> Option<MutexGuard<'_, Inner>> {
        match self.config.build {
            Build::Shipped | Build::Patched => Some(self.inner.lock().await),
            Build::Sound => ctx.run(self.inner.lock()).await.ok(),
        }
    }

    /// Upstream's `mu`, for who acts on the engine from outside.
    pub(super) async fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().await
    }
}

/// The sound build: an engine that is being opened. What cuts the opening short, a panic too, closes it.
struct HalfOpen<'a>(Option<&'a mut Inner>);

impl HalfOpen<'_> {
    fn inner(&mut self) -> &mut Inner {
        self.0.as_mut().expect("it is taken at the end alone")
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
