//! Unix sockets as descriptors, except for connected streams.

use super::socket::{UnixSocket, shown};
use crate::event::{NodeId, Seq, Socket, SocketStatus, Transport};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::process::fd::description::Parting;
use crate::kernel::process::fd::file_description::{Attempt, FileDescription};
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::process::fd::readiness::{HUP, IN, OUT};
use crate::kernel::sink::Sink;

impl FileDescription for UnixSocket {
    fn read(kernel: &mut Kernel, attempt: &mut Attempt<'_>, into: &mut impl Sink) -> Result<Blocking<usize>, Errno> {
        let (me, id, manner) = (attempt.me(), attempt.id(), attempt.manner());
        let outcome = kernel.unix_receive(me, id, into, manner.peek).map(|received| received.count);
        let timeout_ns = kernel.net.unix.timeouts_ns(id).0;
        attempt.finish_read(kernel, into.len(), outcome, timeout_ns)
    }

    fn write(kernel: &mut Kernel, attempt: &mut Attempt<'_>, from: &[u8]) -> Result<Blocking<usize>, Errno> {
        let (me, id) = (attempt.me(), attempt.id());
        let outcome = kernel.unix_send(me, id, from, None);
        let timeout_ns = kernel.net.unix.timeouts_ns(id).1;
        attempt.finish_write(kernel, outcome, timeout_ns)
    }

    fn readiness(&self, kernel: &Kernel) -> u32 {
        if !self.has_datagrams() {
            return if !self.is_listening() {
                OUT | HUP
            } else if self.queue.is_empty() {
                0
            } else {
                IN
            };
        }
        let peer = self.peer.and_then(|peer| kernel.process.description(peer));
        let is_full = peer.is_some_and(|peer| matches!(peer.kind(), Kind::Unix(peer) if peer.is_full()));
        (if is_full { 0 } else { OUT }) | if self.has_received() { IN } else { 0 }
    }

    fn readable_bytes(&self, _kernel: &Kernel, _node: NodeId) -> Result<usize, Errno> {
        if self.is_listening() { Err(libc::EINVAL) } else { Ok(self.first_bytes()) }
    }

    /// Closes a socket. Its file stays.
    fn close(mut self, kernel: &mut Kernel, node: NodeId, id: DescriptionId, _parting: Parting) {
        if let Some(address) = self.address.take() {
            kernel.net.unix.unbind(node, address);
        }
        let senders = self.take_senders();
        for waiting in std::mem::take(&mut self.queue) {
            kernel.release(waiting, Parting::Finish);
        }
        for sender in senders {
            kernel.notify(sender, OUT, Seq::NONE);
        }
        if self.has_datagrams() {
            kernel.unix_lose_peer(node, id);
        }
        kernel.net.unix.forget(id);
    }

    fn socket(&self, kernel: &Kernel, id: DescriptionId, bare: Socket) -> Option<Socket> {
        let status = if self.is_listening() {
            SocketStatus::Listening
        } else if self.is_connected() {
            SocketStatus::Established
        } else if self.name.is_empty() {
            SocketStatus::Fresh
        } else {
            SocketStatus::Bound
        };
        let attributes = kernel.net.unix.attributes(id);
        Some(Socket {
            transport: Transport::Unix,
            status,
            local: shown(&attributes.own),
            peer: shown(&attributes.peer),
            unread_bytes: self.unread_bytes() as u64,
            ..bare
        })
    }
}
