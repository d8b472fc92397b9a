//! The addresses of nodes: each has one in 10.0.0.0/16 and one in a unique local IPv6 range, computed from its number.

use crate::event::NodeId;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The most nodes of a simulation: 10.0.0.0/16 with 250 to a row.
pub const NODES_MAX: usize = 60_000;

const ROW: u16 = 250;

/// The IPv4 address of a node: 10.0.row.column, from 10.0.0.1.
pub(crate) fn address_v4(node: NodeId) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, (node.0 / ROW) as u8, (node.0 % ROW + 1) as u8)
}

/// The IPv6 address of a node, in the unique local range.
pub(crate) fn address_v6(node: NodeId) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0xaf, 0, 0, 0, 0, 0, node.0 + 1)
}

/// The node that an IPv4 address belongs to, whether or not the simulation has one of that number.
pub(crate) fn node_of_v4(address: Ipv4Addr) -> Option<NodeId> {
    match address.octets() {
        [10, 0, row, column @ 1..=250] => Some(NodeId(u16::from(row) * ROW + u16::from(column) - 1)),
        _ => None,
    }
}

/// The node that an IPv6 address belongs to, whether or not the simulation has one of that number.
pub(crate) fn node_of_v6(address: Ipv6Addr) -> Option<NodeId> {
    match address.segments() {
        [0xfd00, 0xaf, 0, 0, 0, 0, 0, column] => Some(NodeId(column.checked_sub(1)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_node() {
        for number in [0, 1, 249, 250, 251, 999, 59_999] {
            let node = NodeId(number);
            assert_eq!(node_of_v4(address_v4(node)), Some(node));
            assert_eq!(node_of_v6(address_v6(node)), Some(node));
        }
        assert_eq!(node_of_v4(Ipv4Addr::new(10, 1, 0, 1)), None);
        assert_eq!(node_of_v4(Ipv4Addr::new(10, 0, 0, 0)), None);
    }
}
