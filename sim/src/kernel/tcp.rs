//! TCP: what sockets can see of it. Handshake, backlog, ordered bytes with backpressure, half-close, FIN, RST, silence.
//! It is no TCP: a link delays and never reorders, and what a cut link swallows is sent again until it is through.

use super::Errno;
use super::bytes::Bytes;
use super::descriptor::{DescriptionId, Kind};
use super::net::{Net, Scope, Transport, find, own_address, own_scope};
use super::poll::{ERR, HUP, IN, OUT, RDHUP};
use super::thread::{ThreadId, Wait};
use super::world::{Due, Turn, World};
use crate::event::{NodeId, Seq, What};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What one direction holds before its writer must wait: Linux's default receive buffer plus some of the sender's.
const WINDOW_BYTES: usize = 208 * 1024;
/// Linux's first retransmission timeout for data, its ceiling, and how many times it tries (`tcp_retries2`).
const RETRY_NS: u64 = 200_000_000;
const RETRY_NS_MAX: u64 = 120_000_000_000;
const RETRIES: u32 = 15;
/// The same for a SYN: one second, doubled, `tcp_syn_retries` = 6.
const SYN_RETRY_NS: u64 = 1_000_000_000;
const SYN_RETRIES: u32 = 6;

/// One end of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ref {
    index: u32,
    generation: u32,
    side: u8,
}

impl Ref {
    fn peer(self) -> Self {
        Self { side: 1 - self.side, ..self }
    }
}

/// A TCP socket, as its process has it.
pub(crate) struct TcpSocket {
    pub(crate) v6: bool,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) state: SocketState,
    pub(crate) receive_timeout_ns: u64,
    pub(crate) send_timeout_ns: u64,
    pub(crate) linger_zero: bool,
    pub(crate) error: Errno,
}

/// What a socket is doing.
pub(crate) enum SocketState {
    Fresh,
    Bound,
    Listening {
        backlog: usize,
        waiting: VecDeque<Ref>,
    },
    Stream(Ref),
    /// Its connection failed or its process was asked to forget it.
    Broken,
}

impl TcpSocket {
    pub(crate) fn new(v6: bool) -> Self {
        Self {
            v6,
            local: None,
            state: SocketState::Fresh,
            receive_timeout_ns: u64::MAX,
            send_timeout_ns: u64::MAX,
            linger_zero: false,
            error: 0,
        }
    }
}

enum Body {
    SynAck,
    Data(Vec<u8>),
    Fin,
    Rst,
    /// The reader made room.
    Window,
}

struct Segment {
    due_ns: u64,
    cause: Seq,
    body: Body,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opening,
    Open,
    /// Its process closed it, or ended.
    Closed,
    /// Its machine lost power: it will never answer, not even with a reset, until the machine is back.
    Silent,
}

struct Side {
    node: NodeId,
    address: SocketAddr,
    description: Option<DescriptionId>,
    stage: Stage,
    received: Bytes,
    /// The peer sends no more.
    ended: bool,
    /// This side reads no more.
    deaf: bool,
    /// This side sends no more.
    said_all: bool,
    reset: bool,
    error: Errno,
    /// Bytes that this side sent and its peer has not read.
    outstanding: usize,
    wants_room: bool,
    /// On their way from this side to its peer.
    flight: VecDeque<Segment>,
    last_due_ns: u64,
    sent: u64,
    retries: u32,
    /// Set while the head of the flight waits for a cut to heal.
    stalled: bool,
    cause: Seq,
}

/// A connection with both its ends.
pub(crate) struct Connection {
    generation: u32,
    number: u32,
    who: u64,
    port: u16,
    scope: Scope,
    listener: Option<DescriptionId>,
    sides: [Side; 2],
}

impl Side {
    fn new(node: NodeId, address: SocketAddr, stage: Stage) -> Self {
        Self {
            node,
            address,
            description: None,
            stage,
            received: Bytes::default(),
            ended: false,
            deaf: false,
            said_all: false,
            reset: false,
            error: 0,
            outstanding: 0,
            wants_room: false,
            flight: VecDeque::new(),
            last_due_ns: 0,
            sent: 0,
            retries: 0,
            stalled: false,
            cause: Seq::NONE,
        }
    }

