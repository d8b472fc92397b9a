//! The network as a whole: who is bound where, which connections stand, how long the way is, what is cut.
//! It knows no descriptors' numbers and no bytes' meaning.

use crate::event::NodeId;
use crate::kernel::net::link::{Latency, Links};
use crate::kernel::net::pipe::Pipes;
use crate::kernel::net::stale::Heard;
use crate::kernel::net::tcp::Connection;
use crate::kernel::net::unix::Unix;
use crate::kernel::process::address::{address_v4, address_v6, node_of_v4, node_of_v6};
use crate::kernel::process::fd::description::DescriptionId;
use crate::kernel::process::node::Node;
use crate::kernel::sched::choice::join;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Which of a node's addresses a socket is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Any,
    Loopback,
    Outside,
}

/// Which transport a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// Every link, binding and connection.
#[derive(Default)]
pub(crate) struct Net {
    pub(crate) latency: Latency,
    /// Some way is not as all others are.
    pub(crate) links_differ: bool,
    pub(crate) links: Links,
    blocked: BTreeSet<(NodeId, NodeId)>,
    bindings: BTreeMap<(NodeId, u16, Transport, Scope), DescriptionId>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) free: Vec<u32>,
    pub(crate) opened: u32,
    /// How many connections each pair of nodes has opened, so that a connection's choices depend on its pair alone.
    pairs: BTreeMap<(NodeId, NodeId), u64>,
    datagrams: BTreeMap<(NodeId, NodeId), u64>,
    pub(crate) pipes: Pipes,
    pub(crate) unix: Unix,
    pub(crate) stale: Heard,
}

impl Net {
    /// Who is asked for choices on the next connection from one node to another.
    pub(crate) fn next_pair(&mut self, from: &Node, to: &Node, ids: (NodeId, NodeId)) -> u64 {
        let count = self.pairs.entry(ids).or_insert(0);
        *count += 1;
        join(join(from.key, to.key), *count)
    }

    /// The number of the next datagram from one node to another.
    pub(crate) fn next_datagram(&mut self, from: NodeId, to: NodeId) -> u64 {
        let count = self.datagrams.entry((from, to)).or_insert(0);
        *count += 1;
        *count
    }

    /// Whether nothing passes from one node to another.
    #[inline]
    pub(crate) fn is_blocked(&self, from: NodeId, to: NodeId) -> bool {
        !self.blocked.is_empty() && self.blocked.contains(&(from, to))
    }

    /// Whether any way is cut.
    #[cfg(any(feature = "turmoil", madsim))]
    pub(crate) fn is_cut_anywhere(&self) -> bool {
        !self.blocked.is_empty()
    }

    /// Cuts or opens one direction.
    pub(crate) fn block(&mut self, from: NodeId, to: NodeId, blocked: bool) {
        if blocked && from != to {
            self.blocked.insert((from, to));
        } else {
            self.blocked.remove(&(from, to));
        }
    }

    /// Opens everything.
    pub(crate) fn heal(&mut self) -> bool {
        !std::mem::take(&mut self.blocked).is_empty()
    }

    /// Binds a port; `EADDRINUSE` if somebody has it.
    pub(crate) fn bind(
        &mut self,
        node: NodeId,
        port: u16,
        transport: Transport,
        scope: Scope,
        id: DescriptionId,
    ) -> Result<(), i32> {
        let taken = |scope| self.bindings.contains_key(&(node, port, transport, scope));
        let conflict = match scope {
            Scope::Any => taken(Scope::Any) || taken(Scope::Loopback) || taken(Scope::Outside),
            _ => taken(Scope::Any) || taken(scope),
        };
        if conflict {
            return Err(libc::EADDRINUSE);
        }
        self.bindings.insert((node, port, transport, scope), id);
        Ok(())
    }

    /// Gives a port back, if it is this description's.
    pub(crate) fn unbind(&mut self, node: NodeId, port: u16, transport: Transport, id: DescriptionId) {
        for scope in [Scope::Any, Scope::Loopback, Scope::Outside] {
            let key = (node, port, transport, scope);
            if self.bindings.get(&key) == Some(&id) {
                self.bindings.remove(&key);
            }
        }
    }

    /// Who is bound where this address leads.
    pub(crate) fn bound(&self, node: NodeId, port: u16, transport: Transport, scope: Scope) -> Option<DescriptionId> {
        let at = |scope| self.bindings.get(&(node, port, transport, scope)).copied();
        at(scope).or_else(|| at(Scope::Any))
    }

    /// The next free ephemeral port of a node.
    pub(crate) fn ephemeral(&self, node: &mut Node, id: NodeId, transport: Transport) -> Result<u16, i32> {
        for _ in crate::kernel::process::node::FIRST_EPHEMERAL_PORT..u16::MAX {
            let port = node.next_port();
            if self.bound(id, port, transport, Scope::Any).is_none()
                && self.bound(id, port, transport, Scope::Outside).is_none()
                && self.bound(id, port, transport, Scope::Loopback).is_none()
            {
                return Ok(port);
            }
        }
        Err(libc::EADDRNOTAVAIL)
    }
}

/// Which of this node's addresses is meant; `EADDRNOTAVAIL` if it is not one of them.
pub(crate) fn own_scope(node: NodeId, address: IpAddr) -> Result<Scope, i32> {
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ok(Scope::Any),
        IpAddr::V6(v6) if v6.is_unspecified() => Ok(Scope::Any),
        address if address.is_loopback() => Ok(Scope::Loopback),
        address if find(node, address) == Some((node, Scope::Outside)) => Ok(Scope::Outside),
        _ => Err(libc::EADDRNOTAVAIL),
    }
}

/// Where an address leads, seen from a node. An unspecified one leads to oneself, as on Linux.
pub(crate) fn find(from: NodeId, address: IpAddr) -> Option<(NodeId, Scope)> {
    let address = address.to_canonical();
    if address.is_loopback() || address.is_unspecified() {
        return Some((from, Scope::Loopback));
    }
    let node = match address {
        IpAddr::V4(v4) => node_of_v4(v4),
        IpAddr::V6(v6) => node_of_v6(v6),
    }?;
    Some((node, Scope::Outside))
}

/// The address that a socket of this node shows when it talks to `peer`, in the peer's own family.
pub(crate) fn own_address(node: NodeId, peer: IpAddr, port: u16) -> SocketAddr {
    let loopback = peer.to_canonical().is_loopback() || peer.is_unspecified();
    let ip = match (peer, loopback) {
        (IpAddr::V4(_), true) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        (IpAddr::V4(_), false) => IpAddr::V4(address_v4(node)),
        (IpAddr::V6(v6), loopback) => match (v6.to_ipv4_mapped(), loopback) {
            (Some(_), true) => IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()),
            (Some(_), false) => IpAddr::V6(address_v4(node).to_ipv6_mapped()),
            (None, true) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            (None, false) => IpAddr::V6(address_v6(node)),
        },
    };
    SocketAddr::new(ip, port)
}
