//! UDP: datagrams that may be lost on the way and are dropped when nobody makes room.
//! It has no connections; `connect` only filters and names a default peer.

use crate::event::{NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::net::ports::{Transport, find, own_address, own_scope};
use crate::kernel::process::fd::description::DescriptionId;
use crate::kernel::process::fd::poll::{ERR, IN, OUT};
use crate::kernel::sched::thread::ThreadId;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Linux's default receive buffer, in bytes.
const BUFFER_BYTES: usize = 208 * 1024;
/// The largest datagram that IPv4 carries.
const DATAGRAM_BYTES_MAX: usize = 65_507;
/// What a datagram has beside its data, as a narrow link sees it: Ethernet, IPv4 and UDP.
const HEADER_BYTES: usize = 42;

/// What `conn` says for datagrams.
const NO_CONNECTION: u32 = u32::MAX;

/// A UDP socket.
#[derive(Default)]
pub(crate) struct UdpSocket {
    pub(crate) v6: bool,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) receive_timeout_ns: Option<u64>,
    pub(crate) error: Errno,
    /// What is told beside each datagram: its traffic class, and which address it was sent to.
    pub(crate) tells_traffic: bool,
    pub(crate) tells_address: bool,
    /// Into how many bytes each a longer datagram is cut, 0 for not at all.
    pub(crate) segment_bytes: u16,
    /// The traffic class of what it sends, where a message does not say.
    pub(crate) traffic: u8,
    received: VecDeque<Arrived>,
    held: usize,
}

/// A datagram on its way.
#[derive(Clone)]
pub(crate) struct Datagram {
    from_node: NodeId,
    to_node: NodeId,
    /// The lives of both that it was sent in.
    lives: (u16, u16),
    from: SocketAddr,
    to: SocketAddr,
    cause: Seq,
    bytes: Vec<u8>,
    traffic: u8,
}

/// A datagram in a socket's buffer.
struct Arrived {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
    traffic: u8,
}

impl UdpSocket {
    pub(crate) fn new(v6: bool) -> Self {
        Self { v6, ..Self::default() }
    }

    /// Bytes that arrived and were not read.
    pub(crate) fn unread_bytes(&self) -> u64 {
        self.held as u64
    }

    pub(crate) fn readiness(&self) -> u32 {
        OUT | if !self.received.is_empty() { IN } else { 0 } | if self.error != 0 { ERR | IN } else { 0 }
    }
}

/// What is said about bytes that are to be sent, beside the bytes; where nothing is said, the socket's own options hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Whom it is for; the connected peer if not said.
    pub(crate) to: Option<SocketAddr>,
    /// Its traffic class.
    pub(crate) traffic: Option<u8>,
    /// Into datagrams of how many bytes it is cut.
    pub(crate) segment_bytes: Option<u16>,
}

/// A datagram as its receiver takes it.
pub(crate) struct Received {
    /// How many bytes were copied.
    pub(crate) count: usize,
    /// How many bytes the datagram had.
    pub(crate) whole: usize,
    /// Who sent it.
    pub(crate) from: SocketAddr,
    /// Which of the receiver's addresses it was sent to.
    pub(crate) to: SocketAddr,
    /// Its traffic class, which has the marks of congestion in its low bits.
    pub(crate) traffic: u8,
}

impl Kernel {
    /// `bind`.
    pub(crate) fn udp_bind(&mut self, node: NodeId, id: DescriptionId, address: SocketAddr) -> Result<(), Errno> {
        let scope = own_scope(node, address.ip())?;
        if self.process.descriptions.udp(id).ok_or(libc::EBADF)?.local.is_some() {
            return Err(libc::EINVAL);
        }
        let port = match address.port() {
            0 => self.net.ephemeral(&mut self.process[node], node, Transport::Udp)?,
            port => port,
        };
        self.net.bind(node, port, Transport::Udp, scope, id)?;
        let socket = self.process.descriptions.udp(id).ok_or(libc::EBADF)?;
        socket.local = Some(SocketAddr::new(address.ip(), port));
        Ok(())
    }

