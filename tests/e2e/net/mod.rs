//! The network between nodes and inside a node.

mod http;
mod links;
mod names;
mod tcp;
mod tcp_ends;
mod udp;
mod udp_messages;
mod unix_sockets;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![
        tcp::module(),
        tcp_ends::module(),
        udp::module(),
        udp_messages::module(),
        unix_sockets::module(),
        links::module(),
        names::module(),
        http::module(),
    ]
}
