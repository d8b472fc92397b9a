//! How connections begin: bind, listen, connect, accept, and the SYN that may be lost on its way.
//! No data moves here.

use super::connection::{Body, Connection, Ref, Side, SocketState, Stage, TcpSocket};
use crate::event::{NodeId, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::{Due, Turn};
use crate::kernel::net::ports::{Transport, find, own_address, own_scope};
use crate::kernel::process::fd::description::{DescriptionId, Kind};
use crate::kernel::process::fd::poll::IN;
use crate::kernel::sched::thread::{ThreadId, Wait};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The same for a SYN: one second, doubled, `tcp_syn_retries` = 6.
const SYN_RETRY_NS: u64 = 1_000_000_000;
const SYN_RETRIES: u32 = 6;

impl Kernel {
    /// `bind`.
    pub(crate) fn tcp_bind(&mut self, node: NodeId, id: DescriptionId, address: SocketAddr) -> Result<(), Errno> {
        let scope = own_scope(node, address.ip())?;
        let socket = self.process.descriptions.tcp(id).ok_or(libc::EBADF)?;
        if !matches!(socket.state, SocketState::Fresh) {
            return Err(libc::EINVAL);
        }
        let port = match address.port() {
            0 => self.net.ephemeral(&mut self.process[node], node, Transport::Tcp)?,
            port => port,
        };
        self.net.bind(node, port, Transport::Tcp, scope, id)?;
        let socket = self.process.descriptions.tcp(id).ok_or(libc::EBADF)?;
        socket.local = Some(SocketAddr::new(address.ip(), port));
        socket.state = SocketState::Bound;
        Ok(())
    }

    /// `listen`.
    pub(crate) fn tcp_listen(&mut self, me: ThreadId, id: DescriptionId, backlog: i32) -> Result<(), Errno> {
        let node = self.sched.threads[me].node;
        if let Some(TcpSocket { state: SocketState::Fresh, v6, .. }) = self.process.descriptions.tcp(id) {
            let any = if *v6 { "[::]:0" } else { "0.0.0.0:0" };
            self.tcp_bind(node, id, any.parse().map_err(|_| libc::EINVAL)?)?;
        }
        let socket = self.process.descriptions.tcp(id).ok_or(libc::EOPNOTSUPP)?;
        let capacity = crate::kernel::net::unix::backlog_of(backlog).max(1);
        match &mut socket.state {
            SocketState::Bound => {
                socket.state = SocketState::Listening { backlog: capacity, waiting: VecDeque::new() };
            }
            SocketState::Listening { backlog, .. } => *backlog = capacity,
            _ => return Err(libc::EINVAL),
        }
        let port = socket.local.map_or(0, |local| local.port());
        self.emit(me, What::Listening { port });
        Ok(())
    }

    /// `accept`, once somebody waits: the new description's identity and the peer's address.
    pub(crate) fn tcp_accept(&mut self, me: ThreadId, id: DescriptionId) -> Result<(DescriptionId, SocketAddr), Errno> {
        let socket = self.process.descriptions.tcp(id).ok_or(libc::EOPNOTSUPP)?;
        let (v6, probing) = (socket.v6, socket.probing);
        let SocketState::Listening { waiting, .. } = &mut socket.state else { return Err(libc::EINVAL) };
        let node = self.sched.threads[me].node;
        if self.process.nodes[node].descriptors.is_full() {
            // Linux looks for a number first: whoever waits to be accepted goes on waiting.
            return Err(libc::EMFILE);
        }
        let end = waiting.pop_front().ok_or(libc::EAGAIN)?;
        let connection = self.net.at(end).ok_or(libc::ECONNABORTED)?;
        let number = connection.number;
        let peer = connection.sides[usize::from(end.peer().side)].address;
        let side = &mut connection.sides[usize::from(end.side)];
        let local = side.address;
        let mut accepted = TcpSocket::new(v6);
        accepted.local = Some(local);
        accepted.probing = probing;
        accepted.state = SocketState::Stream(end);
        let new = self.process.descriptions.add(node, false, Kind::Tcp(accepted));
        if let Some(side) = self.net.side(end) {
            side.description = Some(new);
        }
        self.emit(me, What::Accepted { conn: number });
        Ok((new, peer))
    }

    /// `connect`: begins the handshake. The caller waits for the socket to become writable.
    pub(crate) fn tcp_connect(&mut self, me: ThreadId, id: DescriptionId, to: SocketAddr) -> Result<(), Errno> {
        let node = self.sched.threads[me].node;
        let socket = self.process.descriptions.tcp(id).ok_or(libc::EBADF)?;
        match socket.state {
            SocketState::Fresh | SocketState::Bound => {}
            SocketState::Stream(end) => {
                return Err(match self.net.side_ref(end).map(|side| side.stage) {
                    Some(Stage::Opening) => libc::EALREADY,
                    _ => libc::EISCONN,
                });
            }
            SocketState::Listening { .. } => return Err(libc::EISCONN),
            SocketState::Broken => socket.state = SocketState::Fresh,
        }
        let bound = socket.local;
        let Some((target, scope)) = find(node, to.ip()) else { return Err(libc::ENETUNREACH) };
        if usize::from(target.0) >= self.process.nodes.count() {
            return Err(libc::EHOSTUNREACH);
        }
        let port = match bound {
            Some(local) => local.port(),
            None => self.net.ephemeral(&mut self.process[node], node, Transport::Tcp)?,
        };
        let local = own_address(node, to.ip(), port);
        let who = self.net.next_pair(&self.process[node], &self.process[target], (node, target));
        let number = self.net.opened;
        self.net.opened += 1;
        let sides = [Side::new(node, local, Stage::Opening), Side::new(target, to, Stage::Opening)];
        let mut connection = Connection { generation: 0, number, who, port: to.port(), scope, listener: None, sides };
        connection.sides[0].description = Some(id);
        connection.sides[0].incarnation = self.sched.threads[me].incarnation;
        let end = match self.net.free.pop() {
            Some(index) => {
                connection.generation = self.net.connections[index as usize].generation + 1;
                let generation = connection.generation;
                self.net.connections[index as usize] = connection;
                Ref { index, generation, side: 0 }
            }
            None => {
                self.net.connections.push(connection);
                Ref { index: self.net.connections.len() as u32 - 1, generation: 0, side: 0 }
            }
        };
        let socket = self.process.descriptions.tcp(id).ok_or(libc::EBADF)?;
        socket.local = Some(local);
        socket.state = SocketState::Stream(end);
        let cause = self.emit(me, What::Connecting { to: target, port: to.port(), conn: number });
        if let Some(side) = self.net.side(end) {
            side.cause = cause;
        }
        let way_ns =
            self.net.stream_way_ns(&self.sched.choices, self.sched.now_ns, (node, target), (who, 0), 66, SYN_RETRY_NS);
        let due = self.sched.now_ns.saturating_add(way_ns);
        self.sched.deadlines.at(due, Due::Syn(end, 0));
        Ok(())
    }

    /// A SYN arrives, or would.
    pub(crate) fn syn(&mut self, end: Ref, attempt: u32) {
        let Some(connection) = self.net.at(end) else { return };
        let (number, port, scope) = (connection.number, connection.port, connection.scope);
        let [client, server] = &connection.sides;
        let (from, to, cause) = (client.node, server.node, client.cause);
        let server_address = server.address;
        if client.stage != Stage::Opening {
            self.free_if_done(end);
            return;
        }
        if self.net.is_held(from, to) {
            self.net.hold(from, to, Due::Syn(end, attempt));
            return;
        }
        let listener = self.net.bound(to, port, Transport::Tcp, scope);
        let room = listener.map(|id| match self.process.descriptions.tcp(id).map(|socket| &socket.state) {
            Some(SocketState::Listening { backlog, waiting }) => Some(waiting.len() <= *backlog),
            _ => None,
        });
        let host_off = self.process[to].lifecycle.state() == crate::kernel::process::state::ProcessState::Off;
        if host_off || self.net.is_blocked(from, to) || room == Some(Some(false)) {
            if attempt > SYN_RETRIES {
                self.fail(end, libc::ETIMEDOUT, What::TimedOut { conn: number }, cause);
            } else {
                self.sched.deadlines.at(self.sched.now_ns + (SYN_RETRY_NS << attempt), Due::Syn(end, attempt + 1));
            }
            return;
        }
        let (Some(listener), Some(Some(true))) = (listener, room) else {
            self.ship(end.peer(), cause, Body::Rst);
            return;
        };
        let life = self.process[to].incarnation();
        let Some(side) = self.net.side(end.peer()) else { return };
        if side.stage == Stage::Silent {
            *side = Side::new(to, server_address, Stage::Opening); // another life of that machine answers
        }
        side.incarnation = life;
        side.stage = Stage::Open;
        side.address = own_address(to, server_address.ip(), port);
        side.cause = cause;
        if let Some(connection) = self.net.at(end) {
            connection.listener = Some(listener);
        }
        if let Some(TcpSocket { state: SocketState::Listening { waiting, .. }, .. }) =
            self.process.descriptions.tcp(listener)
        {
            waiting.push_back(end.peer());
        }
        self.notify(listener, IN, cause);
        self.ship(end.peer(), cause, Body::SynAck);
    }

    /// The machine that had taken this client's SYN is gone, and its answer with it: the client sends another one.
    pub(crate) fn ask_again(&mut self, end: Ref) {
        if end.side == 0 && self.net.side_ref(end).is_some_and(|client| client.stage == Stage::Opening) {
            self.sched.deadlines.at(self.sched.now_ns.saturating_add(SYN_RETRY_NS), Due::Syn(end, 1));
        }
    }

    /// One step of a blocking `connect`.
    pub(crate) fn tcp_connected(&mut self, me: ThreadId, id: DescriptionId) -> Result<Turn<()>, Errno> {
        let end = self.stream(id)?;
        let side = self.net.side(end).ok_or(libc::ENOTCONN)?;
        if side.error != 0 {
            return Err(std::mem::take(&mut side.error));
        }
        if side.stage == Stage::Opening {
            self.wait_for_change(id, me);
            return Ok(Turn::Wait(Wait::Ready, u64::MAX));
        }
        Ok(Turn::Done(()))
    }
}
