//! Holds of single threads: each has a number and keeps one thread from running.

use crate::kernel::sched::thread::ThreadId;

/// All holds in force.
#[derive(Default)]
pub(crate) struct Holds {
    all: Vec<(u32, ThreadId)>,
}

impl Holds {
    /// Adds a hold under this number.
    pub(crate) fn add(&mut self, number: u32, thread: ThreadId) {
        self.all.push((number, thread));
    }

    /// The thread that is held under this number.
    pub(crate) fn thread(&self, number: u32) -> Option<ThreadId> {
        self.all.iter().find(|(held, _)| *held == number).map(|(_, thread)| *thread)
    }

    /// Ends the hold of this number. Returns its thread.
    pub(crate) fn remove(&mut self, number: u32) -> Option<ThreadId> {
        let index = self.all.iter().position(|(held, _)| *held == number)?;
        Some(self.all.remove(index).1)
    }

    /// Returns whether any hold keeps this thread from running.
    pub(crate) fn holds(&self, thread: ThreadId) -> bool {
        self.all.iter().any(|(_, held)| *held == thread)
    }

    /// All holds: number and thread.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, ThreadId)> {
        self.all.iter().copied()
    }
}
