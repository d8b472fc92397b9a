//! The asynchronous tasks of one process: spawned from anywhere, ended together. The default pool is separate and has
//! its own threads.

use crate::rt::task::JoinSet;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// The tasks of one process.
#[derive(Debug)]
pub(super) struct Tasks {
    runtime: Handle,
    /// `None` once they have been stopped.
    running: Mutex<Option<JoinSet<()>>>,
}

impl Tasks {
    /// An empty set on the current runtime.
    pub(super) fn new() -> Self {
        Self { runtime: Handle::current(), running: Mutex::new(Some(JoinSet::new())) }
    }

    /// The runtime that the tasks run on.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Spawns a task, or drops it if the tasks have been stopped.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(running) = &mut *self.running() {
            while running.try_join_next().is_some() {}
            running.spawn_on(task, &self.runtime);
        }
    }

    /// Aborts all tasks, and returns once they have ended.
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
