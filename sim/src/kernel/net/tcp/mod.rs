//! TCP: what sockets can see of it. Handshake, backlog, ordered bytes with backpressure, half-close, FIN, RST, silence.
//! It is no TCP: a link delays and never reorders, and what a cut link swallows is sent again until it is through.

mod close;
mod connection;
mod handshake;
mod keepalive;
mod listing;
mod transfer;

pub(crate) use close::Parting;
pub(crate) use connection::{Connection, Ref, SocketState, TcpSocket};
pub(crate) use keepalive::Probing;
