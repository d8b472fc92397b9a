//! Pauses of processes, as by SIGSTOP and SIGCONT, and holds of single threads, as by a lack of processors.
//! The machine itself keeps running: messages in transit arrive, and those that the process has sent are delivered.

use crate::event::{NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// Pauses a node's process: none of its threads runs. Returns whether it ran until now.
    pub(crate) fn pause(&mut self, node: NodeId, cause: Seq) -> bool {
        if !self.process[node].lifecycle_mut().pause() {
            return false;
        }
        let threads = self.process[node].threads().to_vec();
        self.emit_at(node, cause, What::Paused);
        self.guests_changed();
        for id in threads {
            self.stand_still(id);
        }
        true
    }

    /// Resumes a paused process: all threads that were woken meanwhile, or timed out, become runnable at once. Returns
    /// whether it was paused.
    pub(crate) fn resume(&mut self, node: NodeId, cause: Seq) -> bool {
        if !self.process[node].lifecycle_mut().resume() {
            return false;
        }
        let threads = self.process[node].threads().to_vec();
        self.emit_at(node, cause, What::Resumed);
        self.guests_changed();
        for id in threads {
            self.go_on(id);
        }
        true
    }

    /// Holds one thread of a node's process until the hold of this number ends: the running thread, if it belongs to
    /// the process, else the `nth` live one, modulo their number. Returns it, if there is one.
    pub(crate) fn hold(&mut self, node: NodeId, nth: u32, number: u32) -> Option<ThreadId> {
        let process = &self.process[node];
        if !process.is_up() {
            return None;
        }
        let can_be_held =
            |id: &ThreadId| self.sched[*id].node() == node && self.sched[*id].is_live() && !self.is_guest_thread(*id);
        let id = self.sched.running().filter(can_be_held).or_else(|| {
            let live: Vec<ThreadId> = process.threads().iter().copied().filter(can_be_held).collect();
            live.get((nth.max(1) - 1) as usize % live.len().max(1)).copied()
        })?;
        self.sched.holds_mut().add(number, id);
        self.stand_still(id);
        Some(id)
    }

    /// The thread that is held under this number, if it is still live.
    pub(crate) fn held(&self, number: u32) -> Option<ThreadId> {
        self.sched.holds().thread(number).filter(|id| self.sched[*id].is_live())
    }

    /// Ends the hold of this number.
    pub(crate) fn end_hold(&mut self, number: u32) {
        if let Some(id) = self.sched.holds_mut().remove(number) {
            self.go_on(id);
        }
    }

    /// Ends the holds of a process that has ended: a guest engine that tears it down may wait for its threads.
    pub(crate) fn forget_holds(&mut self, node: NodeId) {
        let holds = self.sched.holds().iter();
        let own: Vec<u32> = holds.filter(|(_, id)| self.sched[*id].node() == node).map(|(number, _)| number).collect();
        for number in own {
            self.end_hold(number);
        }
    }

    fn stand_still(&mut self, id: ThreadId) {
        self.sched.hold(id);
        // A fault that is aimed at an edge of a lifetime strikes within a call of the running thread.
        self.sched.require_switch_of(id);
    }

    /// Lets a thread run again, unless its process is paused, or another hold is in force.
    fn go_on(&mut self, id: ThreadId) {
        let paused = self.process[self.sched[id].node()].lifecycle().is_paused();
        if self.sched[id].is_live() && !paused && !self.sched.holds().holds(id) {
            self.sched.release(id);
            self.thread_due(id);
        }
    }
}