    fn udp_ensure_bound(&mut self, node: NodeId, id: DescriptionId) -> Result<SocketAddr, Errno> {
        let socket = self.process.descriptions.udp(id).ok_or(libc::EBADF)?;
        if let Some(local) = socket.local {
            return Ok(local);
        }
        let any = if socket.v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        self.udp_bind(node, id, SocketAddr::new(any, 0))?;
        self.process.descriptions.udp(id).and_then(|socket| socket.local).ok_or(libc::EBADF)
    }

    /// `connect`: names the peer; `None` forgets it.
    pub(crate) fn udp_connect(&mut self, node: NodeId, id: DescriptionId, to: Option<SocketAddr>) -> Result<(), Errno> {
        let local = self.udp_ensure_bound(node, id)?;
        let socket = self.process.descriptions.udp(id).ok_or(libc::EBADF)?;
        socket.peer = to;
        if let Some(to) = to
            && local.ip().is_unspecified()
        {
            socket.local = Some(own_address(node, to.ip(), local.port()));
        }
        Ok(())
    }

    /// `sendto`; `None` goes to the connected peer.
    pub(crate) fn udp_send(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        bytes: &[u8],
        outgoing: Outgoing,
    ) -> Result<usize, Errno> {
        let node = self.sched.threads[me].node;
        let local = self.udp_ensure_bound(node, id)?;
        let socket = self.process.descriptions.udp(id).ok_or(libc::EBADF)?;
        if socket.error != 0 {
            return Err(std::mem::take(&mut socket.error));
        }
        let to = outgoing.to.or(socket.peer).ok_or(libc::EDESTADDRREQ)?;
        let traffic = outgoing.traffic.unwrap_or(socket.traffic);
        let segment_bytes = usize::from(outgoing.segment_bytes.unwrap_or(socket.segment_bytes));
        if bytes.len() > DATAGRAM_BYTES_MAX {
            return Err(libc::EMSGSIZE);
        }
        if to.port() == 0 {
            return Err(libc::EINVAL);
        }
        let (to_node, _) = find(node, to.ip()).ok_or(libc::ENETUNREACH)?;
        let from = own_address(node, to.ip(), local.port());
        if segment_bytes > 0 && bytes.len() > segment_bytes {
            for segment in bytes.chunks(segment_bytes) {
                self.udp_send_one(me, (from, to, to_node), segment, traffic);
            }
        } else {
            self.udp_send_one(me, (from, to, to_node), bytes, traffic);
        }
        Ok(bytes.len())
    }

    fn udp_send_one(
        &mut self,
        me: ThreadId,
        (from, to, to_node): (SocketAddr, SocketAddr, NodeId),
        bytes: &[u8],
        traffic: u8,
    ) {
        let node = self.sched.threads[me].node;
        let cause = self.emit(me, What::Sent { conn: NO_CONNECTION, bytes: bytes.len() as u32 });
        if usize::from(to_node.0) >= self.process.nodes.count() {
            return; // into the void, as on a real network
        }
        let occurrence = self.net.next_datagram(node, to_node);
        let who = crate::kernel::sched::choice::join(self.process[node].key, self.process[to_node].key);
        let lives = (self.sched.threads[me].incarnation, self.process[to_node].incarnation());
        let datagram = Datagram { from_node: node, to_node, lives, from, to, cause, bytes: bytes.to_vec(), traffic };
        self.udp_ship(datagram, (!who, occurrence));
    }

    /// Hands a datagram to the link, which may lose it.
    fn udp_ship(&mut self, datagram: Datagram, key: (u64, u64)) {
        let ends = (datagram.from_node, datagram.to_node);
        let way = self.net.way(&self.sched.choices, self.sched.now_ns, ends, key, datagram.bytes.len() + HEADER_BYTES);
        if way.losses > 0 {
            self.dropped(ends.0, ends.1, datagram.bytes.len(), datagram.cause);
            return;
        }
        let mut due_ns = self.sched.now_ns.saturating_add(way.ns);
        if self.net.links_differ {
            due_ns = due_ns.saturating_add(self.net.late_ns(&self.sched.choices, ends, key));
            if let Some(after_ns) = self.net.doubled_after_ns(&self.sched.choices, ends, key) {
                let again_ns = due_ns.saturating_add(after_ns);
                self.sched.deadlines.at(again_ns, Due::Datagram(Box::new(datagram.clone())));
            }
        }
        self.sched.deadlines.at(due_ns, Due::Datagram(Box::new(datagram)));
    }

