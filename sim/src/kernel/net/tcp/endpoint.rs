//! One end of a TCP connection: its state, its buffers and its segments in flight.
//! It sends nothing by itself: the operations beside this file do.

use crate::event::{NodeId, Seq};
use crate::kernel::Errno;
use crate::kernel::net::bytes::Bytes;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::readiness::{ERR, HUP, IN, OUT, RDHUP};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The bytes that one direction holds before its writer must wait: Linux's default receive buffer plus part of the
/// sender's.
pub(super) const WINDOW_BYTES: usize = 208 * 1024;

/// One end of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndpointId {
    pub(super) index: u32,
    pub(super) generation: u32,
    pub(super) end: u8,
}

impl EndpointId {
    /// The other end.
    #[inline]
    pub(crate) fn peer(self) -> Self {
        Self { end: 1 - self.end, ..self }
    }
}

/// A state of RFC 9293, section 3.3.2. `SYN-RECEIVED` is missing: the last ACK of the handshake is not simulated, so that
/// a server's end is established as soon as the SYN arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The server's end before the SYN arrives. It belongs to no process yet.
    Listen,
    /// The client has sent its SYN.
    SynSent,
    /// Data moves both ways.
    Established,
    /// This end has sent its FIN, which is still in flight.
    FinWait1,
    /// The FIN of this end has arrived.
    FinWait2,
    /// The peer has sent its FIN.
    CloseWait,
    /// Both ends have sent a FIN at the same time, and that of this end is still in flight.
    Closing,
    /// The peer has sent its FIN, then this end its own.
    LastAck,
    /// This end has sent its FIN, then the peer its own.
    TimeWait,
    /// The connection was reset, refused or timed out.
    Closed,
    /// The machine lost power. Until it is back, nothing answers, not even with a RST.
    Lost,
}

impl State {
    /// Its number in Linux's `tcp_states.h`.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Established => 1,
            Self::SynSent => 2,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::TimeWait => 6,
            Self::Closed | Self::Lost => 7,
            Self::CloseWait => 8,
            Self::LastAck => 9,
            Self::Listen => 10,
            Self::Closing => 11,
        }
    }
}

/// The content of a segment.
pub(super) enum Body {
    SynAck,
    Data(Vec<u8>),
    Fin,
    Rst,
    /// The reader made room.
    WindowUpdate,
}

/// A segment in flight.
pub(super) struct Segment {
    pub(super) due_ns: u64,
    pub(super) cause: Seq,
    pub(super) body: Body,
}

/// The segments between an end and its peer, oldest first.
#[derive(Default)]
pub(super) struct Flight {
    pub(super) segments: VecDeque<Segment>,
    /// When the last segment arrives.
    pub(super) last_due_ns: u64,
    /// The number of segments sent so far.
    pub(super) sent: u64,
    /// The number of retransmissions of the first segment.
    pub(super) retransmissions: u32,
    /// The first segment waits for a partition to heal.
    pub(super) stalled: bool,
    /// The time since which it waits.
    pub(super) stalled_since_ns: u64,
}

/// The sender's view of its peer's receive buffer.
#[derive(Default)]
pub(super) struct SendWindow {
    /// Bytes that were sent and that the peer has not read.
    pub(super) outstanding: usize,
    /// A writer waits for room.
    pub(super) awaited: bool,
}

/// One end of a connection.
pub(crate) struct Endpoint {
    pub(super) node: NodeId,
    /// The incarnation of the node that owns this end; 0 while no process does.
    pub(super) incarnation: u16,
    pub(super) address: SocketAddr,
    pub(super) description: Option<DescriptionId>,
    state: State,
    /// The handshake was completed at this end.
    established: bool,
    /// The process closed its socket or ended. Data that arrives is answered with a RST.
    orphaned: bool,
    /// `shutdown(SHUT_RD)`: the end is read where no data is left, though more may arrive.
    pub(super) read_shut: bool,
    pub(super) error: Errno,
    pub(super) received: Bytes,
    pub(super) window: SendWindow,
    pub(super) flight: Flight,
    /// The event that the next one at this end follows from.
    pub(super) cause: Seq,
    /// When a segment arrived last.
    pub(super) last_arrival_ns: u64,
    /// A keepalive probe is due.
    pub(super) probe_armed: bool,
}

