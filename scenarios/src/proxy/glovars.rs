//! The requests to the whole process (upstream's `glovars`): a stop or a restart.
//! It acts on neither; the main loop does.

use super::build::Build;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Nothing is requested.
const RUN: u8 = 0;
/// A stop is requested; in the sound build, one after which the process starts again.
const STOP: u8 = 1;
/// In the sound build: a final stop.
const STOP_FOR_GOOD: u8 = 2;

/// The flags of one process.
pub(super) struct GloVars {
    build: Build,
    shutdown: AtomicU8,
    reload: AtomicBool,
}

impl GloVars {
    pub(super) fn new(build: Build) -> Self {
        Self { build, shutdown: AtomicU8::new(RUN), reload: AtomicBool::new(false) }
    }

    /// Returns `true` once a stop is requested.
    pub(super) fn shutdown(&self) -> bool {
        self.shutdown.load(Ordering::SeqCst) != RUN
    }

    /// Requests a stop: `PROXYSQL SHUTDOWN SLOW`, or TERM in a debug build. Upstream swaps 0 for 1 and does nothing else.
    pub(super) fn stop(&self) {
        match self.build {
            Build::Shipped | Build::Patched => {
                let _ = self.shutdown.compare_exchange(RUN, STOP, Ordering::SeqCst, Ordering::SeqCst);
            }
            Build::Sound => drop(self.shutdown.fetch_max(STOP_FOR_GOOD, Ordering::SeqCst)),
        }
    }

    /// Requests a stop after which `main` starts again: `PROXYSQL RESTART`.
    pub(super) fn restart(&self) {
        match self.build {
            Build::Shipped | Build::Patched => {
                self.reload.store(true, Ordering::SeqCst);
                self.stop();
            }
            Build::Sound => drop(self.shutdown.fetch_max(STOP, Ordering::SeqCst)),
        }
    }

    /// Called after a stop. Returns `true` if the process starts again. Upstream reads one flag and resets the other, and so
    /// loses a stop that is requested in between; the sound build takes back a restart and nothing else.
    pub(super) fn starts_again(&self) -> bool {
        match self.build {
            Build::Shipped | Build::Patched => {
                let again = self.reload.swap(false, Ordering::SeqCst);
                if again {
                    self.shutdown.store(RUN, Ordering::SeqCst);
                }
                again
            }
            Build::Sound => self.shutdown.compare_exchange(STOP, RUN, Ordering::SeqCst, Ordering::SeqCst).is_ok(),
        }
    }
}
