//! TCP as sockets see it. A link delays segments and never reorders them; a partition holds them up until they get through.
//!
//! ```text
//! state       endpoint      one end: its TCP state, buffers, segments in flight
//!             connection    every connection, with both ends
//!             socket        options, and the listener or connection behind a descriptor
//! operations  handshake     bind, listen, connect, accept; the SYN
//!             transfer      send, receive; segments, retransmission, windows
//!             close         shutdown and close; the FIN
//!             reset         the RST; connections that fail
//!             keepalive     probes
//!             descriptor    TCP sockets as descriptors
//!             listing       TCP sockets as `ss` lists them
//! ```

mod close;
mod connection;
mod descriptor;
mod endpoint;
mod handshake;
mod keepalive;
mod listing;
mod reset;
mod socket;
mod transfer;

pub(crate) use connection::Connections;
pub(crate) use endpoint::EndpointId;
pub(crate) use socket::TcpSocket;
