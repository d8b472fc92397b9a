//! TCP resets: every RST is sent and received here, and connections fail here.
//! Orderly ends are in `close`.

use super::connection::Connection;
use super::endpoint::{Body, Endpoint, EndpointId, State};
use crate::event::{NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::fd::readiness::{ERR, HUP, IN, OUT, RDHUP};

impl Kernel {
    /// Sends a RST: nobody listens, the socket is gone, it was closed with bytes unread, or the machine has restarted.
    pub(super) fn send_rst(&mut self, from: EndpointId, cause: Seq) {
        self.ship(from, cause, Body::Rst);
    }

    /// A RST arrives: it refuses a connection that is being opened, and resets any other.
    pub(super) fn receive_rst(&mut self, at: EndpointId, number: u32, cause: Seq) {
        let end = self.net.connections.end(at);
        let (error, what) = match end.map(Endpoint::state) {
            _ if end.is_some_and(Endpoint::is_connecting) => (libc::ECONNREFUSED, What::Refused { conn: number }),
            // The peer had ended its side before, so that only a writer can still learn of it.
            Some(State::CloseWait) => (libc::EPIPE, What::Reset { conn: number }),
            _ => (libc::ECONNRESET, What::Reset { conn: number }),
        };
        self.fail(at, error, what, cause);
    }

    /// Ends the connection at this end with an error.
    pub(super) fn fail(&mut self, at: EndpointId, error: Errno, what: What, cause: Seq) {
        let Some(end) = self.net.connections.end_mut(at) else { return };
        if end.is_gone() {
            self.net.connections.free_if_done(at);
            return;
        }
        end.reset(error);
        let (node, description) = (end.node, end.description);
        let seq = self.emit_at(node, cause, what);
        self.arrived(at, description, IN | OUT | ERR | HUP | RDHUP, seq);
    }

    /// The connections between two nodes on which data can still move, each as its client's end and its number.
    pub(crate) fn connections_between(&self, a: NodeId, b: NodeId) -> Vec<(EndpointId, u32)> {
        let are_between = |connection: &Connection| {
            let nodes = (connection.ends[0].node, connection.ends[1].node);
            (nodes == (a, b) || nodes == (b, a)) && connection.ends.iter().any(Endpoint::is_alive)
        };
        let between = self.net.connections.iter().filter(|(_, connection)| are_between(connection));
        between.map(|(end, connection)| (end, connection.number)).collect()
    }

    /// Resets every connection between two nodes at both ends at once, as a middlebox does that lost its state.
    pub(crate) fn reset_connections(&mut self, a: NodeId, b: NodeId, cause: Seq) -> usize {
        let ends = self.connections_between(a, b);
        for (end, number) in &ends {
            self.fail(*end, libc::ECONNRESET, What::Reset { conn: *number }, cause);
            self.fail(end.peer(), libc::ECONNRESET, What::Reset { conn: *number }, cause);
        }
        ends.len()
    }
}
