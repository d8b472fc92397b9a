//! Threads: creates, joins and detaches them. In the sound build detached threads have an owner.
//! A panic in any of them ends the process, as a failed assertion or a bad pointer does upstream.

use std::net::{Shutdown, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// `pthread_create`, for a thread that is joined.
///
/// # Panics
/// If the system is out of threads; upstream asserts that it is not.
pub(super) fn create(name: &str, routine: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let body = move || {
        if catch_unwind(AssertUnwindSafe(routine)).is_err() {
            std::process::abort();
        }
    };
    Builder::new().name(name.to_owned()).spawn(body).expect("Thread creation")
}

/// `pthread_join`. A thread that panicked has ended the process.
pub(super) fn join(thread: JoinHandle<()>) {
    let _ = thread.join();
}

/// The threads that upstream detaches. The sound build owns and joins them instead.
pub(super) struct Detached {
    is_owner: bool,
    threads: Mutex<Vec<(JoinHandle<()>, Option<TcpStream>)>>,
}

impl Detached {
    pub(super) fn new(is_owner: bool) -> Self {
        Self { is_owner, threads: Mutex::default() }
    }

    /// `pthread_create` with `PTHREAD_CREATE_DETACHED`. Shutting down `stream`, if there is one, ends the thread.
    pub(super) fn create(&self, name: &str, stream: Option<TcpStream>, routine: impl FnOnce() + Send + 'static) {
        let thread = create(name, routine);
        if self.is_owner {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.retain(|(thread, _)| !thread.is_finished());
            threads.push((thread, stream));
        }
    }

    /// Shuts down the owned threads' streams and joins the threads. No new ones appear meanwhile: their creators have ended.
    pub(super) fn join_all(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, stream) in &threads {
            if let Some(stream) = stream {
                // The stream may have ended by itself.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        for (thread, _) in threads {
            join(thread);
        }
    }
}
