//! Closing TCP connections: half-close, FIN, the loss of power, and the questions about what became of one.
//! Resets are in `reset`.

use super::endpoint::{Body, EndpointId};
use super::socket::{SocketState, TcpSocket};
use crate::event::{NodeId, Seq};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::ports::Transport;
use crate::kernel::process::fd::description::Parting;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::process::fd::readiness::{HUP, IN, OUT, RDHUP};
use crate::kernel::sched::thread::ThreadId;
use std::net::SocketAddr;

impl Kernel {
    /// `shutdown`.
    pub(crate) fn tcp_shutdown(&mut self, me: ThreadId, id: DescriptionId, how: i32) -> Result<(), Errno> {
        let socket = self.process.tcp(id).ok_or(libc::ENOTSOCK)?;
        if socket.is_listening() {
            // Linux ends a blocked `accept` with EINVAL, and refuses new connections.
            self.tcp_stop_listening(id);
            return Ok(());
        }
        let at = socket.endpoint()?;
        let end = self.net.connections.end_mut(at).ok_or(libc::ENOTCONN)?;
        if end.is_connecting() || end.is_reset() {
            return Err(libc::ENOTCONN);
        }
        let mut ready = 0;
        if how == libc::SHUT_RD || how == libc::SHUT_RDWR {
            end.read_shut = true;
            ready |= IN | RDHUP;
        }
        if (how == libc::SHUT_WR || how == libc::SHUT_RDWR) && end.send_fin() {
            ready |= OUT;
            let cause = self.sched[me].cause();
            self.ship(at, cause, Body::Fin);
        }
        self.notify(id, ready, Seq::NONE);
        Ok(())
    }

    fn tcp_stop_listening(&mut self, id: DescriptionId) {
        let Some(description) = self.process.description(id) else { return };
        let node = description.node();
        let Some(socket) = self.process.tcp(id) else { return };
        let local = socket.local;
        let state = std::mem::replace(&mut socket.state, SocketState::Shut);
        if let Some(local) = local {
            self.net.ports.unbind(node, local.port(), Transport::Tcp, id);
        }
        if let SocketState::Listening { queue, .. } = state {
            for end in queue {
                self.part(end, Parting::Reset);
            }
        }
        self.notify(id, IN | HUP, Seq::NONE);
    }

    /// Closes a socket whose last descriptor is gone.
    pub(super) fn tcp_close(&mut self, node: NodeId, id: DescriptionId, socket: TcpSocket, parting: Parting) {
        if let Some(local) = socket.local {
            self.net.ports.unbind(node, local.port(), Transport::Tcp, id);
        }
        match socket.state {
            SocketState::Listening { queue, .. } => {
                for end in queue {
                    self.part(end, if parting == Parting::PowerLoss { parting } else { Parting::Reset });
                }
            }
            SocketState::Connected(at) => {
                let unread = self.net.connections.end(at).is_some_and(|end| !end.received.is_empty());
                // RFC 1122, section 4.2.2.13: closing a socket with bytes unread resets the connection.
                let abort = parting == Parting::Finish && (unread || socket.linger_s == Some(0));
                self.part(at, if abort { Parting::Reset } else { parting });
            }
            SocketState::Unbound | SocketState::Bound | SocketState::Shut => {}
        }
    }

    /// Takes an end away from its process.
    fn part(&mut self, at: EndpointId, parting: Parting) {
        let Some(end) = self.net.connections.end_mut(at) else { return };
        let over = end.is_reset() || end.is_connecting();
        let cause = end.cause;
        match parting {
            Parting::PowerLoss => {
                end.lose();
                self.resend_syn(at.peer());
            }
            Parting::Finish => {
                let sends = !over && end.send_fin();
                end.orphan();
                if sends {
                    self.ship(at, cause, Body::Fin);
                }
            }
            Parting::Reset => {
                end.orphan();
                if !over {
                    self.send_rst(at, cause);
                }
            }
        }
        self.net.connections.free_if_done(at);
    }

    /// Loses the ends that a dead process left to its machine, which has lost power: what they have not sent is never sent.
    pub(crate) fn lose_connections(&mut self, node: NodeId) {
        let mut ends = Vec::new();
        for (client, connection) in self.net.connections.iter().filter(|(_, connection)| !connection.is_done()) {
            let own = [client, client.peer()].into_iter().zip(&connection.ends);
            ends.extend(own.filter(|(_, end)| end.node == node && end.is_gone() && !end.is_lost()).map(|(id, _)| id));
        }
        for end in ends {
            self.part(end, Parting::PowerLoss);
        }
    }

    /// The peer's address.
    pub(crate) fn tcp_peer(&mut self, id: DescriptionId) -> Result<SocketAddr, Errno> {
        let socket = self.process.tcp(id).ok_or(libc::ENOTSOCK)?;
        let SocketState::Connected(at) = socket.state else { return Err(libc::ENOTCONN) };
        let end = self.net.connections.end(at).ok_or(libc::ENOTCONN)?;
        if !end.was_established() || (end.is_reset() && end.error != 0) {
            return Err(libc::ENOTCONN);
        }
        Ok(self.net.connections.end(at.peer()).ok_or(libc::ENOTCONN)?.address)
    }

    /// The state of a socket as `tcp_info` numbers it; `None` if it is no TCP socket.
    pub(crate) fn tcp_state_number(&self, id: DescriptionId) -> Option<u8> {
        let Kind::Tcp(socket) = self.process.description(id)?.kind() else { return None };
        let SocketState::Connected(at) = socket.state else {
            return Some(if socket.is_listening() { 10 } else { 7 });
        };
        Some(self.net.connections.end(at).map_or(7, |end| end.state().number()))
    }

    /// `SO_ERROR`: returns the pending error and clears it.
    pub(crate) fn tcp_take_error(&mut self, id: DescriptionId) -> Errno {
        let Some(socket) = self.process.tcp(id) else { return 0 };
        let own = std::mem::take(&mut socket.error);
        match socket.state {
            SocketState::Connected(at) if own == 0 => {
                self.net.connections.end_mut(at).map_or(0, |end| std::mem::take(&mut end.error))
            }
            _ => own,
        }
    }
}
