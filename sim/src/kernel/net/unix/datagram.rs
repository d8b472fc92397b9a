//! Datagrams between Unix sockets.

use super::socket::{UnixReceived, UnixSocket};
use crate::event::{NodeId, Seq};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::process::fd::readiness::{IN, OUT};
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sink::Sink;

/// Linux's default send buffer, which bounds a datagram.
const DATAGRAM_BYTES_MAX: usize = 208 * 1024;

impl Kernel {
    /// Two datagram sockets that are each other's peers.
    pub(crate) fn unix_pair(&mut self, node: NodeId, nonblocking: bool) -> (DescriptionId, DescriptionId) {
        let mut one = || self.process.open(node, nonblocking, Kind::Unix(UnixSocket::new(true)));
        let (a, b) = (one(), one());
        for (id, peer) in [(a, b), (b, a)] {
            if let Ok(socket) = self.unix_socket(id) {
                (socket.peer, socket.connected) = (Some(peer), true);
            }
        }
        (a, b)
    }

    /// Sends a datagram to a name, or to the peer. Fails with `EAGAIN` while the receiver's queue is full.
    pub(crate) fn unix_send(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        bytes: &[u8],
        to: Option<&[u8]>,
    ) -> Result<usize, Errno> {
        let socket = self.unix_socket(id)?;
        let (datagrams, peer, connected) = (socket.has_datagrams(), socket.peer, socket.is_connected());
        let from = socket.name.clone();
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
        let receiver = self.unix_socket(to).map_err(|_| libc::ECONNREFUSED)?;
        if !receiver.has_datagrams() {
            return Err(libc::EPROTOTYPE);
        }
        if receiver.is_full() {
            receiver.wait_for_room(id);
            return Err(libc::EAGAIN);
        }
        receiver.push(from, bytes.to_vec());
        let cause = self.sched[me].cause();
        self.notify(to, IN, cause);
        Ok(bytes.len())
    }

    /// Receives a datagram. Fails with `EAGAIN` while there is none.
    pub(crate) fn unix_receive(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        into: &mut dyn Sink,
        peek: bool,
    ) -> Result<UnixReceived, Errno> {
        let socket = self.unix_socket(id)?;
        if !socket.has_datagrams() {
            return Err(libc::EINVAL);
        }
        let received = socket.take(into, peek)?;
        if !peek {
            let senders = socket.take_senders();
            let cause = self.sched[me].cause();
            for sender in senders {
                self.notify(sender, OUT, cause);
            }
        }
        Ok(received)
    }

    /// Takes a socket that is gone from those whose peer it is: its number may be given to another one.
    pub(super) fn unix_lose_peer(&mut self, node: NodeId, gone: DescriptionId) {
        let descriptions: Vec<_> = self.process[node].descriptors().iter().map(|(_, id, _)| id).collect();
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