    /// A datagram arrives, or would.
    pub(crate) fn datagram(&mut self, datagram: Datagram) {
        if self.net.is_held(datagram.from_node, datagram.to_node) {
            self.net.hold(datagram.from_node, datagram.to_node, Due::Datagram(Box::new(datagram)));
            return;
        }
        let Datagram { from_node, to_node, lives, from, to, cause, bytes, traffic } = datagram;
        let off = self.process[to_node].lifecycle.state() == crate::kernel::process::state::ProcessState::Off;
        let Some((_, scope)) = find(from_node, to.ip()) else { return };
        if off || self.net.is_blocked(from_node, to_node) {
            self.dropped(from_node, to_node, bytes.len(), cause);
            return;
        }
        let target = self.net.bound(to_node, to.port(), Transport::Udp, scope);
        let Some(id) = target.filter(|id| self.wants(*id, from)) else {
            self.unreachable_port(from_node, from, to, cause);
            return;
        };
        let Some(socket) = self.process.descriptions.udp(id) else { return };
        if socket.held + bytes.len() > BUFFER_BYTES {
            self.dropped(from_node, to_node, bytes.len(), cause);
            return;
        }
        let count = bytes.len() as u32;
        socket.held += bytes.len();
        let seq = self.emit_at(to_node, cause, What::Delivered { conn: NO_CONNECTION, bytes: count });
        if let Some(socket) = self.process.descriptions.udp(id) {
            socket.received.push_back(Arrived { from, to, bytes, traffic });
        }
        self.stale_datagram((from_node, to_node), lives, seq);
        self.notify(id, IN, seq);
    }

    fn wants(&mut self, id: DescriptionId, from: SocketAddr) -> bool {
        let peer = self.process.descriptions.udp(id).and_then(|socket| socket.peer);
        peer.is_none_or(|peer| peer.port() == from.port() && peer.ip().to_canonical() == from.ip().to_canonical())
    }

    /// What ICMP does for a connected sender: the next call fails with `ECONNREFUSED`.
    fn unreachable_port(&mut self, node: NodeId, from: SocketAddr, to: SocketAddr, cause: Seq) {
        let Some((_, scope)) = find(node, to.ip()) else { return };
        let Some(id) = self.net.bound(node, from.port(), Transport::Udp, scope) else { return };
        let Some(socket) = self.process.descriptions.udp(id) else { return };
        if socket.peer == Some(to) && !self.net.is_blocked(find(node, to.ip()).map_or(node, |it| it.0), node) {
            if let Some(socket) = self.process.descriptions.udp(id) {
                socket.error = libc::ECONNREFUSED;
            }
            self.notify(id, IN | ERR, cause);
        }
    }

    /// `recvfrom`. `EAGAIN` when there is nothing yet.
    pub(crate) fn udp_receive(&mut self, id: DescriptionId, into: &mut [u8], peek: bool) -> Result<Received, Errno> {
        let socket = self.process.descriptions.udp(id).ok_or(libc::ENOTSOCK)?;
        if socket.error != 0 {
            return Err(std::mem::take(&mut socket.error));
        }
        let Some(Arrived { from, to, bytes, traffic }) = socket.received.front() else { return Err(libc::EAGAIN) };
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        let received = Received { count, whole: bytes.len(), from: *from, to: *to, traffic: *traffic };
        if !peek {
            socket.held -= bytes.len();
            socket.received.pop_front();
        }
        Ok(received)
    }

    /// A socket's last descriptor is closed, or its process ended.
    pub(crate) fn udp_close(&mut self, node: NodeId, id: DescriptionId, socket: &UdpSocket) {
        if let Some(local) = socket.local {
            self.net.unbind(node, local.port(), Transport::Udp, id);
        }
    }
}
