//! A socket, as the state of a simulation lists it.

use crate::event::id::NodeId;
use serde::{Deserialize, Serialize};

/// The transport of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A TCP connection or listener.
    Tcp,
    /// A socket for UDP datagrams.
    Udp,
    /// A Unix socket, or an end of a pipe.
    Unix,
}

/// The state of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketStatus {
    /// Neither bound nor connected.
    Fresh,
    /// Bound to an address.
    Bound,
    /// Accepts connections.
    Listening,
    /// Waiting for the peer's answer.
    Connecting,
    /// Both ends are connected.
    Established,
    /// This end has closed its direction.
    FinWait,
    /// The peer has closed its direction, and this end has not.
    CloseWait,
    /// Both ends have closed their directions.
    Closing,
    /// Reset, refused or timed out.
    Broken,
    /// The peer's process is gone, and this end does not know it.
    HalfOpen,
}

/// One socket of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// The node that owns it.
    pub node: NodeId,
    /// The incarnation that owns it; 0 if that process has ended and its end of the connection is not closed.
    pub incarnation: u16,
    /// The descriptor; `None` if nobody has accepted the connection yet.
    pub fd: Option<i32>,
    /// The transport.
    pub transport: Transport,
    /// The state.
    pub status: SocketStatus,
    /// Its own address or name; empty if it has none.
    pub local: String,
    /// The peer's address or name; empty if it has none.
    pub peer: String,
    /// Bytes that arrived and were not read.
    pub unread_bytes: u64,
    /// Bytes that were sent and that the peer has not read.
    pub unsent_bytes: u64,
    /// The connection's number in the run.
    pub conn: Option<u32>,
}
