//! Admits RPC handlers to a coordinator and lets its owner wait until the last of them has left. Upstream has no such gate.
//! Entering and closing exclude each other, so no handler slips in between a check and the act that relies on it.

use crate::rt::sync::watch;
use std::sync::{Mutex, PoisonError};

/// A coordinator's gate for RPC handlers.
#[derive(Debug)]
pub(super) struct HandlerGate {
    /// The pass that is copied for each handler; `None` once the gate is closed.
    pass: Mutex<Option<HandlerPass>>,
    passes: watch::Sender<()>,
}

/// Held by a handler as long as it uses the coordinator.
#[derive(Clone, Debug)]
pub(super) struct HandlerPass {
    _held: watch::Receiver<()>,
}

impl HandlerGate {
    pub(super) fn new() -> Self {
        let (passes, held) = watch::channel(());
        Self { pass: Mutex::new(Some(HandlerPass { _held: held })), passes }
    }

    /// Lets a handler in; `None` once the gate is closed.
    pub(super) fn enter(&self) -> Option<HandlerPass> {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the gate and waits until every handler has left.
    pub(super) async fn close(&self) {
        drop(self.pass.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.passes.closed().await;
    }
}
