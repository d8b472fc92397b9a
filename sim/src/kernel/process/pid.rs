//! Numbers of processes.

use crate::event::NodeId;

/// The number of a node's process in this incarnation, which `getpid` returns.
pub(crate) fn of(node: NodeId, incarnation: u16) -> i32 {
    i32::from(node.0) * 100 + i32::from(incarnation) + 1
}
