//! How connections end: half-close, FIN, RST, silence, and when the last of them is forgotten.
//! No data moves here.

use super::connection::{Body, Ref, Side, SocketState, Stage, TcpSocket};
use crate::event::{NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::ports::Transport;
use crate::kernel::process::fd::description::DescriptionId;
use crate::kernel::process::fd::poll::{HUP, IN, OUT, RDHUP};
use crate::kernel::sched::thread::ThreadId;
use std::net::SocketAddr;

/// How a side leaves its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// FIN.
    Finish,
    /// RST.
    Reset,
    /// Nothing.
    Silence,
}

impl Kernel {
    /// `shutdown`.
    pub(crate) fn tcp_shutdown(&mut self, me: ThreadId, id: DescriptionId, how: i32) -> Result<(), Errno> {
        if let Some(TcpSocket { state: SocketState::Listening { .. }, .. }) = self.process.descriptions.tcp(id) {
            // Linux ends a blocked accept with EINVAL; nobody can connect any more.
            self.tcp_stop_listening(id);
            return Ok(());
        }
        let end = self.stream(id)?;
        let side = self.net.side(end).ok_or(libc::ENOTCONN)?;
        if side.stage == Stage::Opening || side.reset {
            return Err(libc::ENOTCONN);
        }
        let mut told = 0;
        if how == libc::SHUT_RD || how == libc::SHUT_RDWR {
            side.deaf = true;
            side.received.clear();
            told |= IN | RDHUP;
        }
        if (how == libc::SHUT_WR || how == libc::SHUT_RDWR) && !std::mem::replace(&mut side.said_all, true) {
            told |= OUT;
            let cause = self.sched.threads[me].cause;
            self.ship(end, cause, Body::Fin);
        }
        self.notify(id, told, Seq::NONE);
        Ok(())
    }

    pub(crate) fn tcp_stop_listening(&mut self, id: DescriptionId) {
        let Some(description) = self.process.descriptions.get(id) else { return };
        let node = description.node;
        let Some(socket) = self.process.descriptions.tcp(id) else { return };
        let local = socket.local;
        let state = std::mem::replace(&mut socket.state, SocketState::Broken);
        if let Some(local) = local {
            self.net.unbind(node, local.port(), Transport::Tcp, id);
        }
        if let SocketState::Listening { waiting, .. } = state {
            for end in waiting {
                self.leave(end, Parting::Reset);
            }
        }
        self.notify(id, IN | HUP, Seq::NONE);
    }

    /// A socket's last descriptor is closed, or its process ended.
    pub(crate) fn tcp_close(&mut self, node: NodeId, id: DescriptionId, socket: TcpSocket, parting: Parting) {
        if let Some(local) = socket.local {
            self.net.unbind(node, local.port(), Transport::Tcp, id);
        }
        match socket.state {
            SocketState::Listening { waiting, .. } => {
                for end in waiting {
                    self.leave(end, if parting == Parting::Silence { parting } else { Parting::Reset });
                }
            }
            SocketState::Stream(end) => {
                let unread = self.net.side_ref(end).is_some_and(|side| !side.received.is_empty());
                // RFC 1122 4.2.2.13: a close with data unread is a reset.
                let abrupt = parting == Parting::Finish && (unread || socket.linger_zero);
                self.leave(end, if abrupt { Parting::Reset } else { parting });
            }
            SocketState::Fresh | SocketState::Bound | SocketState::Broken => {}
        }
    }

    pub(crate) fn leave(&mut self, end: Ref, parting: Parting) {
        let Some(side) = self.net.side(end) else { return };
        let over = side.reset || side.stage == Stage::Opening;
        let said_all = std::mem::replace(&mut side.said_all, true);
        let cause = side.cause;
        side.description = None;
        side.received.clear();
        match parting {
            Parting::Silence => {
                side.stage = Stage::Silent;
                side.flight.clear();
                self.ask_again(end.peer());
            }
            Parting::Finish => {
                side.stage = Stage::Closed;
                if !over && !said_all {
                    self.ship(end, cause, Body::Fin);
                }
            }
            Parting::Reset => {
                side.stage = Stage::Closed;
                if !over {
                    self.ship(end, cause, Body::Rst);
                }
            }
        }
        self.free_if_done(end);
    }

    /// Every connection between two nodes is reset, at both ends at once, as a middlebox that lost its state does it.
    pub(crate) fn reset_connections(&mut self, a: NodeId, b: NodeId, cause: Seq) -> usize {
        let between = |sides: &[Side; 2]| {
            let nodes = (sides[0].node, sides[1].node);
            (nodes == (a, b) || nodes == (b, a)) && sides.iter().any(|side| side.stage == Stage::Open && !side.reset)
        };
        let found = self.net.connections.iter().enumerate().filter(|(_, connection)| between(&connection.sides));
        let ends: Vec<(Ref, u32)> = found
            .map(|(index, it)| (Ref { index: index as u32, generation: it.generation, side: 0 }, it.number))
            .collect();
        for (end, number) in &ends {
            self.fail(*end, libc::ECONNRESET, What::Reset { conn: *number }, cause);
            self.fail(end.peer(), libc::ECONNRESET, What::Reset { conn: *number }, cause);
        }
        ends.len()
    }

    pub(crate) fn free_if_done(&mut self, end: Ref) {
        let Some(connection) = self.net.at(end) else { return };
        let over = |side: &Side| matches!(side.stage, Stage::Closed | Stage::Silent) && side.flight.is_empty();
        // A server side that was never reached has no process that could close it.
        let unborn = connection.sides[1].stage == Stage::Opening && connection.sides[1].flight.is_empty();
        if over(&connection.sides[0]) && (over(&connection.sides[1]) || unborn) {
            connection.generation += 1;
            self.net.free.push(end.index);
        }
    }

    /// The other end's address.
    pub(crate) fn tcp_peer(&mut self, id: DescriptionId) -> Result<SocketAddr, Errno> {
        let socket = self.process.descriptions.tcp(id).ok_or(libc::ENOTSOCK)?;
        let SocketState::Stream(end) = socket.state else { return Err(libc::ENOTCONN) };
        let side = self.net.side(end).ok_or(libc::ENOTCONN)?;
        if side.stage != Stage::Open || (side.reset && side.error != 0) {
            return Err(libc::ENOTCONN);
        }
        Ok(self.net.side(end.peer()).ok_or(libc::ENOTCONN)?.address)
    }

    /// `SO_ERROR`: the pending error, taken.
    pub(crate) fn tcp_take_error(&mut self, id: DescriptionId) -> Errno {
        let Some(socket) = self.process.descriptions.tcp(id) else { return 0 };
        let own = std::mem::take(&mut socket.error);
        match socket.state {
            SocketState::Stream(end) if own == 0 => {
                self.net.side(end).map_or(0, |side| std::mem::take(&mut side.error))
            }
            _ => own,
        }
    }
}
