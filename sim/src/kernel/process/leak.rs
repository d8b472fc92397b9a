//! Finds the leaks of a process that ends in order: threads, tasks, sockets, files, timers and locks.
//! It does not judge them: that takes a reader who can tell the program's own code from a library's.

use crate::event::{Leak, NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::leaked::LeakedItem;
use crate::kernel::sched::thread::{State, Wait};

impl Kernel {
    /// The leaks of a process that is about to end: threads first, then tasks, then descriptors.
    pub(crate) fn leaks_of(&self, node: NodeId) -> Vec<LeakedItem> {
        let mut leaked = Vec::new();
        let process = &self.process[node];
        for id in process.threads().iter().skip(1) {
            let thread = &self.sched[*id];
            // A thread that can run, or waits for its disk, may be about to end: it need not have been joined.
            if matches!(thread.state(), State::Waiting(wait) if !matches!(wait, Wait::Preemption | Wait::Device | Wait::Stall))
            {
                let label = self.recorder.text(thread.name()).to_owned();
                leaked.push(LeakedItem { kind: Leak::Thread, made: thread.made(), label });
            }
        }
        let unended = process.leaks().unended();
        leaked.extend(unended.map(|made| LeakedItem { kind: Leak::Task, made, label: String::new() }));
        for (_, id, made) in process.descriptors().iter() {
            let found = self.leak_of(id);
            leaked.extend(found.map(|(kind, label)| LeakedItem { kind, made, label }));
        }
        leaked
    }

    /// Records the leaks of a process that ended in order, an event for each. Returns them: event, kind, call site,
    /// name.
    pub(crate) fn report_leaks(&mut self, node: NodeId, cause: Seq) -> Vec<(Seq, Leak, u32, String)> {
        let leaks = self.process.node_mut(node).map(|node| node.leaks_mut().take());
        let report = |LeakedItem { kind, made, label }| {
            (self.emit_at(node, cause, What::Leaked { kind, call_site: made.0 }), kind, made.0, label)
        };
        leaks.unwrap_or_default().into_iter().map(report).collect()
    }
}
