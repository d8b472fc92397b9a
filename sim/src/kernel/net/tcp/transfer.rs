//! Moving bytes over TCP: segments in flight, partitions that hold them up, windows that fill.
//! Connections are opened and closed elsewhere.

use super::endpoint::{Body, EndpointId, Segment, WINDOW_BYTES};
use crate::event::{NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::net::arrival::Arrival;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::readiness::{IN, OUT, RDHUP};
use crate::kernel::process::state::ProcessState;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sink::Sink;

/// Linux's first retransmission timeout for data, its ceiling, and `tcp_retries2`.
const RETRANSMIT_NS: u64 = 200_000_000;
const RETRANSMIT_NS_MAX: u64 = 120_000_000_000;
const RETRANSMISSIONS_MAX: u32 = 15;
/// The overhead of a segment on a narrow link: Ethernet, IPv4 and TCP headers.
const HEADER_BYTES: usize = 66;

impl Kernel {
    /// Hands a segment to the link, behind those sent before.
    pub(super) fn ship(&mut self, from: EndpointId, cause: Seq, body: Body) {
        let Some(connection) = self.net.connections.get_mut(from) else { return };
        let key = connection.key ^ u64::from(from.end);
        let to = connection.ends[usize::from(from.peer().end)].node;
        let end = &mut connection.ends[usize::from(from.end)];
        end.flight.sent += 1;
        let bytes = if let Body::Data(bytes) = &body { bytes.len() } else { 0 };
        let now_ns = self.sched.now_ns();
        let delay_ns = self.net.links.segment_delay_ns(
            self.sched.choices(),
            now_ns,
            (end.node, to),
            (key, end.flight.sent),
            bytes + HEADER_BYTES,
            RETRANSMIT_NS,
        );
        let due_ns = now_ns.saturating_add(delay_ns).max(end.flight.last_due_ns + 1);
        end.flight.last_due_ns = due_ns;
        end.flight.segments.push_back(Segment { due_ns, cause, body });
        self.sched.set_deadline(due_ns, Due::Arrival(Arrival::Segment(from)));
    }

    /// The first segment of a flight arrives, unless a partition or a hold stops it.
    pub(crate) fn receive_segment(&mut self, from: EndpointId) {
        let Some(connection) = self.net.connections.get(from) else { return };
        let end = &connection.ends[usize::from(from.end)];
        let peer = &connection.ends[usize::from(from.peer().end)];
        if end.flight.stalled {
            return;
        }
        let (a, b, is_lost) = (end.node, peer.node, peer.is_lost());
        if self.net.links.is_held(a, b) {
            self.net.links.hold(a, b, Arrival::Segment(from));
            return;
        }
        if self.is_unreachable(a, b, is_lost) {
            self.stall(from);
            return;
        }
        self.deliver_first(from);
    }

    /// Returns whether nothing passes between these nodes. An end that lost power cannot be reached while its machine is
    /// off.
    pub(super) fn is_unreachable(&self, from: NodeId, to: NodeId, is_lost: bool) -> bool {
        self.net.links.is_partitioned(from, to)
            || (is_lost && self.process[to].lifecycle().state() == ProcessState::Off)
    }

    fn stall(&mut self, from: EndpointId) {
        let now_ns = self.sched.now_ns();
        let Some(end) = self.net.connections.end_mut(from) else { return };
        let flight = &mut end.flight;
        flight.stalled = true;
        if flight.retransmissions == 0 {
            flight.stalled_since_ns = now_ns;
        }
        flight.retransmissions += 1;
        let mut wait_ns = (RETRANSMIT_NS << (flight.retransmissions - 1).min(20)).min(RETRANSMIT_NS_MAX);
        let since_ns = flight.stalled_since_ns;
        if let Some(timeout_ns) = self.user_timeout_ns(from) {
            wait_ns = wait_ns.min(since_ns.saturating_add(timeout_ns).saturating_sub(now_ns).max(1));
        }
        self.sched.set_deadline(now_ns + wait_ns, Due::Retransmit(from));
    }

    /// The time that data of this end may wait, if `TCP_USER_TIMEOUT` bounds it.
    fn user_timeout_ns(&self, from: EndpointId) -> Option<u64> {
        let ms = self.keepalive_of(from)?.user_timeout_ms;
        (ms > 0).then_some(u64::from(ms) * 1_000_000)
    }

    /// A stalled flight is sent again.
    pub(crate) fn retransmit(&mut self, from: EndpointId) {
        let Some(connection) = self.net.connections.get(from) else { return };
        let number = connection.number;
        let end = &connection.ends[usize::from(from.end)];
        let peer = &connection.ends[usize::from(from.peer().end)];
        let (retransmissions, since_ns) = (end.flight.retransmissions, end.flight.stalled_since_ns);
        let cause = end.cause;
        if self.is_unreachable(end.node, peer.node, peer.is_lost()) {
            if end.is_lost() {
                return;
            }
            let now_ns = self.sched.now_ns();
            let over = self.user_timeout_ns(from).is_some_and(|ns| now_ns >= since_ns.saturating_add(ns));
            if retransmissions > RETRANSMISSIONS_MAX || over {
                self.fail(from, libc::ETIMEDOUT, What::TimedOut { conn: number }, cause);
            } else {
                self.stall(from);
            }
            return;
        }
        if let Some(end) = self.net.connections.end_mut(from) {
            end.flight.stalled = false;
            end.flight.retransmissions = 0;
        }
        while self
            .net
            .connections
            .end(from)
            .and_then(|end| end.flight.segments.front())
            .is_some_and(|segment| segment.due_ns <= self.sched.now_ns())
        {
            self.deliver_first(from);
        }
    }

    fn deliver_first(&mut self, from: EndpointId) {
        let to = from.peer();
        let Some(connection) = self.net.connections.get_mut(from) else { return };
        let number = connection.number;
        let Some(segment) = connection.ends[usize::from(from.end)].flight.segments.pop_front() else { return };
        let Segment { cause, body, .. } = segment;
        if let Body::Fin = body {
            connection.ends[usize::from(from.end)].acknowledge_fin();
        }
        let end = &mut connection.ends[usize::from(to.end)];
        let (node, description) = (end.node, end.description);
        match body {
            Body::Data(_) if end.is_gone() => self.send_rst(to, cause),
            _ if end.is_gone() => {}
            Body::SynAck if end.is_connecting() => {
                end.establish();
                let seq = self.emit_at(node, cause, What::Connected { conn: number });
                self.arrived(to, description, OUT, seq);
            }
            Body::SynAck => {}
            Body::Rst => self.receive_rst(to, number, cause),
            Body::Data(bytes) => {
                let count = bytes.len();
                end.received.push(bytes);
                let seq = self.emit_at(node, cause, What::Delivered { conn: number, bytes: count as u32 });
                self.arrived(to, description, IN, seq);
            }
            Body::Fin => {
                end.receive_fin();
                let seq = self.emit_at(node, cause, What::Finished { conn: number });
                self.arrived(to, description, IN | RDHUP, seq);
            }
            Body::WindowUpdate => self.arrived(to, description, OUT, cause),
        }
        // A process that owns this end keeps the connection.
        if description.is_none() {
            self.net.connections.free_if_done(from);
        }
    }

    /// Notes that a segment arrived at an end, and notifies its socket.
    #[inline]
    pub(super) fn arrived(&mut self, to: EndpointId, description: Option<DescriptionId>, ready: u32, cause: Seq) {
        let now_ns = self.sched.now_ns();
        if let Some(end) = self.net.connections.end_mut(to) {
            end.cause = cause;
            end.last_arrival_ns = now_ns;
        }
        if let Some(id) = description {
            self.notify(id, ready, cause);
        }
    }

    /// `send`. Returns the number of bytes taken, or `EAGAIN` when the window is full.
    #[inline(always)]
    pub(super) fn tcp_send(&mut self, me: ThreadId, from: EndpointId, bytes: &[u8]) -> Result<usize, Errno> {
        let Some(connection) = self.net.connections.get_mut(from) else { return Err(libc::ENOTCONN) };
        let number = connection.number;
        let end = &mut connection.ends[usize::from(from.end)];
        if end.error != 0 {
            return Err(std::mem::take(&mut end.error));
        }
        if end.has_sent_fin() {
            return Err(libc::EPIPE);
        }
        if end.is_connecting() {
            return Err(libc::EAGAIN);
        }
        let room = WINDOW_BYTES.saturating_sub(end.window.outstanding);
        if room == 0 && !bytes.is_empty() {
            end.window.awaited = true;
            return Err(libc::EAGAIN);
        }
        let count = room.min(bytes.len());
        if count == 0 {
            return Ok(0);
        }
        end.window.outstanding += count;
        if count < bytes.len() {
            end.window.awaited = true;
        }
        let cause = self.emit(me, What::Sent { conn: number, bytes: count as u32 });
        self.ship(from, cause, Body::Data(bytes[..count].to_vec()));
        Ok(count)
    }

    /// `recv`. Returns the number of bytes copied, 0 at the end of the stream, or `EAGAIN` while nothing is there.
    #[inline]
    pub(super) fn tcp_receive(&mut self, at: EndpointId, into: &mut impl Sink, peek: bool) -> Result<usize, Errno> {
        let Some(end) = self.net.connections.end_mut(at) else { return Err(libc::ENOTCONN) };
        if !end.received.is_empty() {
            let count = end.received.take(into, peek);
            if !peek {
                self.make_room(at, count);
            }
            return Ok(count);
        }
        // `EPIPE` is for a writer: the stream had ended before.
        if end.error != 0 && end.error != libc::EPIPE {
            return Err(std::mem::take(&mut end.error));
        }
        if end.has_received_fin() || end.read_shut || into.is_empty() {
            return Ok(0);
        }
        Err(if end.is_connecting() { libc::ENOTCONN } else { libc::EAGAIN })
    }

    /// The reader at this end took bytes out. A writer that waits for room gets a window update.
    fn make_room(&mut self, at: EndpointId, count: usize) {
        let Some(connection) = self.net.connections.get_mut(at) else { return };
        let cause = connection.ends[usize::from(at.end)].cause;
        let window = &mut connection.ends[usize::from(at.peer().end)].window;
        window.outstanding = window.outstanding.saturating_sub(count);
        // As Linux's `sk_stream_min_wspace`: a writer wakes when a third is free.
        if window.awaited && window.outstanding <= WINDOW_BYTES / 3 * 2 {
            window.awaited = false;
            self.ship(at, cause, Body::WindowUpdate);
        }
    }
}
