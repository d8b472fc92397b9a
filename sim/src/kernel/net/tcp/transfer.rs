//! How bytes move: segments on their way, cuts that hold them up, windows that fill.
//! Connections begin and end elsewhere.

use super::connection::{Body, Ref, Segment, Stage, WINDOW_BYTES};
use crate::event::{NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::process::fd::description::DescriptionId;
use crate::kernel::process::fd::poll::{ERR, HUP, IN, OUT, RDHUP};
use crate::kernel::sched::thread::ThreadId;

/// Linux's first retransmission timeout for data, its ceiling, and how many times it tries (`tcp_retries2`).
const RETRY_NS: u64 = 200_000_000;
const RETRY_NS_MAX: u64 = 120_000_000_000;
const RETRIES: u32 = 15;
/// What a segment has beside its data, as a narrow link sees it: Ethernet, IPv4 and TCP.
const HEADER_BYTES: usize = 66;

impl Kernel {
    /// Hands a segment to the link, behind those that went before.
    pub(crate) fn ship(&mut self, from: Ref, cause: Seq, body: Body) {
        let Some(connection) = self.net.connections.get_mut(from.index as usize) else { return };
        if connection.generation != from.generation {
            return;
        }
        let who = connection.who ^ u64::from(from.side);
        let to = connection.sides[usize::from(from.peer().side)].node;
        let side = &mut connection.sides[usize::from(from.side)];
        side.sent += 1;
        let (node, occurrence, last) = (side.node, side.sent, side.last_due_ns);
        let bytes = if let Body::Data(bytes) = &body { bytes.len() } else { 0 };
        let ends = (node, to);
        let way_ns = self.net.stream_way_ns(
            &self.sched.choices,
            self.sched.now_ns,
            ends,
            (who, occurrence),
            bytes + HEADER_BYTES,
            RETRY_NS,
        );
        let due_ns = self.sched.now_ns.saturating_add(way_ns).max(last + 1);
        let side = &mut self.net.connections[from.index as usize].sides[usize::from(from.side)];
        side.last_due_ns = due_ns;
        side.flight.push_back(Segment { due_ns, cause, body });
        self.sched.deadlines.at(due_ns, Due::Segment(from));
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
        if self.net.is_held(a, b) {
            self.net.hold(a, b, Due::Segment(from));
            return;
        }
        if self.unreachable(a, b, silent) {
            self.stall(from);
            return;
        }
        self.deliver_head(from);
    }

    pub(crate) fn unreachable(&self, from: NodeId, to: NodeId, silent: bool) -> bool {
        self.net.is_blocked(from, to)
            || (silent && self.process[to].lifecycle.state() == crate::kernel::process::state::ProcessState::Off)
    }

    pub(crate) fn stall(&mut self, from: Ref) {
        let now = self.sched.now_ns;
        let Some(side) = self.net.side(from) else { return };
        side.stalled = true;
        if side.retries == 0 {
            side.stalled_ns = now;
        }
        side.retries += 1;
        let mut wait = (RETRY_NS << (side.retries - 1).min(20)).min(RETRY_NS_MAX);
        let since = side.stalled_ns;
        if let Some(give_up_ns) = self.give_up_ns(from) {
            wait = wait.min(since.saturating_add(give_up_ns).saturating_sub(now).max(1));
        }
        self.sched.deadlines.at(now + wait, Due::Retry(from));
    }

    /// How long data of this end may wait, if that is bounded.
    fn give_up_ns(&self, from: Ref) -> Option<u64> {
        let ms = self.probing(from)?.give_up_ms;
        (ms > 0).then_some(u64::from(ms) * 1_000_000)
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
            let since = self.net.side_ref(from).map_or(0, |side| side.stalled_ns);
            let over = self.give_up_ns(from).is_some_and(|ns| self.sched.now_ns >= since.saturating_add(ns));
            if retries > RETRIES || over {
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
        while self
            .net
            .side_ref(from)
            .and_then(|side| side.flight.front())
            .is_some_and(|it| it.due_ns <= self.sched.now_ns)
        {
            self.deliver_head(from);
        }
    }

    pub(crate) fn deliver_head(&mut self, from: Ref) {
        let to = from.peer();
        let Some(connection) = self.net.at(from) else { return };
        let number = connection.number;
        let Some(segment) = connection.sides[usize::from(from.side)].flight.pop_front() else { return };
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

    pub(crate) fn tell(&mut self, end: Ref, description: Option<DescriptionId>, what: u32, cause: Seq) {
        let now_ns = self.sched.now_ns;
        if let Some(side) = self.net.side(end) {
            side.cause = cause;
            side.heard_ns = now_ns;
        }
        if let Some(id) = description {
            self.notify(id, what, cause);
        }
    }

    /// This end's connection is over, with an error.
    pub(crate) fn fail(&mut self, end: Ref, error: Errno, what: What, cause: Seq) {
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
    pub(crate) fn tcp_send(&mut self, me: ThreadId, end: Ref, bytes: &[u8]) -> Result<usize, Errno> {
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
    pub(crate) fn tcp_receive(&mut self, end: Ref, into: &mut [u8], peek: bool) -> Result<usize, Errno> {
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
    pub(crate) fn made_room(&mut self, end: Ref, count: usize) {
        let cause = self.net.side_ref(end).map_or(Seq::NONE, |side| side.cause);
        let Some(writer) = self.net.side(end.peer()) else { return };
        writer.outstanding = writer.outstanding.saturating_sub(count);
        // As Linux's `sk_stream_min_wspace`: a third must be free before a writer is woken.
        if writer.wants_room && writer.outstanding <= WINDOW_BYTES / 3 * 2 {
            writer.wants_room = false;
            self.ship(end, cause, Body::Window);
        }
    }

    pub(crate) fn stream(&mut self, id: DescriptionId) -> Result<Ref, Errno> {
        self.process.descriptions.tcp(id).ok_or(libc::ENOTSOCK)?.stream()
    }
}
