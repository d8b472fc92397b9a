//! Unix sockets inside a node: names on its disk and abstract ones, listeners, and datagrams.
//! A connected stream is a channel of `pipe`; what travels stays in the machine and takes no time.

use crate::event::{NodeId, Seq};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::{FileKind, InodeId};
use crate::kernel::net::pipe::End;
use crate::kernel::process::fd::description::{DescriptionId, Kind};
use crate::kernel::process::fd::poll::{HUP, IN, OUT};
use crate::kernel::sched::thread::ThreadId;
use std::collections::{BTreeMap, VecDeque};

/// `net.unix.max_dgram_qlen` as distributions set it.
const DATAGRAMS_MAX: usize = 512;
/// Linux's default send buffer, which bounds a datagram.
const DATAGRAM_BYTES_MAX: usize = 208 * 1024;

/// A Unix socket that is no connected stream: fresh, bound, listening, or one for datagrams.
#[derive(Default)]
pub(crate) struct UnixSocket {
    pub(crate) datagrams: bool,
    /// What it is bound to: a path, or an abstract name with its nul byte; empty if it is not bound.
    pub(crate) name: Vec<u8>,
    place: Option<CallSite>,
    /// How many may wait, if it listens.
    pub(crate) backlog: Option<usize>,
    waiting: VecDeque<DescriptionId>,
    /// Where datagrams go that name nobody.
    peer: Option<DescriptionId>,
    pub(crate) connected: bool,
    received: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// Who waits for room in here.
    senders: Vec<DescriptionId>,
}

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum CallSite {
    Abstract(Vec<u8>),
    File(InodeId),
}

/// What a socket shows of itself, whatever it has become.
#[derive(Clone, Debug, Default)]
pub(crate) struct Face {
    pub(crate) own: Vec<u8>,
    pub(crate) peer: Vec<u8>,
    pub(crate) receive_timeout_ns: Option<u64>,
    pub(crate) send_timeout_ns: Option<u64>,
}

/// Every name and face of Unix sockets.
#[derive(Default)]
pub(crate) struct Unix {
    bound: BTreeMap<(NodeId, CallSite), DescriptionId>,
    faces: BTreeMap<DescriptionId, Face>,
}

impl Unix {
    /// What a socket shows of itself.
    pub(crate) fn face(&self, id: DescriptionId) -> Face {
        self.faces.get(&id).cloned().unwrap_or_default()
    }

    /// As [`face`](Self::face), to be changed.
    pub(crate) fn face_mut(&mut self, id: DescriptionId) -> &mut Face {
        self.faces.entry(id).or_default()
    }

    /// How long a socket waits to receive and to send.
    #[inline]
    pub(crate) fn timeouts_ns(&self, id: DescriptionId) -> (u64, u64) {
        if self.faces.is_empty() {
            return (u64::MAX, u64::MAX);
        }
        let face = self.faces.get(&id);
        let or_never = |ns: Option<u64>| ns.unwrap_or(u64::MAX);
        face.map_or((u64::MAX, u64::MAX), |face| (or_never(face.receive_timeout_ns), or_never(face.send_timeout_ns)))
    }

    /// A socket is gone.
    pub(crate) fn forget(&mut self, id: DescriptionId) {
        if !self.faces.is_empty() {
            self.faces.remove(&id);
        }
    }
}

/// A datagram as its receiver takes it.
pub(crate) struct UnixReceived {
    pub(crate) count: usize,
    pub(crate) whole: usize,
    /// What its sender is bound to.
    pub(crate) from: Vec<u8>,
}

/// How many may wait for a listener that asks for so many: `net.core.somaxconn` at most, and that many if it asks for a
/// negative number, which Linux takes for a large one.
pub(crate) fn backlog_of(asked: i32) -> usize {
    const SOMAXCONN: usize = 4_096;
    usize::try_from(asked).map_or(SOMAXCONN, |asked| asked.min(SOMAXCONN))
}

impl UnixSocket {
    pub(crate) fn new(datagrams: bool) -> Self {
        Self { datagrams, ..Self::default() }
    }

    /// Bytes that arrived and were not read.
    pub(crate) fn unread_bytes(&self) -> u64 {
        self.received.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }
}

impl Kernel {
    pub(crate) fn unix_socket(&mut self, id: DescriptionId) -> Result<&mut UnixSocket, Errno> {
        match &mut self.process.descriptions.get_mut(id).ok_or(libc::EBADF)?.kind {
            Kind::Unix(socket) => Ok(socket),
            _ => Err(libc::EINVAL),
        }
    }

    /// What a Unix socket is ready for.
    pub(crate) fn unix_readiness(&self, socket: &UnixSocket) -> u32 {
        if !socket.datagrams {
            return if socket.backlog.is_none() {
                OUT | HUP
            } else if socket.waiting.is_empty() {
                0
            } else {
                IN
            };
        }
        let full = socket.peer.is_some_and(|peer| match self.process.descriptions.get(peer).map(|it| &it.kind) {
            Some(Kind::Unix(peer)) => peer.received.len() >= DATAGRAMS_MAX,
            _ => false,
        });
        (if full { 0 } else { OUT }) | if socket.received.is_empty() { 0 } else { IN }
    }

