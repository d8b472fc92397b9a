//! The query cache, `GloQC`. Only its purging thread is modelled.
//! It caches nothing.

use super::config::PURGE_LOOP;
use super::pointer::Global;
use super::threads;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// The cache.
#[derive(Default)]
pub(super) struct QueryCache {
    shutdown: AtomicBool,
    purge_thread: Mutex<Option<JoinHandle<()>>>,
}

impl QueryCache {
    /// Starts the purging thread, which reaches the cache through the global pointer.
    pub(super) fn start(&self, qc: &Global<Self>) {
        let qc = qc.clone();
        let purge = threads::create("query-cache", move || {
            while !qc.get(format_args!("purge thread")).shutdown.load(Ordering::SeqCst) {
                thread::sleep(PURGE_LOOP);
            }
        });
        *self.purge_thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(purge);
    }

    /// `GloQC->shutdown = 1`.
    pub(super) fn stop(&self) {
        self.shutdown.store(true, Ordering::SeqCst);
    }

    pub(super) fn join(&self) {
        if let Some(purge) = self.purge_thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            threads::join(purge);
        }
    }
}
