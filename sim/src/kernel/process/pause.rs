//! Pauses of processes, as by SIGSTOP and SIGCONT, and holds of single threads, as on a machine with too few processors.
//! The machine itself goes on: messages in transit arrive, and what the process sent is delivered.

use crate::event::{NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// Pauses a node's process: none of its threads runs. Returns whether it ran until now.
    pub(crate) fn pause(&mut self, node: NodeId, cause: Seq) -> bool {
        if !self.process[node].lifecycle.pause() {
            return false;
        }
        let threads = self.process[node].threads.clone();
        self.emit_at(node, cause, What::Paused);
        self.guests_changed();
        for id in threads {
            self.stand_still(id);
        }
        true
    }

    /// The threads of a paused process go on: those that something woke meanwhile, and those whose time came, all at once.
    /// Returns whether it was paused.
    pub(crate) fn resume(&mut self, node: NodeId, cause: Seq) -> bool {
        if !self.process[node].lifecycle.resume() {
            return false;
        }
        let threads = self.process[node].threads.clone();
        self.emit_at(node, cause, What::Resumed);
        self.guests_changed();
        for id in threads {
            self.go_on(id);
        }
        true
    }

    /// One thread of a node's process does not get the baton until the hold of this number is over: the one that runs, if it is
    /// one of them, else the `nth` that is alive, counted round. Returns it, if there is one.
    pub(crate) fn hold(&mut self, node: NodeId, nth: u32, number: u32) -> Option<ThreadId> {
        let process = &self.process[node];
        if !process.is_up() {
            return None;
        }
        let of_it = |id: &ThreadId| {
            self.sched.threads[*id].node == node && self.sched.threads[*id].is_live() && !self.is_guest_thread(*id)
        };
        let id = self.sched.running.filter(of_it).or_else(|| {
            let live: Vec<ThreadId> = process.threads.iter().copied().filter(of_it).collect();
            live.get((nth.max(1) - 1) as usize % live.len().max(1)).copied()
        })?;
        self.sched.holds.push((number, id));
        self.stand_still(id);
        Some(id)
    }

    /// The thread that is held under this number, if it is still alive.
    pub(crate) fn held(&self, number: u32) -> Option<ThreadId> {
        let (_, id) = self.sched.holds.iter().find(|(held, _)| *held == number)?;
        Some(*id).filter(|id| self.sched.threads[*id].is_live())
    }

    /// The hold of this number is over.
    pub(crate) fn end_hold(&mut self, number: u32) {
        let Some(place) = self.sched.holds.iter().position(|(held, _)| *held == number) else { return };
        let (_, id) = self.sched.holds.remove(place);
        self.go_on(id);
    }

    /// A node's process has ended: its holds have, too. Who takes it apart may wait for its threads.
    pub(crate) fn forget_holds(&mut self, node: NodeId) {
        let of_it: Vec<u32> = self
            .sched
            .holds
            .iter()
            .filter(|(_, id)| self.sched.threads[*id].node == node)
            .map(|(number, _)| *number)
            .collect();
        for number in of_it {
            self.end_hold(number);
        }
    }

    fn stand_still(&mut self, id: ThreadId) {
        self.sched.threads.hold(id);
        // A fault that is aimed at an edge strikes in a door, on the thread that passes it.
        self.sched.must_switch |= self.sched.running == Some(id);
    }

    /// A thread goes on, unless its process is paused, or it is held once more.
    fn go_on(&mut self, id: ThreadId) {
        let paused = self.process[self.sched.threads[id].node].lifecycle.is_paused();
        if self.sched.threads[id].is_live() && !paused && self.sched.holds.iter().all(|(_, held)| *held != id) {
            self.sched.threads.release(id, &self.sched.choices);
            self.thread_due(id);
        }
    }
}
