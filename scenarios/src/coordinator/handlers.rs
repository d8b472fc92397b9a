//! Who is inside of a coordinator, and a way to wait until nobody is: what upstream does not have.
//! Going in and shutting the door exclude each other, so that nobody slips in between a check and its act.

use crate::rt::sync::watch;
use std::sync::{Mutex, PoisonError};

/// A coordinator's door for RPC handlers.
#[derive(Debug)]
pub(super) struct Handlers {
    door: Mutex<Option<Inside>>,
    inside: watch::Sender<()>,
}

/// Somebody is inside as long as this lives.
#[derive(Clone, Debug)]
pub(super) struct Inside {
    _held: watch::Receiver<()>,
}

impl Handlers {
    pub(super) fn new() -> Self {
        let (inside, held) = watch::channel(());
        Self { door: Mutex::new(Some(Inside { _held: held })), inside }
    }

    /// Goes in, unless the door is shut.
    pub(super) fn enter(&self) -> Option<Inside> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shuts the door and waits until nobody is inside any more.
    pub(super) async fn shut(&self) {
        drop(self.door.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.inside.closed().await;
    }
}
