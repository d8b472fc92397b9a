//! Opening TCP connections: bind, listen, connect, accept, and the SYN, which may be lost.
//! No data moves here.

use super::connection::Opening;
use super::endpoint::{Body, Endpoint, EndpointId, State};
use super::socket::{SocketState, TcpSocket};
use crate::event::{Misconfiguration, NodeId, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::{Blocking, Due};
use crate::kernel::net::address::{Scope, find, own_address, own_scope};
use crate::kernel::net::arrival::Arrival;
use crate::kernel::net::ports::Transport;
use crate::kernel::net::unix::backlog_of;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::process::fd::readiness::IN;
use crate::kernel::process::state::ProcessState;
use crate::kernel::sched::thread::{ThreadId, Wait};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Linux's first retransmission timeout for a SYN, which doubles each time, and `tcp_syn_retries`.
const SYN_TIMEOUT_NS: u64 = 1_000_000_000;
const SYN_RETRIES: u32 = 6;
/// The size of a SYN on a narrow link: Ethernet, IPv4 and TCP headers.
const SYN_BYTES: usize = 66;

impl Kernel {
    /// `bind`.
    pub(crate) fn tcp_bind(&mut self, node: NodeId, id: DescriptionId, address: SocketAddr) -> Result<(), Errno> {
        let scope = own_scope(node, address.ip())?;
        let socket = self.process.tcp(id).ok_or(libc::EBADF)?;
        if !matches!(socket.state, SocketState::Unbound) {
            return Err(libc::EINVAL);
        }
        let port = match address.port() {
            0 => self.net.ports.ephemeral(|| self.process[node].next_port(), node, Transport::Tcp)?,
            port => port,
        };
        if let Err(errno) = self.net.ports.bind(node, port, Transport::Tcp, scope, id) {
            self.net.misconfigurations.record(Misconfiguration::PortTaken { node, port });
            return Err(errno);
        }
        let socket = self.process.tcp(id).ok_or(libc::EBADF)?;
        socket.local = Some(SocketAddr::new(address.ip(), port));
        socket.state = SocketState::Bound;
        Ok(())
    }

    /// `listen`.
    pub(crate) fn tcp_listen(&mut self, me: ThreadId, id: DescriptionId, backlog: i32) -> Result<(), Errno> {
        let node = self.sched[me].node();
        if let Some(TcpSocket { state: SocketState::Unbound, v6, .. }) = self.process.tcp(id) {
            let any = if *v6 { "[::]:0" } else { "0.0.0.0:0" };
            self.tcp_bind(node, id, any.parse().map_err(|_| libc::EINVAL)?)?;
        }
        let socket = self.process.tcp(id).ok_or(libc::EOPNOTSUPP)?;
        let capacity = backlog_of(backlog).max(1);
        match &mut socket.state {
            SocketState::Bound => {
                socket.state = SocketState::Listening { backlog: capacity, queue: VecDeque::new() };
            }
            SocketState::Listening { backlog, .. } => *backlog = capacity,
            _ => return Err(libc::EINVAL),
        }
        let port = socket.local.map_or(0, |local| local.port());
        self.emit(me, What::Listening { port });
        Ok(())
    }

    /// `accept`. Returns the new description and the peer's address, or `EAGAIN` while no connection waits.
    pub(crate) fn tcp_accept(&mut self, me: ThreadId, id: DescriptionId) -> Result<(DescriptionId, SocketAddr), Errno> {
        let node = self.sched[me].node();
        let is_full = self.process[node].descriptors().is_full();
        let socket = self.process.tcp(id).ok_or(libc::EOPNOTSUPP)?;
        let (v6, keepalive) = (socket.v6, socket.keepalive);
        let SocketState::Listening { queue, .. } = &mut socket.state else { return Err(libc::EINVAL) };
        if is_full {
            // Linux looks for a number first, so that the connection stays in the queue.
            return Err(libc::EMFILE);
        }
        let end = queue.pop_front().ok_or(libc::EAGAIN)?;
        let connection = self.net.connections.get_mut(end).ok_or(libc::ECONNABORTED)?;
        let number = connection.number;
        let peer = connection.ends[usize::from(end.peer().end)].address;
        let local = connection.ends[usize::from(end.end)].address;
        let accepted = TcpSocket::accepted(v6, local, keepalive, end);
        let new = self.process.open(node, false, Kind::Tcp(accepted));
        self.process.inherit_options(id, new);
        connection.ends[usize::from(end.end)].description = Some(new);
        self.emit(me, What::Accepted { conn: number });
        Ok((new, peer))
    }

    /// A `connect` returned before the connection was there.
    pub(crate) fn tcp_set_progress(&mut self, id: DescriptionId) {
        if let Some(socket) = self.process.tcp(id) {
            socket.in_progress = true;
        }
    }

    /// Returns whether the result of such a `connect` is there and was not taken yet: the next call takes it.
    pub(crate) fn tcp_take_progress(&mut self, id: DescriptionId) -> bool {
        let Some(socket) = self.process.tcp(id) else { return false };
        let SocketState::Connected(end) = socket.state else { return false };
        let is_over = !self.net.connections.end(end).is_some_and(Endpoint::is_connecting);
        self.process.tcp(id).is_some_and(|socket| is_over && std::mem::take(&mut socket.in_progress))
    }

    /// `connect`: sends the SYN. The caller waits until the socket becomes writable.
    pub(crate) fn tcp_connect(&mut self, me: ThreadId, id: DescriptionId, to: SocketAddr) -> Result<(), Errno> {
        let node = self.sched[me].node();
        let socket = self.process.tcp(id).ok_or(libc::EBADF)?;
        match socket.state {
            SocketState::Unbound | SocketState::Bound => {}
            SocketState::Connected(end) => {
                let is_connecting = self.net.connections.end(end).is_some_and(Endpoint::is_connecting);
                return Err(if is_connecting { libc::EALREADY } else { libc::EISCONN });
            }
            SocketState::Listening { .. } => return Err(libc::EISCONN),
            SocketState::Shut => socket.state = SocketState::Unbound,
        }
        let bound = socket.local;
        let Some((target, scope)) = find(node, to.ip()) else { return Err(libc::ENETUNREACH) };
        if usize::from(target.0) >= self.process.count() {
            return Err(libc::EHOSTUNREACH);
        }
        let port = match bound {
            Some(local) => local.port(),
            None => self.net.ports.ephemeral(|| self.process[node].next_port(), node, Transport::Tcp)?,
        };
        let local = own_address(node, to.ip(), port);
        let keys = (self.process[node].key(), self.process[target].key());
        let opening = Opening { client: (node, local), server: (target, to), keys, scope };
        let end = self.net.connections.open(opening);
        let connection = self.net.connections.get_mut(end).ok_or(libc::EBADF)?;
        connection.ends[0].description = Some(id);
        connection.ends[0].incarnation = self.sched[me].incarnation();
        let (number, key) = (connection.number, connection.key);
        let socket = self.process.tcp(id).ok_or(libc::EBADF)?;
        socket.local = Some(local);
        socket.state = SocketState::Connected(end);
        let cause = self.emit(me, What::Connecting { to: target, port: to.port(), conn: number });
        if let Some(client) = self.net.connections.end_mut(end) {
            client.cause = cause;
        }
        let now_ns = self.sched.now_ns();
        let delay_ns = self.net.links.segment_delay_ns(
            self.sched.choices(),
            now_ns,
            (node, target),
            (key, 0),
            SYN_BYTES,
            SYN_TIMEOUT_NS,
        );
        self.sched.set_deadline(now_ns.saturating_add(delay_ns), Due::Arrival(Arrival::Syn(end, 0)));
        Ok(())
    }

    /// A SYN reaches the server's machine, unless a partition or a hold stops it; then it is sent again.
    pub(crate) fn receive_syn(&mut self, end: EndpointId, attempt: u32) {
        let Some(connection) = self.net.connections.get(end) else { return };
        let (number, port, scope) = (connection.number, connection.port, connection.scope);
        let [client, server] = &connection.ends;
        let (from, to, cause) = (client.node, server.node, client.cause);
        let server_address = server.address;
        if !client.is_connecting() {
            self.net.connections.free_if_done(end);
            return;
        }
        if self.net.links.is_held(from, to) {
            self.net.links.hold(from, to, Arrival::Syn(end, attempt));
            return;
        }
        let listener = self.net.ports.bound(to, port, Transport::Tcp, scope);
        let room = listener.map(|id| match self.process.tcp(id).map(|socket| &socket.state) {
            Some(SocketState::Listening { backlog, queue }) => Some(queue.len() <= *backlog),
            _ => None,
        });
        let is_off = self.process[to].lifecycle().state() == ProcessState::Off;
        if is_off || self.net.links.is_partitioned(from, to) || room == Some(Some(false)) {
            if attempt > SYN_RETRIES {
                self.fail(end, libc::ETIMEDOUT, What::TimedOut { conn: number }, cause);
            } else {
                let retry_ns = self.sched.now_ns() + (SYN_TIMEOUT_NS << attempt);
                self.sched.set_deadline(retry_ns, Due::Arrival(Arrival::Syn(end, attempt + 1)));
            }
            return;
        }
        let (Some(listener), Some(Some(true))) = (listener, room) else {
            if scope == Scope::Outside && self.net.ports.bound(to, port, Transport::Tcp, Scope::Loopback).is_some() {
                self.net.misconfigurations.record(Misconfiguration::LoopbackOnly { from, to, port });
            }
            self.send_rst(end.peer(), cause);
            return;
        };
        let incarnation = self.process[to].incarnation();
        let Some(server) = self.net.connections.end_mut(end.peer()) else { return };
        if server.is_lost() {
            // Another incarnation of that machine answers.
            *server = Endpoint::new(to, server_address, State::Listen);
        }
        server.incarnation = incarnation;
        server.establish();
        server.address = own_address(to, server_address.ip(), port);
        server.cause = cause;
        if let Some(TcpSocket { state: SocketState::Listening { queue, .. }, .. }) = self.process.tcp(listener) {
            queue.push_back(end.peer());
        }
        self.notify(listener, IN, cause);
        self.ship(end.peer(), cause, Body::SynAck);
    }

    /// The machine that took this client's SYN lost power before the client had its answer: the client sends another SYN.
    pub(super) fn resend_syn(&mut self, end: EndpointId) {
        if end.end == 0 && self.net.connections.end(end).is_some_and(Endpoint::is_connecting) {
            let due_ns = self.sched.now_ns().saturating_add(SYN_TIMEOUT_NS);
            self.sched.set_deadline(due_ns, Due::Arrival(Arrival::Syn(end, 1)));
        }
    }

    /// One step of a blocking `connect`.
    pub(crate) fn tcp_connected(&mut self, me: ThreadId, id: DescriptionId) -> Result<Blocking<()>, Errno> {
        let end = self.process.tcp(id).ok_or(libc::ENOTSOCK)?.endpoint()?;
        let client = self.net.connections.end_mut(end).ok_or(libc::ENOTCONN)?;
        if client.error != 0 {
            return Err(std::mem::take(&mut client.error));
        }
        if client.is_connecting() {
            self.wait_for_change(id, me);
            return Ok(Blocking::Wait(Wait::Ready, u64::MAX));
        }
        Ok(Blocking::Done(()))
    }
}
