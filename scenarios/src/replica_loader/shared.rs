//! A value that any thread may read and write: upstream's atomics, for any type. Two accesses are not atomic together:
//! a thread that reads one value and then writes another acts on stale data.

use std::sync::{Mutex, PoisonError};

/// An atomic of any `Copy` type.
#[derive(Debug, Default)]
pub(super) struct Shared<T>(Mutex<T>);

impl<T: Copy> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(super) fn load(&self) -> T {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn store(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    pub(super) fn swap(&self, value: T) -> T {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), value)
    }
}