    fn readiness(&self) -> u32 {
        let mut ready = 0;
        if !self.received.is_empty() {
            ready |= IN;
        }
        if self.ended || self.deaf {
            ready |= IN | RDHUP;
        }
        if self.reset || (self.ended && self.said_all) {
            ready |= HUP;
        }
        if self.error != 0 {
            ready |= ERR | IN | OUT;
        }
        if self.reset || (self.stage == Stage::Open && (self.outstanding < WINDOW_BYTES || self.said_all)) {
            ready |= OUT;
        }
        ready
    }
}

impl Net {
    fn at(&mut self, end: Ref) -> Option<&mut Connection> {
        self.connections.get_mut(end.index as usize).filter(|it| it.generation == end.generation)
    }

    fn side(&mut self, end: Ref) -> Option<&mut Side> {
        self.at(end).map(|it| &mut it.sides[usize::from(end.side)])
    }

    fn side_ref(&self, end: Ref) -> Option<&Side> {
        let connection = self.connections.get(end.index as usize)?;
        (connection.generation == end.generation).then(|| &connection.sides[usize::from(end.side)])
    }

    /// What a socket is ready for now.
    pub(crate) fn tcp_readiness(&self, socket: &TcpSocket) -> u32 {
        let own = if socket.error != 0 { ERR | IN | OUT } else { 0 };
        own | match &socket.state {
            SocketState::Fresh | SocketState::Bound => OUT | HUP,
            SocketState::Listening { waiting, .. } => {
                if waiting.is_empty() {
                    0
                } else {
                    IN
                }
            }
            SocketState::Stream(end) => self.side_ref(*end).map_or(0, Side::readiness),
            SocketState::Broken => IN | OUT | HUP | RDHUP,
        }
    }
}

impl World {
    /// `bind`.
    pub(crate) fn tcp_bind(&mut self, node: NodeId, id: DescriptionId, address: SocketAddr) -> Result<(), Errno> {
        let scope = own_scope(node, address.ip())?;
        let socket = self.descriptions.tcp(id).ok_or(libc::EBADF)?;
        if !matches!(socket.state, SocketState::Fresh) {
            return Err(libc::EINVAL);
        }
        let port = match address.port() {
            0 => self.net.ephemeral(&mut self.nodes[usize::from(node.0)], node, Transport::Tcp)?,
            port => port,
        };
        self.net.bind(node, port, Transport::Tcp, scope, id)?;
        let socket = self.descriptions.tcp(id).ok_or(libc::EBADF)?;
        socket.local = Some(SocketAddr::new(address.ip(), port));
        socket.state = SocketState::Bound;
        Ok(())
    }

    /// `listen`.
    pub(crate) fn tcp_listen(&mut self, me: ThreadId, id: DescriptionId, backlog: i32) -> Result<(), Errno> {
        let node = self.threads[me].node;
        if let Some(TcpSocket { state: SocketState::Fresh, v6, .. }) = self.descriptions.tcp(id) {
            let any = if *v6 { "[::]:0" } else { "0.0.0.0:0" };
            self.tcp_bind(node, id, any.parse().map_err(|_| libc::EINVAL)?)?;
        }
        let socket = self.descriptions.tcp(id).ok_or(libc::EOPNOTSUPP)?;
        let capacity = backlog.clamp(1, 4096) as usize;
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
        let socket = self.descriptions.tcp(id).ok_or(libc::EOPNOTSUPP)?;
        let v6 = socket.v6;
        let SocketState::Listening { waiting, .. } = &mut socket.state else { return Err(libc::EINVAL) };
        let end = waiting.pop_front().ok_or(libc::EAGAIN)?;
        let node = self.threads[me].node;
        let connection = self.net.at(end).ok_or(libc::ECONNABORTED)?;
        let number = connection.number;
        let peer = connection.sides[usize::from(end.peer().side)].address;
        let side = &mut connection.sides[usize::from(end.side)];
        let local = side.address;
        let mut accepted = TcpSocket::new(v6);
        accepted.local = Some(local);
        accepted.state = SocketState::Stream(end);
        let new = self.descriptions.add(node, false, Kind::Tcp(accepted));
        if let Some(side) = self.net.side(end) {
            side.description = Some(new);
        }
        self.emit(me, What::Accepted { conn: number });
        Ok((new, peer))
    }

