//! The asynchronous tasks of one process: spawned from anywhere, ended together.
//! It is not the default pool, which has threads of its own.

use crate::rt::task::JoinSet;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// Tasks of one process.
#[derive(Debug)]
pub(super) struct Tasks {
    runtime: Handle,
    /// `None` once they were stopped.
    running: Mutex<Option<JoinSet<()>>>,
}

impl Tasks {
    /// None yet, on the runtime that calls.
    pub(super) fn new() -> Self {
        Self { runtime: Handle::current(), running: Mutex::new(Some(JoinSet::new())) }
    }

    /// The runtime that they run on.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Starts one; after the stop, none.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(running) = &mut *self.running() {
            while running.try_join_next().is_some() {}
            running.spawn_on(task, &self.runtime);
        }
    }

    /// Ends all of them where they wait, and returns when they have ended.
    pub(super) async fn stop(&self) {
        let running = self.running().take();
        if let Some(mut running) = running {
            running.shutdown().await;
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<JoinSet<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
