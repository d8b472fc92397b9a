//! The runtime filters of each query that has more than one segment (upstream's `RuntimeFilterManager`).
//! Nothing is filtered here: this is one more registry that a coordinator's destructor clears by id.

use super::build::Build;
use super::registry::Registry;
use super::rpc::QueryKey;
use afterlife_probe::Entry;

/// Maps query ids to their number of filters.
#[derive(Debug)]
pub(super) struct RuntimeFilterManager {
    build: Build,
    queries: Registry<usize>,
}

impl RuntimeFilterManager {
    pub(super) fn new(build: Build) -> Self {
        Self { build, queries: Registry::new("runtime-filters") }
    }

    /// `registerQuery`. An existing entry stays.
    pub(super) fn register(&self, key: &QueryKey, filters: usize) -> Option<Entry> {
        self.queries.try_emplace(key, filters)
    }

    /// `removeQuery`, called by a coordinator's destructor.
    pub(super) fn remove(&self, key: &QueryKey, own: Option<&Entry>) {
        match (self.build, own) {
            (Build::Shipped | Build::Patched, own) => self.queries.erase(&key.query_id, own),
            (Build::Sound, Some(own)) => self.queries.erase_own(key, own),
            (Build::Sound, None) => {}
        }
    }
}
