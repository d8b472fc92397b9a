//! Calls that fail because of the scenario's setup, not because of a fault: an unknown host, a listener that others cannot reach, a
//! port that is taken. They are no events: a report names them where nothing was tested.

use crate::event::NodeId;
use std::collections::BTreeSet;

/// The most that are recorded in a run. The first ones explain the others.
const RECORDED_MAX: usize = 32;

/// A call that failed because of the setup.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misconfiguration {
    /// A process looked up a host name that no node has.
    UnknownHost {
        /// The node that asked.
        node: NodeId,
        /// The name.
        name: String,
    },
    /// A connection from another node was refused, because the port is bound to the loopback address only.
    LoopbackOnly {
        /// The node that connected.
        from: NodeId,
        /// The node with the listener.
        to: NodeId,
        /// The port.
        port: u16,
    },
    /// A process bound a port that another socket of its node has.
    PortTaken {
        /// The node.
        node: NodeId,
        /// The port.
        port: u16,
    },
}

/// The misconfigurations of a run, each once.
#[derive(Default)]
pub(crate) struct Misconfigurations(BTreeSet<Misconfiguration>);

impl Misconfigurations {
    /// Records one.
    pub(crate) fn record(&mut self, misconfiguration: Misconfiguration) {
        if self.0.len() < RECORDED_MAX {
            self.0.insert(misconfiguration);
        }
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> Vec<Misconfiguration> {
        self.0.iter().cloned().collect()
    }
}
