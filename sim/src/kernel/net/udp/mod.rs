//! UDP: datagrams that a link may lose, and that are dropped when the receive buffer is full.
//!
//! ```text
//! state       socket      a socket, its buffer, a datagram in flight
//! operations  transfer    bind, connect, send, receive
//!             descriptor  UDP sockets as descriptors
//! ```

mod descriptor;
mod socket;
mod transfer;

pub(crate) use socket::{Datagram, Outgoing, Received, UdpSocket};