    /// `connect`: begins the handshake. The caller waits for the socket to become writable.
    pub(crate) fn tcp_connect(&mut self, me: ThreadId, id: DescriptionId, to: SocketAddr) -> Result<(), Errno> {
        let node = self.threads[me].node;
        let socket = self.descriptions.tcp(id).ok_or(libc::EBADF)?;
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
        if usize::from(target.0) >= self.nodes.len() {
            return Err(libc::EHOSTUNREACH);
        }
        let port = match bound {
            Some(local) => local.port(),
            None => self.net.ephemeral(&mut self.nodes[usize::from(node.0)], node, Transport::Tcp)?,
        };
        let local = own_address(node, to.ip(), port);
        let (from, other) = (usize::from(node.0), usize::from(target.0));
        let who = self.net.next_pair(&self.nodes[from], &self.nodes[other], (node, target));
        let number = self.net.opened;
        self.net.opened += 1;
        let sides = [Side::new(node, local, Stage::Opening), Side::new(target, to, Stage::Opening)];
        let mut connection = Connection { generation: 0, number, who, port: to.port(), scope, listener: None, sides };
        connection.sides[0].description = Some(id);
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
        let socket = self.descriptions.tcp(id).ok_or(libc::EBADF)?;
        socket.local = Some(local);
        socket.state = SocketState::Stream(end);
        let cause = self.emit(me, What::Connecting { to: target, port: to.port(), conn: number });
        if let Some(side) = self.net.side(end) {
            side.cause = cause;
        }
        let due = self.now_ns + self.net.way_ns(&self.choices, node, target, who, 0);
        self.queue.at(due, Due::Syn(end, 0));
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
        let listener = self.net.bound(to, port, Transport::Tcp, scope);
        let room = listener.map(|id| match self.descriptions.tcp(id).map(|socket| &socket.state) {
            Some(SocketState::Listening { backlog, waiting }) => Some(waiting.len() <= *backlog),
            _ => None,
        });
        let host_off = self.nodes[usize::from(to.0)].life == super::process::Life::Off;
        if host_off || self.net.is_blocked(from, to) || room == Some(Some(false)) {
            if attempt > SYN_RETRIES {
                self.fail(end, libc::ETIMEDOUT, What::TimedOut { conn: number }, cause);
            } else {
                self.queue.at(self.now_ns + (SYN_RETRY_NS << attempt), Due::Syn(end, attempt + 1));
            }
            return;
        }
        let (Some(listener), Some(Some(true))) = (listener, room) else {
            self.ship(end.peer(), cause, Body::Rst);
            return;
        };
        let Some(side) = self.net.side(end.peer()) else { return };
        side.stage = Stage::Open;
        side.address = own_address(to, server_address.ip(), port);
        side.cause = cause;
        if let Some(connection) = self.net.at(end) {
            connection.listener = Some(listener);
        }
        if let Some(TcpSocket { state: SocketState::Listening { waiting, .. }, .. }) = self.descriptions.tcp(listener) {
            waiting.push_back(end.peer());
        }
        self.notify(listener, IN, cause);
        self.ship(end.peer(), cause, Body::SynAck);
    }

    /// Hands a segment to the link, behind those that went before.
    fn ship(&mut self, from: Ref, cause: Seq, body: Body) {
        let Some(connection) = self.net.connections.get_mut(from.index as usize) else { return };
        if connection.generation != from.generation {
            return;
        }
        let who = connection.who ^ u64::from(from.side);
        let to = connection.sides[usize::from(from.peer().side)].node;
        let side = &mut connection.sides[usize::from(from.side)];
        side.sent += 1;
        let (node, occurrence, last) = (side.node, side.sent, side.last_due_ns);
        let due_ns = (self.now_ns + self.net.way_ns(&self.choices, node, to, who, occurrence)).max(last + 1);
        if let Some(side) = self.net.side(from) {
            side.last_due_ns = due_ns;
            side.flight.push_back(Segment { due_ns, cause, body });
        }
        self.queue.at(due_ns, Due::Segment(from));
    }

    /// The head of a flight falls due.
    pub(crate) fn segment(&mut self, from: Ref) {
        let Some(connection) = self.net.at(from) else { return };
        let side = &connection.sides[usize::from(from.side)];
        let peer = &connection.sides[usize::from(from.peer().side)];
        if side.stalled {
            return;
        }
        let (a, b, silent) = (side.node, peer.node, peer.stage == Stage::Silent);
        if self.unreachable(a, b, silent) {
            self.stall(from);
            return;
        }
        self.deliver_head(from);
    }

    fn unreachable(&self, from: NodeId, to: NodeId, silent: bool) -> bool {
        self.net.is_blocked(from, to) || (silent && self.nodes[usize::from(to.0)].life == super::process::Life::Off)
    }

