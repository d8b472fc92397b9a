//! The output that a connection's progress callback captures, in a different way for each front end. In upstream no callback
//! keeps it alive.
//! It sends nothing; the connection does.

use super::rpc::Progress;
use afterlife_probe::{Registration, Resource, always};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Called with each delta of a query, from any thread.
pub(super) type ProgressCallback = Arc<dyn Fn(Progress) + Send + Sync>;

/// The destination of a query's progress. Its owner has an [`OutputFrame`]; callbacks follow a pointer.
#[derive(Debug)]
pub(super) struct Output {
    memory: Resource,
    held: Mutex<Option<Held>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// The query whose progress this is now, by its start time.
    query: u64,
    unsent: Progress,
}

/// The frame in which an output lives: the handler object of a TCP connection, a stack frame of the other two. Leaving it
/// frees the output.
#[derive(Debug)]
pub(super) struct OutputFrame(Arc<Output>);

impl OutputFrame {
    pub(super) fn new(name: &'static str) -> Self {
        Self(Arc::new(Output { memory: Resource::open(name), held: Mutex::new(Some(Held::default())) }))
    }

    /// Begins a query: upstream's `state = QueryState()`.
    pub(super) fn begin(&self, query: u64) {
        self.0.with("begin", |held| *held = Held { query, unsent: Progress::default() });
    }

    /// Takes the progress that has arrived since the last call.
    pub(super) fn take_unsent(&self) -> Progress {
        self.0.with("progress packet", |held| std::mem::take(&mut held.unsent))
    }

    /// Makes the callback of a query: upstream's `[this]`, `[&used_output]` and `[&affected_rows]`. Where the captured state
    /// outlives the query, a registration says how long the callback may run.
    pub(super) fn callback(&self, query: u64, registration: Option<Arc<Registration>>) -> ProgressCallback {
        let output = Arc::clone(&self.0);
        Arc::new(move |delta| {
            let _called = registration.as_deref().map(|registration| registration.fire());
            output.with("progress callback", |held| {
                always!(held.query == query, "progress of one query never appears in another");
                held.unsent.add(delta);
            });
        })
    }
}

impl Drop for OutputFrame {
    fn drop(&mut self) {
        let mut held = self.0.held();
        self.0.memory.close();
        *held = None;
    }
}

impl Output {
    fn with<R>(&self, what: &str, work: impl FnOnce(&mut Held) -> R) -> R {
        let mut held = self.held();
        self.memory.used_by(format_args!("{what}"));
        work(held.as_mut().expect("the output that is used has not been freed"))
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{OutputFrame, Progress};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const READ: Progress = Progress { rows: 4, bytes: 40 };

    #[test]
    fn a_late_callback_counts_for_the_connections_next_query() {
        let frame = OutputFrame::new("test-handler");
        frame.begin(1);
        let late = frame.callback(1, None);
        late(READ);
        assert_eq!(frame.take_unsent(), READ);
        frame.begin(2);
        late(READ);
        assert_eq!(frame.take_unsent(), READ);
    }

    #[test]
    fn a_late_callback_crashes_once_its_frame_is_gone() {
        let frame = OutputFrame::new("test-output");
        frame.begin(1);
        let late = frame.callback(1, None);
        drop(frame);
        assert!(catch_unwind(AssertUnwindSafe(|| late(READ))).is_err());
    }
}
