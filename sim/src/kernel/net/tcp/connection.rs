//! Every TCP connection of the simulation, by number, with both of its ends.
//! It moves no data.

use super::endpoint::{Endpoint, EndpointId, State};
use crate::event::NodeId;
use crate::kernel::net::address::Scope;
use crate::kernel::sched::choice::join;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A connection: the client's end, then the server's.
pub(crate) struct Connection {
    generation: u32,
    /// The number that events show.
    pub(super) number: u32,
    /// The key of this connection's choices.
    pub(super) key: u64,
    /// The server's port, and which of its addresses the client asked for.
    pub(super) port: u16,
    pub(super) scope: Scope,
    pub(super) ends: [Endpoint; 2],
}

/// Every connection.
#[derive(Default)]
pub(crate) struct Connections {
    all: Vec<Connection>,
    free: Vec<u32>,
    opened: u32,
    /// The number of connections that each pair of nodes has opened, so that the choices of a connection depend on its
    /// pair alone.
    pairs: BTreeMap<(NodeId, NodeId), u64>,
}

/// A connection that is about to be opened.
pub(super) struct Opening {
    pub(super) client: (NodeId, SocketAddr),
    pub(super) server: (NodeId, SocketAddr),
    /// The keys of both nodes.
    pub(super) keys: (u64, u64),
    pub(super) scope: Scope,
}

impl Connection {
    /// Returns whether no process owns an end of it and nothing is in flight.
    pub(super) fn is_done(&self) -> bool {
        let over = |end: &Endpoint| end.is_gone() && end.flight.segments.is_empty();
        let [client, server] = &self.ends;
        // No process could close a server's end that no SYN has reached.
        let unreached = server.is_connecting() && server.flight.segments.is_empty();
        over(client) && (over(server) || unreached)
    }
}

impl Connections {
    #[inline]
    pub(super) fn get(&self, end: EndpointId) -> Option<&Connection> {
        self.all.get(end.index as usize).filter(|connection| connection.generation == end.generation)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, end: EndpointId) -> Option<&mut Connection> {
        self.all.get_mut(end.index as usize).filter(|connection| connection.generation == end.generation)
    }

    #[inline]
    pub(super) fn end(&self, end: EndpointId) -> Option<&Endpoint> {
        self.get(end).map(|connection| &connection.ends[usize::from(end.end)])
    }

    #[inline]
    pub(super) fn end_mut(&mut self, end: EndpointId) -> Option<&mut Endpoint> {
        self.get_mut(end).map(|connection| &mut connection.ends[usize::from(end.end)])
    }

    /// The connection's number, and the node and incarnation at the other end.
    pub(crate) fn peer_of(&self, end: EndpointId) -> Option<(u32, NodeId, u16)> {
        let connection = self.get(end)?;
        let peer = &connection.ends[usize::from(end.peer().end)];
        Some((connection.number, peer.node, peer.incarnation))
    }

    /// Every connection with the client's end, those that are over included.
    pub(super) fn iter(&self) -> impl Iterator<Item = (EndpointId, &Connection)> {
        self.all.iter().enumerate().map(|(index, connection)| {
            (EndpointId { index: index as u32, generation: connection.generation, end: 0 }, connection)
        })
    }

    /// Opens a connection. Returns the client's end.
    pub(super) fn open(&mut self, opening: Opening) -> EndpointId {
        let Opening { client, server, keys, scope } = opening;
        let count = self.pairs.entry((client.0, server.0)).or_insert(0);
        *count += 1;
        let key = join(join(keys.0, keys.1), *count);
        let number = self.opened;
        self.opened += 1;
        let ends =
            [Endpoint::new(client.0, client.1, State::SynSent), Endpoint::new(server.0, server.1, State::Listen)];
        let mut connection = Connection { generation: 0, number, key, port: server.1.port(), scope, ends };
        match self.free.pop() {
            Some(index) => {
                connection.generation = self.all[index as usize].generation + 1;
                let generation = connection.generation;
                self.all[index as usize] = connection;
                EndpointId { index, generation, end: 0 }
            }
            None => {
                self.all.push(connection);
                EndpointId { index: self.all.len() as u32 - 1, generation: 0, end: 0 }
            }
        }
    }

    /// Forgets a connection once no process owns an end and nothing is in flight.
    #[inline]
    pub(super) fn free_if_done(&mut self, end: EndpointId) {
        let Some(connection) = self.get_mut(end) else { return };
        if connection.is_done() {
            connection.generation += 1;
            self.free.push(end.index);
        }
    }
}
