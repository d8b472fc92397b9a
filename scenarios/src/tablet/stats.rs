//! `globalStats`: what the VDiff engine tells the process's status pages, a singleton of the process with a mutex of its own.
//! Upstream has it in a package variable; here the process's own object holds it, for nodes of a room share statics.

use super::build::Build;
use afterlife_probe::Resource;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is counted.
#[derive(Debug)]
pub(super) struct Stats {
    build: Build,
    mu: Mutex<Inner>,
    resource: Resource,
}

#[derive(Debug, Default)]
struct Inner {
    /// The running VDiffs by their id, and their names. In Go a map that nobody made is nil: it may be read, and a write panics.
    controllers: Option<BTreeMap<i64, String>>,
    restarted_tables: u64,
}

impl Stats {
    pub(super) fn new(build: Build) -> Self {
        let stats = Self { build, mu: Mutex::default(), resource: Resource::declare("vdiff stats") };
        if build != Build::Shipped {
            // With the fix the registration of the statistics makes it, too.
            stats.make();
        }
        stats
    }

    /// With the fix: at the start of `openLocked`.
    pub(super) fn init(&self) {
        match self.build {
            Build::Shipped => {}
            Build::Patched | Build::Sound => self.make(),
        }
    }

    /// #15175: tells of the controllers that there are. It is the only place that makes the map, and `openLocked` comes to it
    /// after it has put the controllers in. With the fix it is gone.
    pub(super) fn update(&self, controllers: impl Iterator<Item = (i64, String)>) {
        if self.build == Build::Shipped {
            self.make();
            for (id, uuid) in controllers {
                self.add(id, uuid);
            }
        }
    }

    /// Puts a controller in.
    ///
    /// # Panics
    /// If there is no map: assignment to entry in nil map.
    pub(super) fn add(&self, id: i64, uuid: String) {
        self.resource.used();
        self.inner().controllers.as_mut().expect("assignment to entry in nil map").insert(id, uuid);
    }

    /// Takes all out.
    pub(super) fn clear(&self) {
        if let Some(controllers) = &mut self.inner().controllers {
            controllers.clear();
        }
    }

    /// Takes one out.
    pub(super) fn remove(&self, id: i64) {
        if let Some(controllers) = &mut self.inner().controllers {
            controllers.remove(&id);
        }
    }

    /// How many there are. A nil map has none.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.inner().controllers.as_ref().map_or(0, BTreeMap::len)
    }

    /// A table was begun again because its time was over.
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
        // Go's mutexes know no poison.
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
    fn the_others_have_it_from_the_beginning() {
        for build in [Build::Patched, Build::Sound] {
            let stats = Stats::new(build);
            stats.add(1, "a".to_owned());
            stats.init();
            assert_eq!(stats.count(), 1, "a second opening takes nothing out");
        }
    }
}
