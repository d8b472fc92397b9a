//! Leases: the holder still uses a resource that is about to be torn down, and a stop can wait for the last lease to be
//! returned. A lease by itself closes nothing and forbids nothing.

use crate::rt::sync::watch;
use std::sync::{Mutex, PoisonError};

/// The right to go on using a resource. Every clone counts. Dropping returns it.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    held: watch::Receiver<bool>,
}

impl Lease {
    /// Returns whether its return is awaited: no new work should begin.
    pub(super) fn is_called_in(&self) -> bool {
        *self.held.borrow()
    }
}

/// The owner's end: learns when the last lease has been returned.
#[derive(Debug)]
pub(super) struct Leases {
    held: watch::Sender<bool>,
}

impl Leases {
    /// The first lease, and the end that waits for it and for all of its clones.
    pub(super) fn new() -> (Lease, Self) {
        let (held, first) = watch::channel(false);
        (Lease { held: first }, Self { held })
    }

    /// Tells the holders that their return is awaited.
    pub(super) fn call_in(&self) {
        self.held.send_replace(true);
    }

    /// Waits until every lease has been returned.
    pub(super) async fn all_returned(&self) {
        self.held.closed().await;
    }
}

/// The gate of the API: hands a lease to each request until it is shut. Taking a lease and shutting the gate exclude
/// each other, so no request can slip in between a check and an act.
#[derive(Debug)]
pub(super) struct RequestGate {
    open: Mutex<Option<Lease>>,
    inside: Leases,
}

impl RequestGate {
    pub(super) fn new() -> Self {
        let (lease, inside) = Leases::new();
        Self { open: Mutex::new(Some(lease)), inside }
    }

    /// A lease for one request, or `None` once the gate is shut.
    pub(super) fn enter(&self) -> Option<Lease> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shuts the gate. Requests that are inside stay until they are done.
    pub(super) fn shut(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits until no request is inside.
    pub(super) async fn empty(&self) {
        self.inside.all_returned().await;
    }
}
