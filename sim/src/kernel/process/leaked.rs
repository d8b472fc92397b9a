//! Leaks of a process: what it had not ended or closed when its main function was over.

use crate::event::Leak;
use crate::kernel::sched::call_site::CallSite;

/// One leaked item.
#[derive(Clone, Debug)]
pub(crate) struct LeakedItem {
    pub(crate) kind: Leak,
    /// Where it was made.
    pub(crate) made: CallSite,
    /// Its name, path or address, if it has one.
    pub(crate) what: String,
}

/// Tasks that had not ended when a main function was over.
#[derive(Default)]
pub(crate) struct Unended {
    /// The number that the runtime reports.
    pub(crate) count: usize,
    /// Where those that are known were spawned.
    pub(crate) made: Vec<CallSite>,
    /// Allocations of tasks are not reported, so that none is known.
    pub(crate) unseen: bool,
}

/// Leaks of the present or last incarnation.
#[derive(Default)]
pub(crate) struct Leaks {
    items: Vec<LeakedItem>,
    unended: Unended,
}

impl Leaks {
    /// The process ended in order and leaked these.
    pub(crate) fn set(&mut self, items: Vec<LeakedItem>) {
        self.items = items;
    }

    /// Takes the leaks out, to report them.
    pub(crate) fn take(&mut self) -> Vec<LeakedItem> {
        std::mem::take(&mut self.items)
    }

    /// The main function is over and left these tasks.
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
