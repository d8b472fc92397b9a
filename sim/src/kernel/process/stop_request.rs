//! Stop requests: a process is asked to stop within a budget, by SIGTERM and by its stop descriptors.

use crate::event::{NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;

impl Kernel {
    /// Asks a process to stop, within a budget. One that is stopping already hears it again, and its budget stays as it is.
    /// Returns whether it was the first request.
    pub(crate) fn request_stop(&mut self, node: NodeId, budget_ns: u64, cause: Seq) -> bool {
        let process = &mut self.process[node];
        let Some(first) = process.lifecycle.request_stop() else { return false };
        let incarnation = process.incarnation();
        let watchers = process.stops.add();
        let what = if first { What::StopRequested { budget_ns } } else { What::StopRepeated };
        let seq = self.emit_at(node, cause, what);
        if first {
            self.process[node].lifecycle.set_stop_asked(seq);
        }
        self.notify_stop(&watchers, seq);
        if let Some(guest) = &mut self.guest {
            guest.stop_requested(node);
        }
        // Without a handler the process is left alone until its budget is over.
        if !self.is_guest(node) {
            self.send_signal(node, None, libc::SIGTERM, seq);
        }
        if first {
            self.sched.deadlines.at(self.sched.now_ns.saturating_add(budget_ns), Due::Overrun(node, incarnation));
        }
        first
    }
}
