//! Stop requests: a process is asked to stop within a budget, by SIGTERM and by its stop descriptors.

use crate::event::{Death, Name, NodeId, Seq, Waiting, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::process::signal::bit;
use crate::kernel::process::state::ProcessState;
use crate::kernel::sched::thread::ThreadId;

/// The signals with which a terminal asks a program to end.
const OTHER_STOPS: [i32; 3] = [libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];

impl Kernel {
    /// Asks a process to stop within a budget. A process that is stopping already gets one more request, and keeps its
    /// budget. Returns whether it was the first request.
    pub(crate) fn request_stop(&mut self, node: NodeId, budget_ns: u64, cause: Seq) -> bool {
        let process = &mut self.process[node];
        let Some(first) = process.lifecycle_mut().request_stop() else { return false };
        let incarnation = process.incarnation();
        let watchers = process.stops_mut().add();
        let what = if first { What::StopRequested { budget_ns } } else { What::StopRepeated };
        let seq = self.emit_at(node, cause, what);
        if first {
            self.process[node].lifecycle_mut().set_stop_asked(seq);
        }
        self.notify_stop(&watchers, seq);
        if let Some(guest) = &mut self.guest {
            guest.stop_requested(node);
        }
        // A process without a handler runs until its budget is used up.
        if !self.is_guest(node) {
            self.send_signal(node, None, libc::SIGTERM, seq);
        }
        if first {
            self.sched.set_deadline(self.sched.now_ns().saturating_add(budget_ns), Due::Overrun(node, incarnation));
        }
        first
    }

    /// Kills a process that has not ended when the budget of a stop request to this incarnation runs out, after a snapshot of its
    /// waits.
    pub(crate) fn stop_overrun(&mut self, node: NodeId, incarnation: u16) {
        let lifecycle = self.process[node].lifecycle();
        if lifecycle.incarnation() == incarnation && lifecycle.state() == ProcessState::Stopping {
            let asked = lifecycle.stop_asked();
            if !self.awaits_stop(node) {
                self.report_unawaited_stop(node);
            }
            self.report_waits(node);
            self.end_process(node, Death::Overrun, asked);
        }
    }

    /// Returns whether something in a process awaits stop requests, or ignores them on purpose.
    fn awaits_stop(&self, node: NodeId) -> bool {
        let signals = self.process.signals();
        let is_taken = |thread: &ThreadId| {
            signals.awaits(*thread, libc::SIGTERM) || signals.mask(*thread) & bit(libc::SIGTERM) != 0
        };
        self.is_guest(node)
            || self.process[node].stops().is_watched()
            || self.signal_action(node, libc::SIGTERM).handler != libc::SIG_DFL
            || self.process[node].threads().iter().any(is_taken)
    }

    /// Records that nothing in a process awaits a stop request, with the signal of a terminal that it awaits instead.
    fn report_unawaited_stop(&mut self, node: NodeId) {
        let is_handled = |signal: &i32| self.signal_action(node, *signal).is_handled();
        let object = OTHER_STOPS.into_iter().find(is_handled).map_or(u32::MAX, |signal| signal as u32);
        let since_ns = self.sched.now_ns();
        let what = What::Waits { on: Waiting::NoStop, object, name: Name::NONE, call_site: 0, since_ns };
        self.emit_wait(node, (0, 0), Seq::NONE, what);
    }
}
