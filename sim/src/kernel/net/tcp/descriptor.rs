//! TCP sockets as descriptors.

use super::endpoint::Endpoint;
use super::socket::{LastUse, SocketState, TcpSocket};
use crate::event::{Leak, NodeId, Socket, SocketStatus, Transport};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::process::fd::description::Parting;
use crate::kernel::process::fd::file_description::{Attempt, FileDescription};
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::readiness::{ERR, HUP, IN, OUT, RDHUP};
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sink::Sink;

/// A use by this thread, now.
#[inline]
fn last_use(kernel: &Kernel, me: ThreadId) -> LastUse {
    let thread = &kernel.sched[me];
    LastUse { thread: thread.number(), task: thread.poll().task(), at_ns: kernel.sched.now_ns() }
}

impl FileDescription for TcpSocket {
    #[inline(always)]
    fn read(kernel: &mut Kernel, attempt: &mut Attempt<'_>, into: &mut impl Sink) -> Result<Blocking<usize>, Errno> {
        let (me, id, manner) = (attempt.me(), attempt.id(), attempt.manner());
        let used = last_use(kernel, me);
        let Some(socket) = kernel.process.tcp(id) else { return Err(libc::EBADF) };
        socket.used = used;
        let timeout_ns = socket.receive_timeout_ns;
        let outcome = match socket.endpoint() {
            Ok(end) => {
                let received = kernel.tcp_receive(end, into, manner.peek);
                if !manner.peek && received.is_ok_and(|count| count > 0) {
                    kernel.check_read(me, end);
                }
                received
            }
            Err(errno) => Err(errno),
        };
        attempt.finish_read(kernel, into.len(), outcome, timeout_ns)
    }

    #[inline(always)]
    fn write(kernel: &mut Kernel, attempt: &mut Attempt<'_>, from: &[u8]) -> Result<Blocking<usize>, Errno> {
        let (me, id) = (attempt.me(), attempt.id());
        let used = last_use(kernel, me);
        let Some(socket) = kernel.process.tcp(id) else { return Err(libc::EBADF) };
        socket.used = used;
        let timeout_ns = socket.send_timeout_ns;
        let outcome = match socket.endpoint() {
            Ok(end) => kernel.tcp_send(me, end, attempt.rest(from)),
            // As Linux answers a writer.
            Err(libc::ENOTCONN) => Err(libc::EPIPE),
            Err(errno) => Err(errno),
        };
        attempt.finish_stream_write(kernel, from.len(), outcome, timeout_ns)
    }

    #[inline(always)]
    fn readiness(&self, kernel: &Kernel) -> u32 {
        let own = if self.error != 0 { ERR | IN | OUT } else { 0 };
        own | match &self.state {
            SocketState::Unbound | SocketState::Bound => OUT | HUP,
            SocketState::Listening { queue, .. } => {
                if queue.is_empty() {
                    0
                } else {
                    IN
                }
            }
            SocketState::Connected(end) => kernel.net.connections.end(*end).map_or(0, Endpoint::readiness),
            SocketState::Shut => IN | OUT | HUP | RDHUP,
        }
    }

    fn readable_bytes(&self, kernel: &Kernel, _node: NodeId) -> Result<usize, Errno> {
        match &self.state {
            SocketState::Listening { .. } => Err(libc::EINVAL),
            SocketState::Connected(end) => Ok(kernel.net.connections.end(*end).map_or(0, |end| end.received.len())),
            _ => Ok(0),
        }
    }

    fn close(self, kernel: &mut Kernel, node: NodeId, id: DescriptionId, parting: Parting) {
        kernel.tcp_close(node, id, self, parting);
    }

    fn leak(&self, _kernel: &Kernel, _node: NodeId) -> Option<(Leak, String)> {
        Some(match self.local {
            Some(address) if self.is_listening() => (Leak::Listener, address.to_string()),
            _ => (Leak::Socket, String::new()),
        })
    }

    fn socket(&self, kernel: &Kernel, _id: DescriptionId, bare: Socket) -> Option<Socket> {
        let local = self.local.map(|address| address.to_string()).unwrap_or_default();
        let bare = Socket { transport: Transport::Tcp, status: SocketStatus::Fresh, ..bare };
        Some(Socket { local, ..kernel.net.connections.list(bare, self) })
    }
}
