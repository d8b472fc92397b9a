//! Blocks a plain thread on a future, on whichever network the scenarios are built for: turmoil's exists only on the thread that
//! runs its hosts.
//! It starts neither a thread nor a runtime.

use std::future::Future;
use tokio::runtime::Handle;

/// Drives a future to its end from a thread outside the runtime; `None` if the runtime ends first.
#[cfg(not(feature = "turmoil"))]
pub(crate) fn block_on<T>(runtime: &Handle, work: impl Future<Output = T>) -> Option<T> {
    Some(runtime.block_on(work))
}

/// Spawns a future on the runtime and waits for its end; `None` if the runtime ends first.
#[cfg(feature = "turmoil")]
pub(crate) fn block_on<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    // A receiver that is gone needs no result.
    drop(runtime.spawn(async move { drop(sender.send(work.await)) }));
    receiver.recv().ok()
}
