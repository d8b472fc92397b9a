//! Finds what a process leaks when it ends in order: threads, tasks, sockets, files, timers and locks, each with its call site.
//! It does not judge: that takes a reader who can tell the program's own code from a library's.

use crate::event::{Leak, NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::leaked::LeakedItem;
use crate::kernel::sched::thread::{State, Wait};

impl Kernel {
    /// The leaks of a process that is about to end: threads first, then tasks, then descriptors.
    pub(crate) fn leaks_of(&self, node: NodeId) -> Vec<LeakedItem> {
        let mut leaked = Vec::new();
        let process = &self.process[node];
        for id in process.threads.iter().skip(1) {
            let thread = &self.sched.threads[*id];
            // One that can go on, or waits for its disk, may be about to end: nobody needs to have waited for it.
            if matches!(thread.state, State::Waiting(wait) if !matches!(wait, Wait::Preemption | Wait::Device | Wait::Stall))
            {
                let what = self.recorder.text(thread.name).to_owned();
                leaked.push(LeakedItem { kind: Leak::Thread, made: thread.made, what });
            }
        }
        let unended = process.leaks.unended();
        leaked.extend(unended.map(|made| LeakedItem { kind: Leak::Task, made, what: String::new() }));
        for (_, id, made) in process.descriptors.iter() {
            let found = self.leak_of(id);
            leaked.extend(found.map(|(kind, what)| LeakedItem { kind, made, what }));
        }
        leaked
    }

    /// Records the leaks of a process that ended in order, an event for each. Returns them: event, kind, call site, name.
    pub(crate) fn report_leaks(&mut self, node: NodeId, cause: Seq) -> Vec<(Seq, Leak, u32, String)> {
        let leaks = self.process.node_mut(node).map(|node| node.leaks.take());
        let report = |LeakedItem { kind, made, what }| {
            (self.emit_at(node, cause, What::Leaked { kind, call_site: made.0 }), kind, made.0, what)
        };
        leaks.unwrap_or_default().into_iter().map(report).collect()
    }
}
