//! Stop requests to a process, and the descriptors that report them.

use crate::kernel::process::fd::id::DescriptionId;

/// Stop requests to the present incarnation.
#[derive(Default)]
pub(crate) struct StopRequests {
    /// Descriptors that become readable when a stop is requested.
    watchers: Vec<DescriptionId>,
    count: u64,
    /// The process has asked for a descriptor that reports stops.
    listens: bool,
    /// The signal that the process handled last.
    last_signal: Option<i32>,
}

impl StopRequests {
    /// The number of requests so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Counts a request; returns the descriptions to notify.
    pub(crate) fn add(&mut self) -> Vec<DescriptionId> {
        self.count += 1;
        self.watchers.clone()
    }

    /// Lets a description be notified of each request.
    pub(crate) fn watch(&mut self, id: DescriptionId) {
        self.watchers.push(id);
        self.listens = true;
    }

    /// A description that may watch is gone.
    pub(crate) fn unwatch(&mut self, id: DescriptionId) {
        self.watchers.retain(|watcher| *watcher != id);
    }

    /// Returns whether the process ever asked for a descriptor that reports stops.
    pub(crate) fn is_watched(&self) -> bool {
        self.listens
    }

    /// The signal that the process handled last.
    pub(crate) fn last_signal(&self) -> Option<i32> {
        self.last_signal
    }

    /// The process handles a signal.
    pub(crate) fn signal_handled(&mut self, signal: i32) {
        self.last_signal = Some(signal);
    }

    /// The incarnation has ended.
    pub(crate) fn clear(&mut self) {
        self.watchers.clear();
        self.count = 0;
        self.listens = false;
    }
}
