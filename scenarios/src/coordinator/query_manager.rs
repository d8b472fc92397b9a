//! The coordinators of this process by query id: upstream's `MPPQueryManager`.
//! It owns none of them: its references are weak.

use super::build::Build;
use super::error::{Code, QueryError};
use super::handlers::{Handlers, Inside};
use super::mpp_query_coordinator::MppQueryCoordinator;
use super::registry::Registry;
use super::rpc::QueryKey;
use afterlife_probe::Entry;
use std::sync::{Arc, Weak};

/// Query id to coordinator.
#[derive(Debug)]
pub(super) struct MppQueryManager {
    build: Build,
    coordinators: Registry<Registered>,
}

#[derive(Debug)]
struct Registered {
    coordinator: Weak<MppQueryCoordinator>,
    handlers: Arc<Handlers>,
}

/// A coordinator in the hands of an RPC handler. Dropped in this order: who waits until nobody is inside knows then that
/// no handler has a reference.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) coordinator: Arc<MppQueryCoordinator>,
    _inside: Option<Inside>,
}

impl MppQueryManager {
    pub(super) fn new(build: Build) -> Self {
        Self { build, coordinators: Registry::new("mpp-query-manager") }
    }

    /// `registerQuery`.
    ///
    /// # Errors
    /// There is a coordinator of this id.
    pub(super) fn register(&self, key: &QueryKey, coordinator: &Arc<MppQueryCoordinator>) -> Result<Entry, QueryError> {
        let handlers = Arc::clone(coordinator.handlers());
        let registered = Registered { coordinator: Arc::downgrade(coordinator), handlers };
        self.coordinators.try_emplace(key, registered).ok_or_else(|| {
            let why = format!("mpp query with id = {key} is already running and cannot be stopped");
            QueryError::new(Code::QueryWithSameIdIsAlreadyRunning, why)
        })
    }

    /// `getCoordinator`: weak to strong. Upstream's messages have the id alone, and find whoever has it now.
    pub(super) fn get(&self, key: &QueryKey) -> Option<Found> {
        let found = self.coordinators.with(&key.query_id, |start_time, registered| match self.build {
            Build::Shipped | Build::Patched => {
                Some(Found { coordinator: registered.coordinator.upgrade()?, _inside: None })
            }
            Build::Sound if start_time != key.start_time => None,
            Build::Sound => {
                // First inside, then a reference: there is none that nobody waits for.
                let inside = registered.handlers.enter()?;
                Some(Found { coordinator: registered.coordinator.upgrade()?, _inside: Some(inside) })
            }
        });
        found.flatten()
    }

    /// `clearQuery`, of a coordinator's destructor.
    pub(super) fn clear(&self, key: &QueryKey, own: Option<&Entry>) {
        match (self.build, own) {
            (Build::Shipped | Build::Patched, own) => self.coordinators.erase(&key.query_id, own),
            (Build::Sound, Some(own)) => self.coordinators.erase_own(key, own),
            (Build::Sound, None) => {}
        }
    }
}
