//! TCP connections as `ss` would list them.
//! It changes nothing.

use super::connection::{Connection, Connections};
use super::endpoint::{Endpoint, State};
use super::socket::{SocketState, TcpSocket};
use crate::event::{NodeId, Socket, SocketStatus, Transport};

fn status(end: &Endpoint, peer: &Endpoint) -> SocketStatus {
    match end.state() {
        State::Closed => SocketStatus::Broken,
        _ if end.is_connecting() => SocketStatus::Connecting,
        // Neither a FIN nor a RST has arrived, and nobody is left to send one.
        _ if !end.has_received_fin() && peer.is_gone() && peer.flight.segments.is_empty() => SocketStatus::HalfOpen,
        State::Closing | State::LastAck | State::TimeWait => SocketStatus::Closing,
        State::FinWait1 | State::FinWait2 => SocketStatus::FinWait,
        State::CloseWait => SocketStatus::CloseWait,
        State::Listen | State::SynSent | State::Established | State::Lost => SocketStatus::Established,
    }
}

fn line(connection: &Connection, end: u8) -> Socket {
    let (own, peer) = (&connection.ends[usize::from(end)], &connection.ends[usize::from(1 - end)]);
    Socket {
        node: own.node,
        incarnation: own.incarnation,
        fd: None,
        transport: Transport::Tcp,
        status: status(own, peer),
        local: own.address.to_string(),
        peer: peer.address.to_string(),
        unread_bytes: own.received.len() as u64,
        unsent_bytes: own.window.outstanding as u64,
        conn: Some(connection.number),
    }
}

impl Connections {
    /// Completes the line of a TCP socket.
    pub(super) fn list(&self, bare: Socket, socket: &TcpSocket) -> Socket {
        match &socket.state {
            SocketState::Unbound => bare,
            SocketState::Bound => Socket { status: SocketStatus::Bound, ..bare },
            SocketState::Listening { .. } => Socket { status: SocketStatus::Listening, ..bare },
            SocketState::Shut => Socket { status: SocketStatus::Broken, ..bare },
            SocketState::Connected(end) => match self.get(*end) {
                Some(connection) => line(connection, end.end),
                None => Socket { status: SocketStatus::Broken, ..bare },
            },
        }
    }

    /// The lines of a node's connections that wait to be accepted.
    pub(crate) fn unaccepted(&self, node: NodeId) -> impl Iterator<Item = Socket> {
        self.iter().filter_map(move |(_, connection)| {
            let end = &connection.ends[1];
            let waits = end.node == node && end.was_established() && end.description.is_none();
            waits.then(|| line(connection, 1))
        })
    }
}
