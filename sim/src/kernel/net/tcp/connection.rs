//! Connections and their two ends, as data: sockets, segments in flight, what each end has heard.
//! Nothing moves here.

use super::Probing;
use crate::event::{NodeId, Seq};
use crate::kernel::Errno;
use crate::kernel::net::bytes::Bytes;
use crate::kernel::net::ports::{Net, Scope};
use crate::kernel::process::fd::description::DescriptionId;
use crate::kernel::process::fd::poll::{ERR, HUP, IN, OUT, RDHUP};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What one direction holds before its writer must wait: Linux's default receive buffer plus some of the sender's.
pub(crate) const WINDOW_BYTES: usize = 208 * 1024;

/// One end of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ref {
    pub(crate) index: u32,
    pub(crate) generation: u32,
    pub(crate) side: u8,
}

impl Ref {
    pub(crate) fn peer(self) -> Self {
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
    pub(crate) probing: Probing,
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
            probing: Probing::default(),
            error: 0,
        }
    }

    /// Its end of a connection, unless an error waits to be told first.
    #[inline]
    pub(crate) fn stream(&mut self) -> Result<Ref, Errno> {
        if self.error != 0 {
            return Err(std::mem::take(&mut self.error));
        }
        match self.state {
            SocketState::Stream(end) => Ok(end),
            _ => Err(libc::ENOTCONN),
        }
    }
}

pub(crate) enum Body {
    SynAck,
    Data(Vec<u8>),
    Fin,
    Rst,
    /// The reader made room.
    Window,
}

pub(crate) struct Segment {
    pub(crate) due_ns: u64,
    pub(crate) cause: Seq,
    pub(crate) body: Body,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Opening,
    Open,
    /// Its process closed it, or ended.
    Closed,
    /// Its machine lost power: it will never answer, not even with a reset, until the machine is back.
    Silent,
}

pub(crate) struct Side {
    pub(crate) node: NodeId,
    /// Whose life it is an end of; 0 while it has no process yet.
    pub(crate) incarnation: u16,
    pub(crate) address: SocketAddr,
    pub(crate) description: Option<DescriptionId>,
    pub(crate) stage: Stage,
    pub(crate) received: Bytes,
    /// The peer sends no more.
    pub(crate) ended: bool,
    /// This side reads no more.
    pub(crate) deaf: bool,
    /// This side sends no more.
    pub(crate) said_all: bool,
    pub(crate) reset: bool,
    pub(crate) error: Errno,
    /// Bytes that this side sent and its peer has not read.
    pub(crate) outstanding: usize,
    pub(crate) wants_room: bool,
    /// On their way from this side to its peer.
    pub(crate) flight: VecDeque<Segment>,
    pub(crate) last_due_ns: u64,
    pub(crate) sent: u64,
    pub(crate) retries: u32,
    /// Set while the head of the flight waits for a cut to heal.
    pub(crate) stalled: bool,
    pub(crate) cause: Seq,
    /// When something arrived last.
    pub(crate) heard_ns: u64,
    /// Since when data waits for a way that is cut.
    pub(crate) stalled_ns: u64,
    /// Whether a probe is due.
    pub(crate) probed: bool,
}

/// A connection with both its ends.
pub(crate) struct Connection {
    pub(crate) generation: u32,
    pub(crate) number: u32,
    pub(crate) who: u64,
    pub(crate) port: u16,
    pub(crate) scope: Scope,
    pub(crate) listener: Option<DescriptionId>,
    pub(crate) sides: [Side; 2],
}

impl Side {
    pub(crate) fn new(node: NodeId, address: SocketAddr, stage: Stage) -> Self {
        Self {
            node,
            incarnation: 0,
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
            heard_ns: 0,
            stalled_ns: 0,
            probed: false,
        }
    }

    pub(crate) fn readiness(&self) -> u32 {
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
    #[inline]
    pub(crate) fn at(&mut self, end: Ref) -> Option<&mut Connection> {
        self.connections.get_mut(end.index as usize).filter(|it| it.generation == end.generation)
    }

    #[inline]
    pub(crate) fn side(&mut self, end: Ref) -> Option<&mut Side> {
        self.at(end).map(|it| &mut it.sides[usize::from(end.side)])
    }

    #[inline]
    /// Its number, and which life of which node is at the other end.
    pub(crate) fn peer_life(&self, end: Ref) -> Option<(u32, NodeId, u16)> {
        let number = self.connections.get(end.index as usize)?.number;
        self.side_ref(end.peer()).map(|peer| (number, peer.node, peer.incarnation))
    }

    pub(crate) fn side_ref(&self, end: Ref) -> Option<&Side> {
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
