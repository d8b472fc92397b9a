//! The network: links, ports, connections, datagrams, and the channels inside each node.
//! It moves nothing: the operations of each protocol do.

use crate::event::NodeId;
use crate::kernel::net::deliveries::Deliveries;
use crate::kernel::net::link::{Latency, Links};
use crate::kernel::net::pipe::Pipes;
use crate::kernel::net::ports::Ports;
use crate::kernel::net::tcp::Connections;
use crate::kernel::net::unix::UnixNames;
use std::collections::BTreeMap;

/// The state of the network.
pub(crate) struct Net {
    pub(crate) links: Links,
    pub(crate) ports: Ports,
    pub(crate) connections: Connections,
    pub(crate) deliveries: Deliveries,
    pub(crate) pipes: Pipes,
    pub(crate) unix: UnixNames,
    /// The number of datagrams that each node has sent to each other.
    datagrams: BTreeMap<(NodeId, NodeId), u64>,
}

impl Net {
    pub(crate) fn new(latency: Latency) -> Self {
        Self {
            links: Links::new(latency),
            ports: Ports::default(),
            connections: Connections::default(),
            deliveries: Deliveries::default(),
            pipes: Pipes::default(),
            unix: UnixNames::default(),
            datagrams: BTreeMap::new(),
        }
    }

    /// The number of the next datagram from one node to another.
    pub(crate) fn next_datagram(&mut self, from: NodeId, to: NodeId) -> u64 {
        let count = self.datagrams.entry((from, to)).or_insert(0);
        *count += 1;
        *count
    }
}
