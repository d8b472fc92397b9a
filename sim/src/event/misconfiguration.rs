//! Calls that fail because of the scenario's setup, not because of a fault: an unknown host, a listener that others cannot reach, a
//! port that is taken. They are no events: a report names them where nothing was tested.

use crate::event::id::NodeId;
use serde::{Deserialize, Serialize};

/// A call that failed because of the setup. `N` stands for a node: its number, or its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Misconfiguration<N = NodeId> {
    /// A process looked up a host name that no node has.
    UnknownHost {
        /// The node that asked.
        node: N,
        /// The name.
        name: String,
    },
    /// A connection from another node was refused, because the port is bound to the loopback address only.
    LoopbackOnly {
        /// The node that connected.
        from: N,
        /// The node with the listener.
        to: N,
        /// The port.
        port: u16,
    },
    /// A process bound a port that another socket of its node has.
    PortTaken {
        /// The node.
        node: N,
        /// The port.
        port: u16,
    },
}

impl<N> Misconfiguration<N> {
    /// The same, with each node as this function says.
    pub fn map_nodes<M>(self, map: impl Fn(N) -> M) -> Misconfiguration<M> {
        match self {
            Self::UnknownHost { node, name } => Misconfiguration::UnknownHost { node: map(node), name },
            Self::LoopbackOnly { from, to, port } => {
                Misconfiguration::LoopbackOnly { from: map(from), to: map(to), port }
            }
            Self::PortTaken { node, port } => Misconfiguration::PortTaken { node: map(node), port },
        }
    }
}
