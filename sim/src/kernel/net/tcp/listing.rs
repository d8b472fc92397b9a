//! Connections as a list of sockets shows them.
//! It only looks.

use super::connection::{Connection, Side, SocketState, Stage};
use crate::event::{NodeId, Socket, SocketStatus, Transport};
use crate::kernel::net::ports::Net;

fn status(side: &Side, peer: &Side) -> SocketStatus {
    match (side.stage, side.said_all, side.ended) {
        _ if side.reset => SocketStatus::Broken,
        (Stage::Opening, ..) => SocketStatus::Connecting,
        // It has heard neither an end nor a reset, and nobody is there who could say more.
        (_, _, false) if matches!(peer.stage, Stage::Closed | Stage::Silent) && peer.flight.is_empty() => {
            SocketStatus::HalfOpen
        }
        (_, true, true) => SocketStatus::Closing,
        (_, true, false) => SocketStatus::FinWait,
        (_, false, true) => SocketStatus::CloseWait,
        (_, false, false) => SocketStatus::Established,
    }
}

impl Net {
    fn end(connection: &Connection, side: u8) -> Socket {
        let (own, peer) = (&connection.sides[usize::from(side)], &connection.sides[usize::from(1 - side)]);
        Socket {
            node: own.node,
            incarnation: own.incarnation,
            fd: None,
            transport: Transport::Tcp,
            status: status(own, peer),
            local: own.address.to_string(),
            peer: peer.address.to_string(),
            unread_bytes: own.received.len() as u64,
            unsent_bytes: own.outstanding as u64,
            conn: Some(connection.number),
        }
    }

    /// A TCP socket with what its state says about it.
    pub(crate) fn shown(&self, socket: Socket, state: &SocketState) -> Socket {
        match state {
            SocketState::Fresh => socket,
            SocketState::Bound => Socket { status: SocketStatus::Bound, ..socket },
            SocketState::Listening { .. } => Socket { status: SocketStatus::Listening, ..socket },
            SocketState::Broken => Socket { status: SocketStatus::Broken, ..socket },
            SocketState::Stream(end) => match self.connections.get(end.index as usize) {
                Some(connection) if connection.generation == end.generation => Self::end(connection, end.side),
                _ => Socket { status: SocketStatus::Broken, ..socket },
            },
        }
    }

    /// Ends of connections at a node that stand and that no process has taken from its listener's queue.
    pub(crate) fn untaken(&self, node: NodeId) -> impl Iterator<Item = Socket> {
        self.connections.iter().filter_map(move |connection| {
            let side = &connection.sides[1];
            let waits = side.node == node && side.stage == Stage::Open && side.description.is_none();
            waits.then(|| Self::end(connection, 1))
        })
    }
}
