//! The query cache, of which only the thread is modelled that purges it.
//! It caches nothing.

use super::config::PURGE_LOOP;
use super::glo::Glo;
use super::threads;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// The cache.
#[derive(Default)]
pub(super) struct QueryCache {
    shutdown: AtomicBool,
    purge_thread: Mutex<Option<JoinHandle<()>>>,
}

impl QueryCache {
    pub(super) fn start(&self, glo: &Arc<Glo>) {
        let purge = threads::create(glo, "query-cache", |glo| {
            while !glo.qc.get(format_args!("purge thread")).shutdown.load(Ordering::SeqCst) {
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
