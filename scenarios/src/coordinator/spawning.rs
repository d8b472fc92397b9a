//! Threads for handlers, and tasks that are started on those: tokio's own, which any thread of a process may ask for.
//! On madsim only its own thread may: there a task of the handler's process starts what is handed to it.

#[cfg(not(madsim))]
pub(super) use crate::rt::task::{spawn as start, spawn_blocking as on_a_thread};

#[cfg(madsim)]
pub(super) use handed::{on_a_thread, start};

#[cfg(madsim)]
mod handed {
    use crate::rt::sync::mpsc::{self, UnboundedSender};
    use crate::rt::task;
    use std::cell::RefCell;
    use std::future::Future;
    use std::pin::Pin;

    type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

    thread_local! {
        /// Who starts what the handler on this thread starts.
        static STARTER: RefCell<Option<UnboundedSender<Task>>> = const { RefCell::new(None) };
    }

    /// Runs a handler on a thread of its own.
    pub(in super::super) fn on_a_thread<R: Send + 'static>(
        work: impl FnOnce() -> R + Send + 'static,
    ) -> tokio::task::JoinHandle<R> {
        let (starter, mut handed) = mpsc::unbounded_channel::<Task>();
        task::spawn(async move {
            while let Some(task) = handed.recv().await {
                task::spawn(task);
            }
        });
        task::spawn_blocking(move || {
            STARTER.set(Some(starter));
            let worked = work();
            STARTER.take();
            worked
        })
    }

    /// Starts a task, on whichever thread.
    pub(in super::super) fn start(task: impl Future<Output = ()> + Send + 'static) {
        match STARTER.with_borrow(Clone::clone) {
            // Without its starter the process is over.
            Some(starter) => drop(starter.send(Box::pin(task))),
            None => drop(task::spawn(task)),
        }
    }
}
