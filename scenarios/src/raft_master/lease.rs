//! Leases: who holds one still uses what is about to be torn down, and the return of the last one can be waited for.
//! They close nothing and forbid nothing by themselves.

use crate::rt::sync::watch;
use std::sync::{Mutex, PoisonError};

/// The right to go on using something. Every clone counts; dropping returns it.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    held: watch::Receiver<bool>,
}

impl Lease {
    /// Whether its return is waited for: what it is held for comes to its end, and nothing more begins.
    pub(super) fn is_called_in(&self) -> bool {
        *self.held.borrow()
    }
}

/// The other end: knows when the last lease was returned.
#[derive(Debug)]
pub(super) struct Leases {
    held: watch::Sender<bool>,
}

impl Leases {
    /// A first lease, and the end that waits for it and all its clones.
    pub(super) fn new() -> (Lease, Self) {
        let (held, first) = watch::channel(false);
        (Lease { held: first }, Self { held })
    }

    /// Says to who holds one that its return is waited for.
    pub(super) fn call_in(&self) {
        self.held.send_replace(true);
    }

    /// Waits until every lease was returned.
    pub(super) async fn all_returned(&self) {
        self.held.closed().await;
    }
}

/// The door of the API: hands a lease to each request until it is shut. Taking one and shutting the door exclude each
/// other, so no request can slip in between a check and its act.
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

    /// A lease for one request, or `None` once the door is shut.
    pub(super) fn enter(&self) -> Option<Lease> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shuts the door; who is inside stays until it is done.
    pub(super) fn shut(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits until nobody is inside any more.
    pub(super) async fn empty(&self) {
        self.inside.all_returned().await;
    }
}
