//! The debug filters: a static set that every logged line of a debug build consults.
//! It formats and writes nothing.

use super::build::Build;
use afterlife_probe::Resource;
use std::collections::BTreeSet;
use std::fmt::Arguments;
use std::sync::{Mutex, PoisonError};

/// The modules whose lines are suppressed.
pub(super) struct DebugFilters {
    lifetime: Resource,
    suppressed: Mutex<BTreeSet<&'static str>>,
}

impl DebugFilters {
    pub(super) fn new() -> Self {
        Self { lifetime: Resource::open("debug_filters"), suppressed: Mutex::new(BTreeSet::from(["poll"])) }
    }

    /// Returns `true` if this module's lines are logged.
    #[track_caller]
    pub(super) fn wants(&self, module: &'static str, line: Arguments<'_>) -> bool {
        self.lifetime.used_by(line);
        !self.suppressed.lock().unwrap_or_else(PoisonError::into_inner).contains(module)
    }

    /// The static destructor, which runs after `main` has returned. Since `54ca795d` the set is allocated with `new` and never
    /// deleted. The sound build destroys it, since no thread is left to log.
    pub(super) fn static_destructor(&self, build: Build) {
        match build {
            Build::Shipped | Build::Sound => {
                self.lifetime.close();
                self.suppressed.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            Build::Patched => {}
        }
    }
}
