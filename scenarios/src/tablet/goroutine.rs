//! Go's treatment of an unrecovered panic: the goroutine's own defers run, and then the process ends, with all other
//! goroutines where they are. tokio would keep the panic in a join handle.

use crate::rt::{process, task};
use std::future::Future;

/// Ends the process when a panic unwinds through it. Declared first, it is dropped last, after everything that the
/// goroutine defers. It aborts, as Go does with `GOTRACEBACK=crash`: no destructor of another thread runs.
pub(super) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            process::abort();
        }
    }
}

/// Starts a goroutine.
pub(super) fn go(work: impl Future<Output = ()> + Send + 'static) -> task::JoinHandle<()> {
    task::spawn(async move {
        let _end = AbortOnPanic;
        work.await;
    })
}
