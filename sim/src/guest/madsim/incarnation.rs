//! The name of an incarnation of a node.

use crate::event::NodeId;

/// An incarnation of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Incarnation {
    node: NodeId,
    number: u16,
}

impl Incarnation {
    pub(super) fn new(node: NodeId, number: u16) -> Self {
        Self { node, number }
    }

    pub(super) fn node(self) -> NodeId {
        self.node
    }

    /// The number of the incarnation, from 1.
    pub(super) fn number(self) -> u16 {
        self.number
    }

    /// The index of the node.
    pub(super) fn index(self) -> usize {
        usize::from(self.node.0)
    }
}
