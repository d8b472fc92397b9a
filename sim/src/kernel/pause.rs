//! Pauses: every thread of a process stands still, as after SIGSTOP, and goes on later, as after SIGCONT.
//! The machine does not: what is on its way arrives, and what the process had sent goes on.

use super::choice::Choices;
use super::thread::{State, ThreadId, Threads};
use super::world::World;
use crate::event::{NodeId, Seq, What};

impl World {
    /// No thread of a node's process gets the baton from here on. Returns whether that is news.
    pub(crate) fn pause(&mut self, node: NodeId, cause: Seq) -> bool {
        let it = &mut self.nodes[usize::from(node.0)];
        if !it.is_up() || it.paused {
            return false;
        }
        it.paused = true;
        let threads = it.threads.clone();
        self.emit_at(node, cause, What::Paused);
        #[cfg(madsim)]
        self.carried_changed();
        for id in threads {
            self.threads.hold(id);
            // A fault that is aimed at an edge strikes in a door, on the thread that passes it.
            self.must_pass |= self.running == Some(id);
        }
        true
    }

    /// The threads of a paused process go on: those that something woke meanwhile, and those whose time came, all at once.
    /// Returns whether it was paused.
    pub(crate) fn resume(&mut self, node: NodeId, cause: Seq) -> bool {
        let it = &mut self.nodes[usize::from(node.0)];
        if !std::mem::take(&mut it.paused) {
            return false;
        }
        let threads = it.threads.clone();
        self.emit_at(node, cause, What::Resumed);
        #[cfg(madsim)]
        self.carried_changed();
        for id in threads {
            self.threads.release(id, &self.choices);
            self.thread_due(id);
        }
        true
    }
}

impl Threads {
    pub(super) fn hold(&mut self, id: ThreadId) {
        self[id].held = true;
        if self[id].state == State::Runnable {
            self[id].state = State::Frozen;
        }
    }

    pub(super) fn release(&mut self, id: ThreadId, choices: &Choices) {
        self[id].held = false;
        if self[id].state == State::Frozen {
            self.enqueue(id, choices);
        }
    }
}
