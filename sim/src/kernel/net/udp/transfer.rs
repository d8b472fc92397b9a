//! Sending and receiving datagrams.
//! There are no connections: `connect` sets the default peer and filters what arrives.

use super::socket::{Buffered, Datagram, Outgoing, Received};
use crate::event::{Misconfiguration, NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::net::address::{find, own_address, own_scope};
use crate::kernel::net::arrival::Arrival;
use crate::kernel::net::ports::Transport;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::readiness::{ERR, IN};
use crate::kernel::process::state::ProcessState;
use crate::kernel::sched::choice::join;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sink::Sink;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The largest datagram that IPv4 carries.
const DATAGRAM_BYTES_MAX: usize = 65_507;
/// The overhead of a datagram on a narrow link: Ethernet, IPv4 and UDP headers.
const HEADER_BYTES: usize = 42;

/// The value of `conn` for datagrams.
const NO_CONNECTION: u32 = u32::MAX;

impl Kernel {
    /// `bind`.
    pub(crate) fn udp_bind(&mut self, node: NodeId, id: DescriptionId, address: SocketAddr) -> Result<(), Errno> {
        let scope = own_scope(node, address.ip())?;
        if self.process.udp(id).ok_or(libc::EBADF)?.local.is_some() {
            return Err(libc::EINVAL);
        }
        let port = match address.port() {
            0 => self.net.ports.ephemeral(|| self.process[node].next_port(), node, Transport::Udp)?,
            port => port,
        };
        if let Err(errno) = self.net.ports.bind(node, port, Transport::Udp, scope, id) {
            self.net.misconfigurations.record(Misconfiguration::PortTaken { node, port });
            return Err(errno);
        }
        let socket = self.process.udp(id).ok_or(libc::EBADF)?;
        socket.local = Some(SocketAddr::new(address.ip(), port));
        Ok(())
    }

    fn udp_ensure_bound(&mut self, node: NodeId, id: DescriptionId) -> Result<SocketAddr, Errno> {
        let socket = self.process.udp(id).ok_or(libc::EBADF)?;
        if let Some(local) = socket.local {
            return Ok(local);
        }
        let any = if socket.v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        self.udp_bind(node, id, SocketAddr::new(any, 0))?;
        self.process.udp(id).and_then(|socket| socket.local).ok_or(libc::EBADF)
    }

    /// `connect`: sets the peer; `None` clears it.
    pub(crate) fn udp_connect(&mut self, node: NodeId, id: DescriptionId, to: Option<SocketAddr>) -> Result<(), Errno> {
        let local = self.udp_ensure_bound(node, id)?;
        let socket = self.process.udp(id).ok_or(libc::EBADF)?;
        socket.peer = to;
        if let Some(to) = to
            && local.ip().is_unspecified()
        {
            socket.local = Some(own_address(node, to.ip(), local.port()));
        }
        Ok(())
    }

    /// `sendto`.
    pub(crate) fn udp_send(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        bytes: &[u8],
        outgoing: Outgoing,
    ) -> Result<usize, Errno> {
        let node = self.sched[me].node();
        let local = self.udp_ensure_bound(node, id)?;
        let socket = self.process.udp(id).ok_or(libc::EBADF)?;
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
        let may_broadcast = || {
            let broadcast = (libc::SOL_SOCKET, libc::SO_BROADCAST);
            self.process.description(id).is_some_and(|socket| socket.options().has(broadcast))
        };
        if to.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) && !may_broadcast() {
            return Err(libc::EACCES);
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
        let node = self.sched[me].node();
        let cause = self.emit(me, What::Sent { conn: NO_CONNECTION, bytes: bytes.len() as u32 });
        if usize::from(to_node.0) >= self.process.count() {
            return; // no such node: nobody answers, as on a real network
        }
        let occurrence = self.net.next_datagram(node, to_node);
        let who = join(self.process[node].key(), self.process[to_node].key());
        let incarnations = (self.sched[me].incarnation(), self.process[to_node].incarnation());
        let datagram =
            Datagram { from_node: node, to_node, incarnations, from, to, cause, bytes: bytes.to_vec(), traffic };
        self.udp_ship(datagram, (!who, occurrence));
    }

    /// Hands a datagram to the link, which may lose it.
    fn udp_ship(&mut self, datagram: Datagram, key: (u64, u64)) {
        let ends = (datagram.from_node, datagram.to_node);
        let choices = self.sched.choices();
        let now_ns = self.sched.now_ns();
        let transit = self.net.links.transit(choices, now_ns, ends, key, datagram.bytes.len() + HEADER_BYTES);
        if transit.losses > 0 {
            self.drop_datagram(ends.0, ends.1, datagram.bytes.len(), datagram.cause);
            return;
        }
        let mut due_ns = now_ns.saturating_add(transit.delay_ns);
        if self.net.links.differ() {
            due_ns = due_ns.saturating_add(self.net.links.reorder_ns(choices, ends, key));
            if let Some(after_ns) = self.net.links.duplicate_after_ns(choices, ends, key) {
                let again = Arrival::Datagram(Box::new(datagram.clone()));
                self.sched.set_deadline(due_ns.saturating_add(after_ns), Due::Arrival(again));
            }
        }
        self.sched.set_deadline(due_ns, Due::Arrival(Arrival::Datagram(Box::new(datagram))));
    }

    /// A datagram reaches its destination, unless a partition or a hold stops it.
    pub(in crate::kernel::net) fn receive_datagram(&mut self, datagram: Datagram) {
        if self.net.links.is_held(datagram.from_node, datagram.to_node) {
            let (from, to) = (datagram.from_node, datagram.to_node);
            self.net.links.hold(from, to, Arrival::Datagram(Box::new(datagram)));
            return;
        }
        let Datagram { from_node, to_node, incarnations, from, to, cause, bytes, traffic } = datagram;
        let is_off = self.process[to_node].lifecycle().state() == ProcessState::Off;
        let Some((_, scope)) = find(from_node, to.ip()) else { return };
        if is_off || self.net.links.is_partitioned(from_node, to_node) {
            self.drop_datagram(from_node, to_node, bytes.len(), cause);
            return;
        }
        let target = self.net.ports.bound(to_node, to.port(), Transport::Udp, scope);
        let Some(id) = target.filter(|id| self.accepts_datagram(*id, from)) else {
            self.port_unreachable(from_node, from, to, cause);
            return;
        };
        let Some(socket) = self.process.udp(id) else { return };
        if !socket.has_room(bytes.len()) {
            self.drop_datagram(from_node, to_node, bytes.len(), cause);
            return;
        }
        let count = bytes.len() as u32;
        socket.buffer(Buffered { from, to, bytes, traffic });
        let seq = self.emit_at(to_node, cause, What::Delivered { conn: NO_CONNECTION, bytes: count });
        self.check_datagram((from_node, to_node), incarnations, seq);
        self.notify(id, IN, seq);
    }

    fn accepts_datagram(&mut self, id: DescriptionId, from: SocketAddr) -> bool {
        let peer = self.process.udp(id).and_then(|socket| socket.peer);
        peer.is_none_or(|peer| peer.port() == from.port() && peer.ip().to_canonical() == from.ip().to_canonical())
    }

    /// The ICMP message for a port that nobody is bound to: the next call of a connected sender fails with `ECONNREFUSED`.
    fn port_unreachable(&mut self, node: NodeId, from: SocketAddr, to: SocketAddr, cause: Seq) {
        let Some((target, scope)) = find(node, to.ip()) else { return };
        let Some(id) = self.net.ports.bound(node, from.port(), Transport::Udp, scope) else { return };
        let Some(socket) = self.process.udp(id) else { return };
        if socket.peer == Some(to) && !self.net.links.is_partitioned(target, node) {
            socket.error = libc::ECONNREFUSED;
            self.notify(id, IN | ERR, cause);
        }
    }

    /// `shutdown`. Readers are woken.
    pub(crate) fn udp_shutdown(&mut self, id: DescriptionId, how: i32) -> Result<(), Errno> {
        let socket = self.process.udp(id).ok_or(libc::ENOTSOCK)?;
        if socket.peer.is_none() {
            return Err(libc::ENOTCONN);
        }
        if how != libc::SHUT_WR {
            socket.read_shut = true;
            self.notify(id, IN, Seq::NONE);
        }
        Ok(())
    }

    /// `recvfrom`. Fails with `EAGAIN` while no datagram is there.
    pub(crate) fn udp_receive(
        &mut self,
        id: DescriptionId,
        into: &mut dyn Sink,
        peek: bool,
    ) -> Result<Received, Errno> {
        self.process.udp(id).ok_or(libc::ENOTSOCK)?.take(into, peek)
    }
}