    fn stall(&mut self, from: Ref) {
        let now = self.now_ns;
        let Some(side) = self.net.side(from) else { return };
        side.stalled = true;
        side.retries += 1;
        let wait = (RETRY_NS << (side.retries - 1).min(20)).min(RETRY_NS_MAX);
        self.queue.at(now + wait, Due::Retry(from));
    }

    /// A stalled flight tries again.
    pub(crate) fn retry(&mut self, from: Ref) {
        let Some(connection) = self.net.at(from) else { return };
        let number = connection.number;
        let side = &connection.sides[usize::from(from.side)];
        let peer = &connection.sides[usize::from(from.peer().side)];
        let (a, b, silent) = (side.node, peer.node, peer.stage == Stage::Silent);
        let (retries, cause, stage) = (side.retries, side.cause, side.stage);
        if self.unreachable(a, b, silent) {
            if stage == Stage::Silent {
                return;
            }
            if retries > RETRIES {
                self.fail(from, libc::ETIMEDOUT, What::TimedOut { conn: number }, cause);
            } else {
                self.stall(from);
            }
            return;
        }
        if let Some(side) = self.net.side(from) {
            side.stalled = false;
            side.retries = 0;
        }
        while self.net.side_ref(from).and_then(|side| side.flight.front()).is_some_and(|it| it.due_ns <= self.now_ns) {
            self.deliver_head(from);
        }
    }

    fn deliver_head(&mut self, from: Ref) {
        let Some(segment) = self.net.side(from).and_then(|side| side.flight.pop_front()) else { return };
        let to = from.peer();
        let Some(connection) = self.net.connections.get_mut(to.index as usize) else { return };
        let number = connection.number;
        let side = &mut connection.sides[usize::from(to.side)];
        let (node, description) = (side.node, side.description);
        match (side.stage, segment.body) {
            (Stage::Closed | Stage::Silent, Body::Data(_)) => self.ship(to, segment.cause, Body::Rst),
            (Stage::Closed | Stage::Silent, _) => {}
            (Stage::Opening, Body::SynAck) => {
                side.stage = Stage::Open;
                let seq = self.emit_at(node, segment.cause, What::Connected { conn: number });
                self.tell(to, description, OUT, seq);
            }
            (_, Body::Rst) => {
                let (error, what) = match side.stage {
                    Stage::Opening => (libc::ECONNREFUSED, What::Refused { conn: number }),
                    _ => (libc::ECONNRESET, What::Reset { conn: number }),
                };
                self.fail(to, error, what, segment.cause);
            }
            (_, Body::Data(bytes)) => {
                let count = bytes.len() as u32;
                if side.deaf {
                    self.made_room(to, bytes.len());
                } else {
                    side.received.push(bytes);
                }
                let seq = self.emit_at(node, segment.cause, What::Delivered { conn: number, bytes: count });
                self.tell(to, description, IN, seq);
            }
            (_, Body::Fin) => {
                side.ended = true;
                let seq = self.emit_at(node, segment.cause, What::Finished { conn: number });
                self.tell(to, description, IN | RDHUP, seq);
            }
            (_, Body::Window) => {
                let cause = segment.cause;
                self.tell(to, description, OUT, cause);
            }
            (_, Body::SynAck) => {}
        }
        self.free_if_done(from);
    }

    fn tell(&mut self, end: Ref, description: Option<DescriptionId>, what: u32, cause: Seq) {
        if let Some(side) = self.net.side(end) {
            side.cause = cause;
        }
        if let Some(id) = description {
            self.notify(id, what, cause);
        }
    }

    /// This end's connection is over, with an error.
    fn fail(&mut self, end: Ref, error: Errno, what: What, cause: Seq) {
        let Some(side) = self.net.side(end) else { return };
        if matches!(side.stage, Stage::Closed | Stage::Silent) {
            self.free_if_done(end);
            return;
        }
        side.error = error;
        side.reset = true;
        side.ended = true;
        side.said_all = true;
        side.flight.clear();
        let (node, description) = (side.node, side.description);
        let seq = self.emit_at(node, cause, what);
        self.tell(end, description, IN | OUT | ERR | HUP | RDHUP, seq);
    }