    fn unix_place(&mut self, me: ThreadId, name: &[u8]) -> Result<CallSite, Errno> {
        if let [0, rest @ ..] = name {
            return Ok(CallSite::Abstract(rest.to_vec()));
        }
        let at = self.directory(me, libc::AT_FDCWD)?;
        let disk = self.process[self.sched.threads[me].node].disk();
        let inode = disk.lookup(at, name, true)?;
        if disk.kind(inode)? != FileKind::Socket {
            return Err(libc::ECONNREFUSED);
        }
        Ok(CallSite::File(inode))
    }

    fn unix_find(&mut self, me: ThreadId, name: &[u8]) -> Result<DescriptionId, Errno> {
        let place = self.unix_place(me, name)?;
        let node = self.sched.threads[me].node;
        // A file that nobody is bound to is what an earlier life left.
        self.net.unix.bound.get(&(node, place)).copied().ok_or(libc::ECONNREFUSED)
    }

    /// `bind`. A path becomes a file of the disk, which stays when the socket goes.
    pub(crate) fn unix_bind(&mut self, me: ThreadId, id: DescriptionId, name: &[u8]) -> Result<(), Errno> {
        if self.unix_socket(id)?.place.is_some() {
            return Err(libc::EINVAL);
        }
        let node = self.sched.threads[me].node;
        let place = match name {
            [] => return Err(libc::EINVAL),
            [0, rest @ ..] => CallSite::Abstract(rest.to_vec()),
            path => {
                let (at, now) = (self.directory(me, libc::AT_FDCWD)?, self.wall_ns(node));
                let it = &mut self.process[node];
                let mode = 0o777 & !it.storage.umask();
                let made = it.disk().make_socket(at, path, mode, now);
                let inode = made.map_err(|errno| if errno == libc::EEXIST { libc::EADDRINUSE } else { errno })?;
                self.entry_changed(me, path);
                CallSite::File(inode)
            }
        };
        if self.net.unix.bound.contains_key(&(node, place.clone())) {
            return Err(libc::EADDRINUSE);
        }
        self.net.unix.bound.insert((node, place.clone()), id);
        self.net.unix.face_mut(id).own = name.to_vec();
        let socket = self.unix_socket(id)?;
        socket.name = name.to_vec();
        socket.place = Some(place);
        Ok(())
    }

    /// `listen`.
    pub(crate) fn unix_listen(&mut self, id: DescriptionId, backlog: i32) -> Result<(), Errno> {
        let socket = self.unix_socket(id)?;
        if socket.datagrams {
            return Err(libc::EOPNOTSUPP);
        }
        if socket.place.is_none() {
            return Err(libc::EINVAL);
        }
        socket.backlog = Some(backlog_of(backlog));
        Ok(())
    }

    /// `connect`. `EAGAIN` when the listener has no room; then the caller waits for a change of the description that is
    /// given beside it.
    pub(crate) fn unix_connect(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        name: Option<&[u8]>,
    ) -> Result<(), (Errno, DescriptionId)> {
        let error = |errno| (errno, id);
        if matches!(self.process.descriptions.get(id).map(|it| &it.kind), Some(Kind::Pipe(_))) {
            return Err(error(libc::EISCONN));
        }
        let datagrams = self.unix_socket(id).map_err(error)?.datagrams;
        let Some(name) = name else {
            let socket = self.unix_socket(id).map_err(error)?;
            (socket.peer, socket.connected) = (None, false);
            return if datagrams { Ok(()) } else { Err(error(libc::EINVAL)) };
        };
        let to = self.unix_find(me, name).map_err(error)?;
        let other = self.unix_socket(to).map_err(error)?;
        if other.datagrams != datagrams {
            return Err(error(libc::EPROTOTYPE));
        }
        if datagrams {
            let socket = self.unix_socket(id).map_err(error)?;
            (socket.peer, socket.connected) = (Some(to), true);
            self.net.unix.face_mut(id).peer = name.to_vec();
            return Ok(());
        }
        let Some(backlog) = other.backlog else { return Err(error(libc::ECONNREFUSED)) };
        if other.waiting.len() > backlog {
            return Err((libc::EAGAIN, to));
        }
        if self.unix_socket(id).map_err(error)?.backlog.is_some() {
            return Err(error(libc::EINVAL));
        }
        let (there, back) = (self.net.pipes.stream(), self.net.pipes.stream());
        let ours = End { reads: Some(back), writes: Some(there) };
        let theirs = End { reads: Some(there), writes: Some(back) };
        self.net.pipes.attach(&ours, id);
        if let Some(description) = self.process.descriptions.get_mut(id) {
            description.kind = Kind::Pipe(ours);
        }
        let node = self.sched.threads[me].node;
        let (reads, writes) = (theirs.reads, theirs.writes);
        let accepted = self.process.descriptions.add(node, false, Kind::Pipe(theirs));
        self.net.pipes.attach(&End { reads, writes }, accepted);
        let own = self.net.unix.face(id).own;
        self.net.unix.face_mut(id).peer = name.to_vec();
        *self.net.unix.face_mut(accepted) = Face { own: name.to_vec(), peer: own, ..Face::default() };
        self.unix_socket(to).map_err(error)?.waiting.push_back(accepted);
        let cause = self.sched.threads[me].cause;
        self.notify(to, IN, cause);
        self.notify(id, OUT, cause);
        Ok(())
    }

