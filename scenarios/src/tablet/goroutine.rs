//! What Go does with a panic that nobody recovers: the goroutine's own defers run, and then the process ends, with all its
//! other goroutines where they are. tokio would keep the panic in a join handle.

use crate::rt::{process, task};
use std::future::Future;

/// Ends the process when a panic unwinds through it. Made first, it goes last: after what the goroutine defers. It aborts, as Go
/// does where `GOTRACEBACK` is `crash`: no destructor of another thread runs.
pub(super) struct EndsTheProcess;

impl Drop for EndsTheProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            process::abort();
        }
    }
}

/// Starts a goroutine.
pub(super) fn go(work: impl Future<Output = ()> + Send + 'static) -> task::JoinHandle<()> {
    task::spawn(async move {
        let _end = EndsTheProcess;
        work.await;
    })
}
