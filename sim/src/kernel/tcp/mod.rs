//! TCP: what sockets can see of it. Handshake, backlog, ordered bytes with backpressure, half-close, FIN, RST, silence.
//! It is no TCP: a link delays and never reorders, and what a cut link swallows is sent again until it is through.

mod connection;
mod flow;
mod opening;
mod parting;
mod probing;
mod shown;

pub(crate) use connection::{Connection, Ref, SocketState, TcpSocket};
pub(crate) use parting::Parting;
pub(crate) use probing::Probing;
