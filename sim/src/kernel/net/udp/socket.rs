//! A UDP socket with its receive buffer, and datagrams in flight.
//! It sends nothing.

use crate::event::{NodeId, Seq};
use crate::kernel::Errno;
use crate::kernel::process::fd::readiness::{ERR, IN, OUT};
use crate::kernel::sink::Sink;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Linux's default receive buffer.
const BUFFER_BYTES: usize = 208 * 1024;

/// A UDP socket.
#[derive(Default)]
pub(crate) struct UdpSocket {
    pub(crate) v6: bool,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) receive_timeout_ns: Option<u64>,
    pub(crate) error: Errno,
    /// `shutdown` of reads: the end is read where nothing waits.
    pub(super) read_shut: bool,
    /// `IP_RECVTOS`: the receiver is given the traffic class of each datagram.
    pub(crate) reports_traffic: bool,
    /// `IP_PKTINFO`: the receiver is given the address that each datagram was sent to.
    pub(crate) reports_address: bool,
    /// `UDP_SEGMENT`: longer messages are cut into datagrams of this size; 0 for none.
    pub(crate) segment_bytes: u16,
    /// The traffic class of messages that name none.
    pub(crate) traffic: u8,
    received: VecDeque<Buffered>,
    buffered_bytes: usize,
}

/// A datagram in flight.
#[derive(Clone)]
pub(crate) struct Datagram {
    pub(super) from_node: NodeId,
    pub(super) to_node: NodeId,
    /// The incarnations of both nodes when it was sent.
    pub(super) incarnations: (u16, u16),
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) cause: Seq,
    pub(super) bytes: Vec<u8>,
    pub(super) traffic: u8,
}

/// A datagram in a receive buffer.
pub(super) struct Buffered {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) traffic: u8,
}

/// The ancillary data of a call that sends. The socket's options apply to what it leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The destination; the connected peer by default.
    pub(crate) to: Option<SocketAddr>,
    /// The traffic class.
    pub(crate) traffic: Option<u8>,
    /// The size of the datagrams that the bytes are cut into.
    pub(crate) segment_bytes: Option<u16>,
}

/// A datagram as its receiver takes it.
pub(crate) struct Received {
    /// The number of bytes copied.
    pub(crate) count: usize,
    /// The number of bytes that the datagram had.
    pub(crate) whole: usize,
    /// The sender.
    pub(crate) from: SocketAddr,
    /// The receiver's address that it was sent to.
    pub(crate) to: SocketAddr,
    /// The traffic class, with congestion marks in its low bits.
    pub(crate) traffic: u8,
}

impl UdpSocket {
    pub(crate) fn new(v6: bool) -> Self {
        Self { v6, ..Self::default() }
    }

    /// The number of bytes in the receive buffer.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// The size of the first datagram in the receive buffer.
    pub(super) fn first_bytes(&self) -> usize {
        self.received.front().map_or(0, |datagram| datagram.bytes.len())
    }

    #[inline]
    pub(super) fn ready_bits(&self) -> u32 {
        OUT | if !self.received.is_empty() || self.read_shut { IN } else { 0 } | if self.error != 0 { ERR } else { 0 }
    }

    /// Returns whether the receive buffer has room for so many bytes more.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.buffered_bytes + bytes <= BUFFER_BYTES
    }

    pub(super) fn buffer(&mut self, datagram: Buffered) {
        self.buffered_bytes += datagram.bytes.len();
        self.received.push_back(datagram);
    }

    /// Copies the first datagram, and removes it unless `peek`. Fails with the pending error, or `EAGAIN`.
    pub(super) fn take(&mut self, into: &mut dyn Sink, peek: bool) -> Result<Received, Errno> {
        if self.error != 0 {
            return Err(std::mem::take(&mut self.error));
        }
        let Some(Buffered { from, to, bytes, traffic }) = self.received.front() else {
            let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
            let end = Received { count: 0, whole: 0, from: nobody, to: nobody, traffic: 0 };
            return if self.read_shut { Ok(end) } else { Err(libc::EAGAIN) };
        };
        let count = bytes.len().min(into.len());
        into.put(0, &bytes[..count]);
        let received = Received { count, whole: bytes.len(), from: *from, to: *to, traffic: *traffic };
        if !peek {
            self.buffered_bytes -= received.whole;
            self.received.pop_front();
        }
        Ok(received)
    }
}
