//! The network: links, ports, connections, datagrams, and the channels inside each node.
//! It moves nothing: the operations of each protocol do.

use crate::event::NodeId;
use crate::kernel::net::deliveries::Deliveries;
use crate::kernel::net::link::{Latency, Link, Links};
use crate::kernel::net::misconfiguration::Misconfigurations;
use crate::kernel::net::pipe::Pipes;
use crate::kernel::net::ports::Ports;
use crate::kernel::net::tcp::Connections;
use crate::kernel::net::unix::UnixNames;
use std::collections::BTreeMap;

/// The state of the network.
pub(crate) struct Net {
    pub(super) links: Links,
    pub(super) ports: Ports,
    pub(super) connections: Connections,
    pub(super) deliveries: Deliveries,
    pub(super) pipes: Pipes,
    pub(super) unix: UnixNames,
    pub(super) misconfigurations: Misconfigurations,
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
            misconfigurations: Misconfigurations::default(),
            datagrams: BTreeMap::new(),
        }
    }

    /// Every link.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Sets the quality of one direction between two nodes.
    pub(crate) fn set_link(&mut self, from: NodeId, to: NodeId, link: Link) {
        self.links.set(from, to, link);
    }

    /// Begins to record deliveries: some node is in its second incarnation or a later one.
    pub(crate) fn record_deliveries(&mut self) {
        self.deliveries.record();
    }

    /// The attributes of Unix sockets.
    #[inline]
    pub(crate) fn unix(&self) -> &UnixNames {
        &self.unix
    }

    /// The same, to change.
    #[inline]
    pub(crate) fn unix_mut(&mut self) -> &mut UnixNames {
        &mut self.unix
    }

    /// Calls that failed because of the setup.
    pub(crate) fn misconfigurations(&self) -> &Misconfigurations {
        &self.misconfigurations
    }

    /// The same, to record one.
    pub(crate) fn misconfigurations_mut(&mut self) -> &mut Misconfigurations {
        &mut self.misconfigurations
    }

    /// The number of the next datagram from one node to another.
    pub(super) fn next_datagram(&mut self, from: NodeId, to: NodeId) -> u64 {
        let count = self.datagrams.entry((from, to)).or_insert(0);
        *count += 1;
        *count
    }
}
