//! The node that an address leads to, and the address that a socket shows.
//! The addresses of nodes themselves are in `process`.

use crate::event::NodeId;
use crate::kernel::process::address::{address_v4, address_v6, node_of_v4, node_of_v6};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The addresses of a node that a socket is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Any,
    Loopback,
    Outside,
}

/// Which of this node's addresses it is. Fails with `EADDRNOTAVAIL` if it is none of them.
pub(crate) fn own_scope(node: NodeId, address: IpAddr) -> Result<Scope, i32> {
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ok(Scope::Any),
        IpAddr::V6(v6) if v6.is_unspecified() => Ok(Scope::Any),
        address if address.is_loopback() => Ok(Scope::Loopback),
        address if find(node, address) == Some((node, Scope::Outside)) => Ok(Scope::Outside),
        _ => Err(libc::EADDRNOTAVAIL),
    }
}

/// The node that an address leads to from this one. The unspecified address leads back to the node, as on Linux.
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

/// The address that a socket of this node shows to `peer`, in the peer's family.
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
