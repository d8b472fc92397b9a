//! Threads for handlers, and tasks that handlers spawn. On tokio any thread of the process may spawn.
//! On madsim only madsim's own thread may: there the handler hands its tasks to a task that spawns them.

#[cfg(not(madsim))]
pub(super) use crate::rt::task::{spawn as start, spawn_blocking as on_a_thread};

#[cfg(madsim)]
pub(super) use handover::{on_a_thread, start};

#[cfg(madsim)]
mod handover {
    use crate::rt::sync::mpsc::{self, UnboundedSender};
    use crate::rt::task;
    use std::cell::RefCell;
    use std::future::Future;
    use std::pin::Pin;

    type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

    thread_local! {
        /// The channel to the task that spawns for the handler on this thread.
        static SPAWNER: RefCell<Option<UnboundedSender<Task>>> = const { RefCell::new(None) };
    }

    /// Runs a handler on a thread of its own.
    pub(in super::super) fn on_a_thread<R: Send + 'static>(
        work: impl FnOnce() -> R + Send + 'static,
    ) -> tokio::task::JoinHandle<R> {
        let (spawner, mut tasks) = mpsc::unbounded_channel::<Task>();
        task::spawn(async move {
            while let Some(task) = tasks.recv().await {
                task::spawn(task);
            }
        });
        task::spawn_blocking(move || {
            SPAWNER.set(Some(spawner));
            let result = work();
            SPAWNER.take();
            result
        })
    }

    /// Spawns a task, from any thread.
    pub(in super::super) fn start(task: impl Future<Output = ()> + Send + 'static) {
        match SPAWNER.with_borrow(Clone::clone) {
            // Without the receiving task the process is over.
            Some(spawner) => drop(spawner.send(Box::pin(task))),
            None => drop(task::spawn(task)),
        }
    }
}
