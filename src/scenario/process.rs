//! A process of a scenario, as data.

use crate::rt::guest;
use crate::scenario::clock::Clock;
use crate::scenario::disk::Disk;
use crate::scenario::link::Link;
use crate::scenario::node::Role;
use crate::scenario::supervisor::Supervisor;
use afterlife_sim::Main;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The tokio runtime of a process: with one thread, or with workers. A scenario may choose it after it has made the node.
#[derive(Clone, Default)]
pub(crate) struct RuntimeKind(Arc<AtomicUsize>);

impl RuntimeKind {
    /// Chooses a multi-thread runtime with this many workers.
    pub(super) fn set_workers(&self, workers: usize) {
        self.0.store(workers, Ordering::Relaxed);
    }

    /// The number of workers; 0 for a current-thread runtime.
    pub(super) fn workers(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A process of a scenario, as its author described it.
pub(crate) struct Process {
    pub(crate) name: String,
    /// The line of the scenario that added it.
    pub(crate) site: &'static Location<'static>,
    pub(crate) role: Role,
    pub(crate) main: Main,
    pub(crate) runtime: RuntimeKind,
    /// The service as a future, for guest engines.
    pub(crate) service: Option<guest::Main>,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) descriptors_max: Option<usize>,
    pub(crate) links: Vec<(u16, Link)>,
    pub(crate) supervisor: Option<Supervisor>,
}
