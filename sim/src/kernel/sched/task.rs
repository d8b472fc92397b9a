//! Tasks of asynchronous runtimes, by the memory that they occupy: the node of each, and the call that spawned it.
//! It queries no runtime: interposed functions report blocks of memory.

use crate::event::NodeId;
use crate::kernel::sched::call_site::CallSite;
use std::collections::BTreeMap;

struct Task {
    node: NodeId,
    made: CallSite,
    /// The position in the order of spawns: the order of addresses means nothing.
    order: u64,
}

/// All tasks whose memory is in use.
#[derive(Default)]
pub(crate) struct Tasks {
    blocks: BTreeMap<usize, Task>,
    spawned: u64,
}

impl Tasks {
    /// Adds a task that was spawned into this block.
    pub(crate) fn add(&mut self, address: usize, node: NodeId, made: CallSite) {
        self.spawned += 1;
        self.blocks.insert(address, Task { node, made, order: self.spawned });
    }

    /// Returns whether no task was ever seen. Blocks are reported by the harness's allocator alone.
    pub(crate) fn none_seen(&self) -> bool {
        self.spawned == 0
    }

    /// Removes the task whose block was freed.
    pub(crate) fn remove(&mut self, address: usize) {
        self.blocks.remove(&address);
    }

    /// Removes the tasks of a process that has ended: nobody frees their blocks.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.blocks.retain(|_, task| task.node != node);
    }

    /// The blocks of a node in the order of their spawns, with the calls that spawned them.
    pub(crate) fn of(&self, node: NodeId) -> Vec<(usize, CallSite)> {
        let mut found: Vec<_> = self.blocks.iter().filter(|(_, task)| task.node == node).collect();
        found.sort_by_key(|(_, task)| task.order);
        found.into_iter().map(|(address, task)| (*address, task.made)).collect()
    }
}
