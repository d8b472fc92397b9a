//! The debug filters: a static set that every logged line of a debug build asks.
//! It formats and writes nothing.

use super::build::Build;
use afterlife_probe::Resource;
use std::collections::BTreeSet;
use std::fmt::Arguments;
use std::sync::{Mutex, PoisonError};

/// Which modules' lines are not wanted.
pub(super) struct DebugFilters {
    life: Resource,
    unwanted: Mutex<BTreeSet<&'static str>>,
}

impl DebugFilters {
    pub(super) fn new() -> Self {
        Self { life: Resource::open("debug_filters"), unwanted: Mutex::new(BTreeSet::from(["poll"])) }
    }

    /// Whether a line of this module is wanted.
    #[track_caller]
    pub(super) fn wants(&self, module: &'static str, line: Arguments<'_>) -> bool {
        self.life.used_by(line);
        !self.unwanted.lock().unwrap_or_else(PoisonError::into_inner).contains(module)
    }

    /// The static destructor, which runs when `main` has returned. Since `54ca795d` the set is made with `new` and never
    /// deleted; the sound build destroys it, for nobody is left to log.
    pub(super) fn static_destructor(&self, build: Build) {
        match build {
            Build::Shipped | Build::Sound => {
                self.life.close();
                self.unwanted.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            Build::Patched => {}
        }
    }
}
