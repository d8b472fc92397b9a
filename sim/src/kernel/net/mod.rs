//! The network: links, TCP, UDP, Unix sockets, pipes.

mod bytes;
pub(crate) mod link;
pub(crate) mod pipe;
pub(crate) mod ports;
pub(crate) mod sockets;
pub(crate) mod stale;
pub(crate) mod tcp;
pub(crate) mod udp;
pub(crate) mod unix;