impl Endpoint {
    pub(super) fn new(node: NodeId, address: SocketAddr, state: State) -> Self {
        Self {
            node,
            incarnation: 0,
            address,
            description: None,
            state,
            established: false,
            orphaned: false,
            read_shut: false,
            error: 0,
            received: Bytes::default(),
            window: SendWindow::default(),
            flight: Flight::default(),
            cause: Seq::NONE,
            last_arrival_ns: 0,
            probe_armed: false,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Returns whether the handshake has not been completed, even if the connection has failed since.
    #[inline]
    pub(super) fn is_connecting(&self) -> bool {
        !self.established && !self.is_gone()
    }

    /// Returns whether the handshake was completed and the process still owns this end.
    #[inline]
    pub(super) fn was_established(&self) -> bool {
        self.established && !self.is_gone()
    }

    /// Returns whether no process owns this end any more.
    #[inline]
    pub(super) fn is_gone(&self) -> bool {
        self.orphaned || self.state == State::Lost
    }

    /// Returns whether the machine lost power.
    #[inline]
    pub(super) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Returns whether the connection was reset, refused or timed out.
    #[inline]
    pub(super) fn is_reset(&self) -> bool {
        self.state == State::Closed
    }

    /// Returns whether data can still move.
    pub(super) fn is_alive(&self) -> bool {
        self.was_established() && !self.is_reset()
    }

    /// Returns whether the peer sends no more.
    #[inline]
    pub(super) fn has_received_fin(&self) -> bool {
        matches!(self.state, State::CloseWait | State::Closing | State::LastAck | State::TimeWait | State::Closed)
    }

    /// Returns whether this end sends no more.
    #[inline]
    pub(super) fn has_sent_fin(&self) -> bool {
        matches!(
            self.state,
            State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck | State::TimeWait | State::Closed
        )
    }

    /// Completes the handshake.
    pub(super) fn establish(&mut self) {
        self.established = true;
        if matches!(self.state, State::Listen | State::SynSent) {
            self.state = State::Established;
        }
    }

    /// Notes that this end sends its FIN. Returns `false` if it had sent one before.
    pub(super) fn send_fin(&mut self) -> bool {
        self.state = match self.state {
            State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            _ => return false,
        };
        true
    }

    /// Notes that the peer's FIN arrives.
    pub(super) fn receive_fin(&mut self) {
        self.state = match self.state {
            State::Established => State::CloseWait,
            State::FinWait1 => State::Closing,
            State::FinWait2 => State::TimeWait,
            state => state,
        };
    }

    /// Notes that the FIN of this end arrives.
    pub(super) fn acknowledge_fin(&mut self) {
        self.state = match self.state {
            State::FinWait1 => State::FinWait2,
            State::Closing => State::TimeWait,
            state => state,
        };
    }

    /// Ends the connection here with an error.
    pub(super) fn reset(&mut self, error: Errno) {
        self.state = State::Closed;
        self.error = error;
        self.flight.segments.clear();
    }

    /// Takes this end away from its process.
    pub(super) fn orphan(&mut self) {
        self.orphaned = true;
        self.disown();
    }

    /// Loses this end together with its machine's power.
    pub(super) fn lose(&mut self) {
        self.state = State::Lost;
        self.flight.segments.clear();
        self.disown();
    }

    fn disown(&mut self) {
        self.description = None;
        self.received.clear();
    }

    /// The epoll bits that this end is ready for.
    #[inline]
    pub(super) fn readiness(&self) -> u32 {
        let (received_fin, sent_fin) = (self.has_received_fin(), self.has_sent_fin());
        let mut ready = 0;
        if !self.received.is_empty() {
            ready |= IN;
        }
        if received_fin || self.read_shut {
            ready |= IN | RDHUP;
        }
        if received_fin && sent_fin {
            ready |= HUP;
        }
        if self.error != 0 {
            ready |= ERR | IN | OUT;
        }
        let has_room = self.window.outstanding < WINDOW_BYTES;
        if self.is_reset() || (self.was_established() && (has_room || sent_fin)) {
            ready |= OUT;
        }
        ready
    }
}