    /// `send`: how many bytes were taken. `EAGAIN` when the window is full.
    #[inline]
    pub(crate) fn tcp_send(&mut self, me: ThreadId, id: DescriptionId, bytes: &[u8]) -> Result<usize, Errno> {
        let end = self.stream(id)?;
        let Some(connection) = self.net.at(end) else { return Err(libc::ENOTCONN) };
        let number = connection.number;
        let side = &mut connection.sides[usize::from(end.side)];
        if side.error != 0 {
            return Err(std::mem::take(&mut side.error));
        }
        if side.reset || side.said_all {
            return Err(libc::EPIPE);
        }
        if side.stage == Stage::Opening {
            return Err(libc::EAGAIN);
        }
        let room = WINDOW_BYTES.saturating_sub(side.outstanding);
        if room == 0 && !bytes.is_empty() {
            side.wants_room = true;
            return Err(libc::EAGAIN);
        }
        let count = room.min(bytes.len());
        if count == 0 {
            return Ok(0);
        }
        side.outstanding += count;
        if count < bytes.len() {
            side.wants_room = true;
        }
        let cause = self.emit(me, What::Sent { conn: number, bytes: count as u32 });
        self.ship(end, cause, Body::Data(bytes[..count].to_vec()));
        Ok(count)
    }

    /// `recv`: how many bytes were given; 0 at the end. `EAGAIN` when there is nothing yet.
    #[inline]
    pub(crate) fn tcp_receive(&mut self, id: DescriptionId, into: &mut [u8], peek: bool) -> Result<usize, Errno> {
        let end = self.stream(id)?;
        let Some(side) = self.net.side(end) else { return Err(libc::ENOTCONN) };
        if !side.received.is_empty() {
            let count = side.received.take(into, peek);
            if !peek {
                self.made_room(end, count);
            }
            return Ok(count);
        }
        if side.error != 0 {
            return Err(std::mem::take(&mut side.error));
        }
        if side.ended || side.deaf || into.is_empty() {
            return Ok(0);
        }
        Err(if side.stage == Stage::Opening { libc::ENOTCONN } else { libc::EAGAIN })
    }

    /// The reader at `end` took bytes out; a writer that waits for room hears of it.
    fn made_room(&mut self, end: Ref, count: usize) {
        let cause = self.net.side_ref(end).map_or(Seq::NONE, |side| side.cause);
        let Some(writer) = self.net.side(end.peer()) else { return };
        writer.outstanding = writer.outstanding.saturating_sub(count);
        // As Linux's `sk_stream_min_wspace`: a third must be free before a writer is woken.
        if writer.wants_room && writer.outstanding <= WINDOW_BYTES / 3 * 2 {
            writer.wants_room = false;
            self.ship(end, cause, Body::Window);
        }
    }

    fn stream(&mut self, id: DescriptionId) -> Result<Ref, Errno> {
        let socket = self.descriptions.tcp(id).ok_or(libc::ENOTSOCK)?;
        if socket.error != 0 {
            return Err(std::mem::take(&mut socket.error));
        }
        match socket.state {
            SocketState::Stream(end) => Ok(end),
            _ => Err(libc::ENOTCONN),
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

    /// `shutdown`.
    pub(crate) fn tcp_shutdown(&mut self, me: ThreadId, id: DescriptionId, how: i32) -> Result<(), Errno> {
        if let Some(TcpSocket { state: SocketState::Listening { .. }, .. }) = self.descriptions.tcp(id) {
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
            let cause = self.threads[me].cause;
            self.ship(end, cause, Body::Fin);
        }
        self.notify(id, told, Seq::NONE);
        Ok(())
    }

    fn tcp_stop_listening(&mut self, id: DescriptionId) {
        let Some(description) = self.descriptions.get(id) else { return };
        let node = description.node;
        let Some(socket) = self.descriptions.tcp(id) else { return };
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

    fn leave(&mut self, end: Ref, parting: Parting) {
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

    fn free_if_done(&mut self, end: Ref) {
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
        let socket = self.descriptions.tcp(id).ok_or(libc::ENOTSOCK)?;
        let SocketState::Stream(end) = socket.state else { return Err(libc::ENOTCONN) };
        let side = self.net.side(end).ok_or(libc::ENOTCONN)?;
        if side.stage != Stage::Open || (side.reset && side.error != 0) {
            return Err(libc::ENOTCONN);
        }
        Ok(self.net.side(end.peer()).ok_or(libc::ENOTCONN)?.address)
    }

    /// `SO_ERROR`: the pending error, taken.
    pub(crate) fn tcp_take_error(&mut self, id: DescriptionId) -> Errno {
        let Some(socket) = self.descriptions.tcp(id) else { return 0 };
        let own = std::mem::take(&mut socket.error);
        match socket.state {
            SocketState::Stream(end) if own == 0 => {
                self.net.side(end).map_or(0, |side| std::mem::take(&mut side.error))
            }
            _ => own,
        }
    }
}

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
