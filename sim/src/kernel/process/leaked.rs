//! Leaks of a process: threads, tasks and descriptors that it had not ended or closed at the end of its main function.

use crate::event::Leak;
use crate::kernel::sched::call_site::CallSite;

/// One leaked item.
#[derive(Clone, Debug)]
pub(crate) struct LeakedItem {
    pub(crate) kind: Leak,
    /// The call that created it.
    pub(crate) made: CallSite,
    /// Its name, path or address, if it has one.
    pub(crate) label: String,
}

/// Tasks that had not ended at the end of a main function.
#[derive(Default)]
pub(crate) struct Unended {
    /// The number that the runtime reports.
    pub(crate) count: usize,
    /// The calls that spawned the known ones.
    pub(crate) made: Vec<CallSite>,
    /// Allocations are not reported, so that no task is known.
    pub(crate) unseen: bool,
}

/// Leaks of the present or last incarnation.
#[derive(Default)]
pub(crate) struct Leaks {
    items: Vec<LeakedItem>,
    unended: Unended,
}

impl Leaks {
    /// Records the leaks of a process that ended in order.
    pub(crate) fn set(&mut self, items: Vec<LeakedItem>) {
        self.items = items;
    }

    /// Takes the leaks, to report them.
    pub(crate) fn take(&mut self) -> Vec<LeakedItem> {
        std::mem::take(&mut self.items)
    }

    /// Records the tasks that had not ended at the end of the main function.
    pub(crate) fn set_unended(&mut self, unended: Unended) {
        self.unended = unended;
    }

    /// The call sites of unended tasks; an unknown one if allocations of tasks are not reported.
    pub(crate) fn unended(&self) -> impl Iterator<Item = CallSite> {
        let unknown = self.unended.unseen.then(CallSite::default);
        let known = self.unended.made.iter().copied();
        known.chain(unknown).take(if self.unended.count > 0 { usize::MAX } else { 0 })
    }
}
