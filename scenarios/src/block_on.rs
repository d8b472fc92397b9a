//! A thread of a process's own that waits for a future, on whichever network the scenarios are built for: turmoil's is there for the
//! thread alone that its hosts have their turns on. It starts no thread and no runtime.

use std::future::Future;
use tokio::runtime::Handle;

/// Drives a future of this runtime from a thread that is none of its own, to the future's end; `None` if the runtime ends before.
#[cfg(not(feature = "turmoil"))]
pub(crate) fn block_on<T>(runtime: &Handle, work: impl Future<Output = T>) -> Option<T> {
    Some(runtime.block_on(work))
}

/// Has the runtime itself drive a future, and waits for its end; `None` if the runtime ends before.
#[cfg(feature = "turmoil")]
pub(crate) fn block_on<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    // Who does not wait any more has ended.
    drop(runtime.spawn(async move { drop(tell.send(work.await)) }));
    told.recv().ok()
}