    /// `accept`, once somebody waits.
    pub(crate) fn unix_accept(&mut self, me: ThreadId, id: DescriptionId) -> Result<DescriptionId, Errno> {
        let socket = self.unix_socket(id)?;
        if socket.datagrams {
            return Err(libc::EOPNOTSUPP);
        }
        if socket.backlog.is_none() {
            return Err(libc::EINVAL);
        }
        let new = socket.waiting.pop_front().ok_or(libc::EAGAIN)?;
        let cause = self.sched.threads[me].cause;
        self.notify(id, 0, cause);
        Ok(new)
    }

    /// Two sockets for datagrams that are each other's peers.
    pub(crate) fn unix_pair(&mut self, node: NodeId, nonblocking: bool) -> (DescriptionId, DescriptionId) {
        let mut one = || self.process.descriptions.add(node, nonblocking, Kind::Unix(UnixSocket::new(true)));
        let (a, b) = (one(), one());
        for (id, peer) in [(a, b), (b, a)] {
            if let Ok(socket) = self.unix_socket(id) {
                (socket.peer, socket.connected) = (Some(peer), true);
            }
        }
        (a, b)
    }

    /// Sends a datagram; without a name, to the peer. `EAGAIN` when the receiver has no room.
    pub(crate) fn unix_send(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        bytes: &[u8],
        to: Option<&[u8]>,
    ) -> Result<usize, Errno> {
        let socket = self.unix_socket(id)?;
        let (datagrams, peer, connected, from) = (socket.datagrams, socket.peer, socket.connected, socket.name.clone());
        if !datagrams {
            return Err(if to.is_some() { libc::EOPNOTSUPP } else { libc::ENOTCONN });
        }
        if bytes.len() > DATAGRAM_BYTES_MAX {
            return Err(libc::EMSGSIZE);
        }
        let to = match to {
            Some(name) => self.unix_find(me, name)?,
            None if connected => peer.ok_or(libc::ECONNREFUSED)?,
            None => return Err(libc::ENOTCONN),
        };
        let other = self.unix_socket(to).map_err(|_| libc::ECONNREFUSED)?;
        if !other.datagrams {
            return Err(libc::EPROTOTYPE);
        }
        if other.received.len() >= DATAGRAMS_MAX {
            if !other.senders.contains(&id) {
                other.senders.push(id);
            }
            return Err(libc::EAGAIN);
        }
        other.received.push_back((from, bytes.to_vec()));
        let cause = self.sched.threads[me].cause;
        self.notify(to, IN, cause);
        Ok(bytes.len())
    }

    /// Receives a datagram. `EAGAIN` when there is nothing yet.
    pub(crate) fn unix_receive(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        into: &mut [u8],
        peek: bool,
    ) -> Result<UnixReceived, Errno> {
        let socket = self.unix_socket(id)?;
        if !socket.datagrams {
            return Err(libc::EINVAL);
        }
        let (from, bytes) = socket.received.front().ok_or(libc::EAGAIN)?;
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        let received = UnixReceived { count, whole: bytes.len(), from: from.clone() };
        if !peek {
            socket.received.pop_front();
            let cause = self.sched.threads[me].cause;
            for sender in std::mem::take(&mut self.unix_socket(id)?.senders) {
                self.notify(sender, OUT, cause);
            }
        }
        Ok(received)
    }

    /// A socket's last descriptor is closed, or its process ended. Its file stays.
    pub(crate) fn unix_close(&mut self, node: NodeId, id: DescriptionId, socket: UnixSocket) {
        if let Some(place) = socket.place {
            self.net.unix.bound.remove(&(node, place));
        }
        for waiting in socket.waiting {
            self.let_go(waiting, crate::kernel::net::tcp::Parting::Finish);
        }
        for sender in socket.senders {
            self.notify(sender, OUT, Seq::NONE);
        }
        // A number comes back: nobody's peer may become another socket.
        if socket.datagrams {
            self.unix_lose_peer(node, id);
        }
        self.net.unix.forget(id);
    }

    fn unix_lose_peer(&mut self, node: NodeId, gone: DescriptionId) {
        let descriptions: Vec<_> = self.process[node].descriptors.iter().map(|(_, id, _)| id).collect();
        for other in descriptions {
            if let Ok(socket) = self.unix_socket(other)
                && socket.peer == Some(gone)
            {
                socket.peer = None;
                self.notify(other, OUT, Seq::NONE);
            }
        }
    }
}
