//! A TCP socket as its process holds it: options, and the listener or connection behind it.
//! The connection itself is in `connection`.

use super::endpoint::EndpointId;
use crate::kernel::Errno;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// A TCP socket.
pub(crate) struct TcpSocket {
    pub(crate) v6: bool,
    pub(crate) local: Option<SocketAddr>,
    pub(super) state: SocketState,
    pub(crate) receive_timeout_ns: u64,
    pub(crate) send_timeout_ns: u64,
    /// The seconds of `SO_LINGER`, if it is on. With zero, closing the socket resets the connection.
    pub(crate) linger_s: Option<i32>,
    pub(crate) keepalive: KeepAlive,
    pub(crate) error: Errno,
    /// A `connect` that did not wait was called, and its result was not asked for by another one.
    pub(super) in_progress: bool,
    /// Its last read or write.
    pub(crate) used: LastUse,
}

/// The last call that read from a socket or wrote to it.
#[derive(Clone, Copy, Default)]
pub(crate) struct LastUse {
    /// The calling thread's number in its process.
    pub(crate) thread: u32,
    /// The number of the task that it polled; 0 for none.
    pub(crate) task: u32,
    /// The time of the call; 0 if there was none.
    pub(crate) at_ns: u64,
}

/// The use that a socket was put to.
pub(super) enum SocketState {
    Unbound,
    Bound,
    Listening {
        backlog: usize,
        /// Connections that wait to be accepted.
        queue: VecDeque<EndpointId>,
    },
    Connected(EndpointId),
    /// A listener after `shutdown`.
    Shut,
}

/// The reaction to a peer that has gone silent, with Linux's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeepAlive {
    /// `SO_KEEPALIVE`.
    pub(crate) on: bool,
    /// `TCP_KEEPIDLE`: seconds of silence before the first probe.
    pub(crate) idle_s: u32,
    /// `TCP_KEEPINTVL`: seconds between two probes.
    pub(crate) interval_s: u32,
    /// `TCP_KEEPCNT`: the number of unanswered probes that ends the connection.
    pub(crate) probes_max: u32,
    /// `TCP_USER_TIMEOUT`: milliseconds that data may wait for its acknowledgement; 0 for no bound but the retransmissions'.
    pub(crate) user_timeout_ms: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { on: false, idle_s: 7_200, interval_s: 75, probes_max: 9, user_timeout_ms: 0 }
    }
}

impl TcpSocket {
    pub(crate) fn new(v6: bool) -> Self {
        Self {
            v6,
            local: None,
            state: SocketState::Unbound,
            receive_timeout_ns: u64::MAX,
            send_timeout_ns: u64::MAX,
            linger_s: None,
            keepalive: KeepAlive::default(),
            error: 0,
            in_progress: false,
            used: LastUse::default(),
        }
    }

    /// The socket of a connection that was accepted.
    pub(super) fn accepted(v6: bool, local: SocketAddr, keepalive: KeepAlive, end: EndpointId) -> Self {
        Self { local: Some(local), keepalive, state: SocketState::Connected(end), ..Self::new(v6) }
    }

    /// Returns whether `listen` was called.
    pub(crate) fn is_listening(&self) -> bool {
        matches!(self.state, SocketState::Listening { .. })
    }

    /// The end of its connection. Fails with the pending error, if there is one, or with `ENOTCONN`.
    #[inline]
    pub(super) fn endpoint(&mut self) -> Result<EndpointId, Errno> {
        if self.error != 0 {
            return Err(std::mem::take(&mut self.error));
        }
        match self.state {
            SocketState::Connected(end) => Ok(end),
            _ => Err(libc::ENOTCONN),
        }
    }
}
