//! Unix sockets inside a node. A connected stream is a channel of `pipe`; no message takes time.
//!
//! ```text
//! state       socket      a socket that is no connected stream, and its datagrams
//!             names       bound names, and the attributes of every socket
//! operations  bind        names in the file system and abstract ones
//!             stream      listen, connect, accept
//!             datagram    send, receive
//!             descriptor  Unix sockets as descriptors
//! ```

mod bind;
mod datagram;
mod descriptor;
mod names;
mod socket;
mod stream;

pub(crate) use names::UnixNames;
pub(crate) use socket::{UnixSocket, backlog_of, shown};
