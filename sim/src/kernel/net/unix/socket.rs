//! A Unix socket that is no connected stream: new, bound, listening, or one for datagrams.

use crate::kernel::Errno;
use crate::kernel::fs::disk::InodeId;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::sink::Sink;
use std::collections::VecDeque;

/// `net.unix.max_dgram_qlen` as distributions set it.
const DATAGRAMS_MAX: usize = 512;

/// A Unix socket.
#[derive(Default)]
pub(crate) struct UnixSocket {
    datagrams: bool,
    /// The name that it is bound to: a path, or an abstract name with its NUL byte; empty if it is not bound.
    pub(super) name: Vec<u8>,
    pub(super) address: Option<Address>,
    /// The length of the queue, if it listens.
    pub(super) backlog: Option<usize>,
    /// Connections that wait to be accepted.
    pub(super) queue: VecDeque<DescriptionId>,
    /// The destination of datagrams that name none.
    pub(super) peer: Option<DescriptionId>,
    pub(super) connected: bool,
    received: VecDeque<UnixDatagram>,
    /// Sockets that wait for room in `received`.
    senders: Vec<DescriptionId>,
}

/// The object that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    Abstract(Vec<u8>),
    File(InodeId),
}

struct UnixDatagram {
    /// The name that its sender was bound to.
    from: Vec<u8>,
    bytes: Vec<u8>,
}

/// A datagram as its receiver takes it.
pub(crate) struct UnixReceived {
    /// The number of bytes copied.
    pub(crate) count: usize,
    /// The number of bytes that the datagram had.
    pub(crate) whole: usize,
    /// The name that its sender was bound to.
    pub(crate) from: Vec<u8>,
}

/// The length of the queue that a call to `listen` gets: at most `net.core.somaxconn`, which a negative number asks for too,
/// since Linux takes it for a large one.
pub(crate) fn backlog_of(asked: i32) -> usize {
    const SOMAXCONN: usize = 4_096;
    usize::try_from(asked).map_or(SOMAXCONN, |asked| asked.min(SOMAXCONN))
}

/// A socket's name as text; an abstract one has `@` for its NUL byte.
pub(crate) fn shown(name: &[u8]) -> String {
    match name {
        [0, rest @ ..] => format!("@{}", String::from_utf8_lossy(rest)),
        path => String::from_utf8_lossy(path).into_owned(),
    }
}

impl UnixSocket {
    pub(crate) fn new(datagrams: bool) -> Self {
        Self { datagrams, ..Self::default() }
    }

    /// Returns whether it is a datagram socket.
    pub(crate) fn has_datagrams(&self) -> bool {
        self.datagrams
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.backlog.is_some()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    pub(super) fn is_full(&self) -> bool {
        self.received.len() >= DATAGRAMS_MAX
    }

    pub(super) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    /// The number of bytes in the queue.
    pub(super) fn unread_bytes(&self) -> usize {
        self.received.iter().map(|datagram| datagram.bytes.len()).sum()
    }

    /// The size of the first datagram in the queue.
    pub(super) fn first_bytes(&self) -> usize {
        self.received.front().map_or(0, |datagram| datagram.bytes.len())
    }

    /// Registers a socket that waits for room.
    pub(super) fn wait_for_room(&mut self, sender: DescriptionId) {
        if !self.senders.contains(&sender) {
            self.senders.push(sender);
        }
    }

    pub(super) fn take_senders(&mut self) -> Vec<DescriptionId> {
        std::mem::take(&mut self.senders)
    }

    pub(super) fn push(&mut self, from: Vec<u8>, bytes: Vec<u8>) {
        self.received.push_back(UnixDatagram { from, bytes });
    }

    /// Copies the first datagram, and removes it unless `peek`. Fails with `EAGAIN` if there is none.
    pub(super) fn take(&mut self, into: &mut dyn Sink, peek: bool) -> Result<UnixReceived, Errno> {
        let UnixDatagram { from, bytes } = self.received.front().ok_or(libc::EAGAIN)?;
        let count = bytes.len().min(into.len());
        into.put(0, &bytes[..count]);
        let received = UnixReceived { count, whole: bytes.len(), from: from.clone() };
        if !peek {
            self.received.pop_front();
        }
        Ok(received)
    }
}
