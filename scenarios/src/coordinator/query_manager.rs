//! The coordinators of this process by query id (upstream's `MPPQueryManager`).
//! It owns none of them: its references are weak. Nor does it know what a coordinator is.

use super::build::Build;
use super::error::{Code, QueryError};
use super::handler_gate::{HandlerGate, HandlerPass};
use super::registry::Registry;
use super::rpc::QueryKey;
use afterlife_probe::Entry;
use std::sync::{Arc, Weak};

/// Maps query ids to coordinators.
#[derive(Debug)]
pub(super) struct MppQueryManager<C> {
    build: Build,
    coordinators: Registry<Registered<C>>,
}

#[derive(Debug)]
struct Registered<C> {
    coordinator: Weak<C>,
    gate: Arc<HandlerGate>,
}

/// A coordinator in the hands of an RPC handler. The fields are dropped in this order: once the pass is gone, the handler no
/// longer holds a reference.
#[derive(Debug)]
pub(super) struct Found<C> {
    pub(super) coordinator: Arc<C>,
    _pass: Option<HandlerPass>,
}

impl<C> MppQueryManager<C> {
    pub(super) fn new(build: Build) -> Self {
        Self { build, coordinators: Registry::new("mpp-query-manager") }
    }

    /// `registerQuery`.
    ///
    /// # Errors
    /// The id already has a coordinator.
    pub(super) fn register(
        &self,
        key: &QueryKey,
        coordinator: &Arc<C>,
        gate: &Arc<HandlerGate>,
    ) -> Result<Entry, QueryError> {
        let gate = Arc::clone(gate);
        let registered = Registered { coordinator: Arc::downgrade(coordinator), gate };
        self.coordinators.try_emplace(key, registered).ok_or_else(|| {
            let why = format!("mpp query with id = {key} is already running and cannot be stopped");
            QueryError::new(Code::QueryWithSameIdIsAlreadyRunning, why)
        })
    }

    /// `getCoordinator`: upgrades the weak reference. Upstream's messages carry the id alone and find whichever query has it
    /// now.
    pub(super) fn get(&self, key: &QueryKey) -> Option<Found<C>> {
        let found = self.coordinators.with(&key.query_id, |start_time, registered| match self.build {
            Build::Shipped | Build::Patched => {
                Some(Found { coordinator: registered.coordinator.upgrade()?, _pass: None })
            }
            Build::Sound if start_time != key.start_time => None,
            Build::Sound => {
                // The pass comes before the reference, so the owner waits for every reference that exists.
                let pass = registered.gate.enter()?;
                Some(Found { coordinator: registered.coordinator.upgrade()?, _pass: Some(pass) })
            }
        });
        found.flatten()
    }

    /// `clearQuery`, called by a coordinator's destructor.
    pub(super) fn clear(&self, key: &QueryKey, own: Option<&Entry>) {
        match (self.build, own) {
            (Build::Shipped | Build::Patched, own) => self.coordinators.erase(&key.query_id, own),
            (Build::Sound, Some(own)) => self.coordinators.erase_own(key, own),
            (Build::Sound, None) => {}
        }
    }
}
