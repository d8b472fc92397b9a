//! Threads: how they are created, detached and, in the sound build, owned.
//! A panic in any of them ends the process, as an assertion of upstream's or a bad pointer does.

use super::glo::Glo;
use std::net::{Shutdown, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// `pthread_create`, to be joined.
///
/// # Panics
/// If the system has no thread left: upstream asserts that it has.
pub(super) fn create(glo: &Arc<Glo>, name: &str, routine: impl FnOnce(&Arc<Glo>) + Send + 'static) -> JoinHandle<()> {
    let glo = Arc::clone(glo);
    let body = move || {
        if catch_unwind(AssertUnwindSafe(|| routine(&glo))).is_err() {
            std::process::abort();
        }
    };
    Builder::new().name(name.to_owned()).spawn(body).expect("Thread creation")
}

/// `pthread_create` with `PTHREAD_CREATE_DETACHED`; the sound build keeps the thread, with the stream whose end ends it, if
/// there is one.
pub(super) fn create_detached(
    glo: &Arc<Glo>,
    name: &str,
    stream: Option<TcpStream>,
    routine: impl FnOnce(&Arc<Glo>) + Send + 'static,
) {
    let thread = create(glo, name, routine);
    if glo.is_sound() {
        glo.owned.keep(thread, stream);
    }
}

/// `pthread_join`. One that panicked has ended the process.
pub(super) fn join(thread: JoinHandle<()>) {
    let _ = thread.join();
}

/// Threads with an owner.
#[derive(Default)]
pub(super) struct Owned(Mutex<Vec<(JoinHandle<()>, Option<TcpStream>)>>);

impl Owned {
    fn keep(&self, thread: JoinHandle<()>, stream: Option<TcpStream>) {
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|(thread, _)| !thread.is_finished());
        threads.push((thread, stream));
    }

    /// Ends what they wait for, and waits for each. Nobody keeps a new one meanwhile: who creates them has ended.
    pub(super) fn join_all(&self) {
        let threads = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, stream) in &threads {
            if let Some(stream) = stream {
                // It may have ended by itself.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        for (thread, _) in threads {
            join(thread);
        }
    }
}
