//! UDP sockets as descriptors.

use super::socket::{Outgoing, UdpSocket};
use crate::event::{Leak, NodeId, Socket, SocketStatus, Transport};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::net::ports;
use crate::kernel::process::fd::description::Parting;
use crate::kernel::process::fd::file_description::{Attempt, FileDescription};
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::sink::Sink;

impl FileDescription for UdpSocket {
    fn read(kernel: &mut Kernel, attempt: &mut Attempt<'_>, into: &mut impl Sink) -> Result<Blocking<usize>, Errno> {
        let Some(socket) = kernel.process.udp(attempt.id()) else { return Err(libc::EBADF) };
        let timeout_ns = socket.receive_timeout_ns.unwrap_or(u64::MAX);
        let outcome = socket.take(into, attempt.manner().peek).map(|received| received.count);
        attempt.finish_read(kernel, into.len(), outcome, timeout_ns)
    }

    fn write(kernel: &mut Kernel, attempt: &mut Attempt<'_>, from: &[u8]) -> Result<Blocking<usize>, Errno> {
        let outcome = kernel.udp_send(attempt.me(), attempt.id(), from, Outgoing::default());
        attempt.finish_write(kernel, outcome, u64::MAX)
    }

    #[inline]
    fn readiness(&self, _kernel: &Kernel) -> u32 {
        self.ready_bits()
    }

    fn readable_bytes(&self, _kernel: &Kernel, _node: NodeId) -> Result<usize, Errno> {
        Ok(self.first_bytes())
    }

    fn close(self, kernel: &mut Kernel, node: NodeId, id: DescriptionId, _parting: Parting) {
        if let Some(local) = self.local {
            kernel.net.ports.unbind(node, local.port(), ports::Transport::Udp, id);
        }
    }

    fn leak(&self, _kernel: &Kernel, _node: NodeId) -> Option<(Leak, String)> {
        Some((Leak::Socket, String::new()))
    }

    fn socket(&self, _kernel: &Kernel, _id: DescriptionId, bare: Socket) -> Option<Socket> {
        let status = match (self.local, self.peer) {
            (_, Some(_)) => SocketStatus::Established,
            (Some(_), None) => SocketStatus::Bound,
            (None, None) => SocketStatus::Fresh,
        };
        Some(Socket {
            transport: Transport::Udp,
            status,
            local: self.local.map(|address| address.to_string()).unwrap_or_default(),
            peer: self.peer.map(|address| address.to_string()).unwrap_or_default(),
            unread_bytes: self.buffered_bytes() as u64,
            ..bare
        })
    }
}
