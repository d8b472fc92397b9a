//! Pipes and connected Unix streams as descriptors.
//! Their streams are in `pipe`.

use crate::event::{NodeId, Seq, Socket, SocketStatus, Transport};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::net::pipe::PipeEnd;
use crate::kernel::net::unix::shown;
use crate::kernel::process::fd::description::Parting;
use crate::kernel::process::fd::file_description::{Attempt, FileDescription};
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::process::fd::readiness::{HUP, IN, OUT, RDHUP};
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sink::Sink;

impl FileDescription for PipeEnd {
    fn read(kernel: &mut Kernel, attempt: &mut Attempt<'_>, into: &mut impl Sink) -> Result<Blocking<usize>, Errno> {
        let (me, id, manner) = (attempt.me(), attempt.id(), attempt.manner());
        let Some(Kind::Pipe(end)) = kernel.process.description(id).map(|description| description.kind()) else {
            return Err(libc::EBADF);
        };
        let outcome = kernel.net.pipes.read(end, into, manner.peek).map(|(count, writer)| {
            if let Some(writer) = writer {
                let cause = kernel.sched[me].cause();
                kernel.notify(writer, OUT, cause);
            }
            kernel.report_signal_read(me, id);
            count
        });
        let timeout_ns = kernel.net.unix.timeouts_ns(id).0;
        attempt.finish_read(kernel, into.len(), outcome, timeout_ns)
    }

    fn write(kernel: &mut Kernel, attempt: &mut Attempt<'_>, from: &[u8]) -> Result<Blocking<usize>, Errno> {
        let (me, id) = (attempt.me(), attempt.id());
        let Some(Kind::Pipe(end)) = kernel.process.description(id).map(|description| description.kind()) else {
            return Err(libc::EBADF);
        };
        let outcome = kernel.net.pipes.write(end, attempt.rest(from)).map(|(count, reader)| {
            if let Some(reader) = reader {
                let cause = kernel.sched[me].cause();
                kernel.notify(reader, IN, cause);
            }
            count
        });
        let timeout_ns = kernel.net.unix.timeouts_ns(id).1;
        attempt.finish_stream_write(kernel, from.len(), outcome, timeout_ns)
    }

    #[inline]
    fn readiness(&self, kernel: &Kernel) -> u32 {
        kernel.net.pipes.readiness(self)
    }

    fn readable_bytes(&self, kernel: &Kernel, _node: NodeId) -> Result<usize, Errno> {
        Ok(kernel.net.pipes.unread_bytes(self))
    }

    fn status_flags(&self) -> i32 {
        match (self.is_reader(), self.is_writer()) {
            (true, false) => libc::O_RDONLY,
            (false, true) => libc::O_WRONLY,
            _ => libc::O_RDWR,
        }
    }

    fn close(self, kernel: &mut Kernel, _node: NodeId, id: DescriptionId, _parting: Parting) {
        kernel.net.unix.forget(id);
        for other in kernel.net.pipes.detach(&self) {
            kernel.notify(other, IN | OUT | HUP, Seq::NONE);
        }
    }

    fn socket(&self, kernel: &Kernel, id: DescriptionId, bare: Socket) -> Option<Socket> {
        if !self.is_socket() {
            return None;
        }
        let attributes = kernel.net.unix.attributes(id);
        Some(Socket {
            transport: Transport::Unix,
            status: SocketStatus::Established,
            local: shown(&attributes.own),
            peer: shown(&attributes.peer),
            unread_bytes: kernel.net.pipes.unread_bytes(self) as u64,
            ..bare
        })
    }
}

impl Kernel {
    /// `shutdown` of a connected Unix stream.
    pub(crate) fn shut_channel(&mut self, id: DescriptionId, how: i32) {
        let Some(Kind::Pipe(end)) = self.process.description(id).map(|description| description.kind()) else {
            return;
        };
        let (reads, writes) = (how != libc::SHUT_WR, how != libc::SHUT_RD);
        for changed in self.net.pipes.shut(end, reads, writes).into_iter().chain([id]) {
            self.notify(changed, IN | OUT | RDHUP, Seq::NONE);
        }
    }

    /// A pipe, or a pair of connected Unix streams: two descriptions that have no number yet.
    pub(crate) fn add_channel(
        &mut self,
        node: NodeId,
        both_ways: bool,
        nonblocking: bool,
    ) -> (DescriptionId, DescriptionId) {
        let (one, other) = if both_ways { self.net.pipes.pair() } else { self.net.pipes.pipe() };
        (self.add_channel_end(node, nonblocking, one), self.add_channel_end(node, nonblocking, other))
    }

    /// A description for an end.
    pub(super) fn add_channel_end(&mut self, node: NodeId, nonblocking: bool, end: PipeEnd) -> DescriptionId {
        let id = self.process.open(node, nonblocking, Kind::Pipe(end));
        self.attach_channel_end(id);
        id
    }

    /// Connects the end that a description holds to it.
    pub(super) fn attach_channel_end(&mut self, id: DescriptionId) {
        if let Some(Kind::Pipe(end)) = self.process.description(id).map(|description| description.kind()) {
            self.net.pipes.attach(end, id);
        }
    }

    /// A read from a copy of a channel that was opened outside the run reports the signal whose handler wrote there.
    #[inline]
    fn report_signal_read(&mut self, me: ThreadId, id: DescriptionId) {
        let node = &self.process[self.sched[me].node()];
        if node.descriptors().is_mirror(id)
            && let Some(signal) = node.stops().last_signal()
        {
            self.relay_signal(me, signal);
        }
    }
}
