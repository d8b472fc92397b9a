//! The network.
//!
//! ```text
//! state       network     the network as a whole
//!             address     addresses of nodes
//!             link        latency, loss, bandwidth, partitions between nodes
//!             ports       sockets that are bound to ports
//!             arrival     messages in flight
//!             deliveries  incarnations that processes have received from
//!             bytes       queues of bytes
//!             misconfiguration  calls that fail because of the setup
//! operations  delivery    messages that arrive or are dropped
//!             stale       messages between incarnations
//!             sockets     every socket, listed
//! protocols   tcp, udp, unix; pipe and pipe_descriptor
//! ```

pub(crate) mod address;
pub(crate) mod arrival;
mod bytes;
mod deliveries;
mod delivery;
pub(crate) mod link;
pub(crate) mod misconfiguration;
pub(crate) mod network;
pub(crate) mod pipe;
mod pipe_descriptor;
pub(crate) mod ports;
mod sockets;
mod stale;
pub(crate) mod tcp;
pub(crate) mod udp;
pub(crate) mod unix;
