//! `globalStats`: the VDiff engine's statistics for the process's status pages, a singleton with its own mutex.
//! Upstream keeps it in a package variable. Here an object of the process holds it.

use super::build::Build;
use afterlife_probe::Resource;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The statistics.
#[derive(Debug)]
pub(super) struct Stats {
    build: Build,
    mu: Mutex<Inner>,
    resource: Resource,
}

#[derive(Debug, Default)]
struct Inner {
    /// The running VDiffs by their id, with their names. In Go a map that was never made is nil: reads work, and a
    /// write panics.
    controllers: Option<BTreeMap<i64, String>>,
    restarted_tables: u64,
}

impl Stats {
    pub(super) fn new(build: Build) -> Self {
        let stats = Self { build, mu: Mutex::default(), resource: Resource::declare("vdiff stats") };
        if build != Build::Shipped {
            // With the fix, the registration of the statistics makes the map as well.
            stats.make();
        }
        stats
    }

    /// With the fix, makes the map at the start of `openLocked`.
    pub(super) fn init(&self) {
        match self.build {
            Build::Shipped => {}
            Build::Patched | Build::Sound => self.make(),
        }
    }

    /// #15175: updates the controllers. This is the only place that makes the map, and `openLocked` reaches it after it has added the controllers. The fix removes it.
    pub(super) fn update(&self, controllers: impl Iterator<Item = (i64, String)>) {
        if self.build == Build::Shipped {
            self.make();
            for (id, uuid) in controllers {
                self.add(id, uuid);
            }
        }
    }

    /// Adds a controller.
    ///
    /// # Panics
    /// If the map is nil: assignment to entry in nil map.
    pub(super) fn add(&self, id: i64, uuid: String) {
        self.resource.used();
        self.inner().controllers.as_mut().expect("assignment to entry in nil map").insert(id, uuid);
    }

    /// Removes all controllers.
    pub(super) fn clear(&self) {
        if let Some(controllers) = &mut self.inner().controllers {
            controllers.clear();
        }
    }

    /// Removes a controller.
    pub(super) fn remove(&self, id: i64) {
        if let Some(controllers) = &mut self.inner().controllers {
            controllers.remove(&id);
        }
    }

    /// The number of controllers. A nil map has none.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.inner().controllers.as_ref().map_or(0, BTreeMap::len)
    }

    /// Counts a table that was restarted because its time was up.
    pub(super) fn restarted_table(&self) {
        self.inner().restarted_tables += 1;
    }

    fn make(&self) {
        let mut inner = self.inner();
        if inner.controllers.is_none() {
            inner.controllers = Some(BTreeMap::new());
            self.resource.opened();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Go's mutexes are never poisoned.
        self.mu.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_map_is_made_by_the_first_update_and_no_sooner() {
        let stats = Stats::new(Build::Shipped);
        stats.init();
        let put = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stats.add(1, "a".to_owned())));
        assert!(put.is_err());
        stats.update(std::iter::empty());
        stats.add(1, "a".to_owned());
        assert_eq!(stats.count(), 1);
    }

    #[test]
    fn the_other_builds_make_the_map_from_the_start() {
        for build in [Build::Patched, Build::Sound] {
            let stats = Stats::new(build);
            stats.add(1, "a".to_owned());
            stats.init();
            assert_eq!(stats.count(), 1, "a second opening removes nothing");
        }
    }
}
