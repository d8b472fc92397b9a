//! Tasks of asynchronous runtimes, seen by the memory that they live in: where each was spawned, and whether it goes on.
//! It asks no runtime: it is told of blocks of memory, and of how many tasks a runtime says that it has.

use crate::event::NodeId;
use crate::kernel::sched::call_site::CallSite;
use std::collections::BTreeMap;

struct Task {
    node: NodeId,
    made: CallSite,
    /// In which order they were spawned: addresses have none that means anything.
    order: u64,
}

/// Every task's block of memory that is in use.
#[derive(Default)]
pub(crate) struct Tasks {
    blocks: BTreeMap<usize, Task>,
    spawned: u64,
}

impl Tasks {
    /// A task was spawned into this block.
    pub(crate) fn add(&mut self, address: usize, node: NodeId, made: CallSite) {
        self.spawned += 1;
        self.blocks.insert(address, Task { node, made, order: self.spawned });
    }

    /// Whether any was ever seen: nobody tells of blocks unless the program's allocator does.
    pub(crate) fn none_seen(&self) -> bool {
        self.spawned == 0
    }

    /// A block was given back.
    pub(crate) fn remove(&mut self, address: usize) {
        self.blocks.remove(&address);
    }

    /// A process is over, and nobody gives its blocks back.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.blocks.retain(|_, task| task.node != node);
    }

    /// The blocks of a node in the order in which they were spawned, with their places.
    pub(crate) fn of(&self, node: NodeId) -> Vec<(usize, CallSite)> {
        let mut found: Vec<_> = self.blocks.iter().filter(|(_, task)| task.node == node).collect();
        found.sort_by_key(|(_, task)| task.order);
        found.into_iter().map(|(address, task)| (*address, task.made)).collect()
    }
}
