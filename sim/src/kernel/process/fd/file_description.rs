//! The operations that every kind of description has, and the defaults for kinds that lack one.
//! The implementation for a kind is in that kind's own file.

use super::description::Parting;
use super::id::DescriptionId;
use super::kind::{EventCounter, Inert, Kind};
use super::timer::Timer;
use crate::event::{Leak, NodeId, Socket};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::fs::disk::OpenFile;
use crate::kernel::net::pipe::PipeEnd;
use crate::kernel::net::tcp::TcpSocket;
use crate::kernel::net::udp::UdpSocket;
use crate::kernel::net::unix::UnixSocket;
use crate::kernel::process::fd::epoll_instance::Epoll;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::kernel::sink::Sink;

/// A kind of description. It does not support the operations that it does not override.
pub(crate) trait FileDescription: Sized {
    /// One attempt at a read.
    fn read(_kernel: &mut Kernel, _attempt: &mut Attempt<'_>, _into: &mut impl Sink) -> Result<Blocking<usize>, Errno> {
        Err(libc::EINVAL)
    }

    /// One attempt at a write.
    fn write(_kernel: &mut Kernel, _attempt: &mut Attempt<'_>, _from: &[u8]) -> Result<Blocking<usize>, Errno> {
        Err(libc::EINVAL)
    }

    /// The epoll bits that it is ready for.
    fn readiness(&self, kernel: &Kernel) -> u32;

    /// Returns whether `epoll_ctl` accepts it.
    fn can_be_watched(&self) -> bool {
        true
    }

    /// Returns whether its readiness comes from outside the process.
    fn is_external(&self) -> bool {
        true
    }

    /// The number of bytes that can be read at once: `FIONREAD`.
    fn readable_bytes(&self, _kernel: &Kernel, _node: NodeId) -> Result<usize, Errno> {
        Err(libc::ENOTTY)
    }

    /// The access mode and the flags that `fcntl(F_GETFL)` shows, except for `O_NONBLOCK`.
    fn status_flags(&self) -> i32 {
        libc::O_RDWR
    }

    /// Closes it, after its last descriptor.
    fn close(self, _kernel: &mut Kernel, _node: NodeId, _id: DescriptionId, _parting: Parting) {}

    /// The kind of leak that it is if its process leaves it open, and its name.
    fn leak(&self, _kernel: &Kernel, _node: NodeId) -> Option<(Leak, String)> {
        None
    }

    /// Its line in a list of sockets, if it is one. `bare` is an empty line of its node.
    fn socket(&self, _kernel: &Kernel, _id: DescriptionId, _bare: Socket) -> Option<Socket> {
        None
    }
}

/// Flags of one call that reads or writes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner {
    /// `MSG_DONTWAIT`.
    pub(crate) dont_wait: bool,
    /// `MSG_PEEK`.
    pub(crate) peek: bool,
    /// The offset of `pread` and `pwrite`.
    pub(crate) offset: Option<u64>,
}

/// State that a blocking call keeps between its attempts.
#[derive(Default)]
pub(crate) struct Progress {
    deadline: Option<Deadline>,
    /// The number of bytes written so far.
    written: usize,
    /// The write must be followed by a sync: the file was opened with `O_SYNC`.
    needs_sync: bool,
}

impl Progress {
    /// Returns whether a sync must follow the write.
    pub(crate) fn needs_sync(&self) -> bool {
        self.needs_sync
    }
}

/// One attempt at a read or a write.
pub(crate) struct Attempt<'a> {
    me: ThreadId,
    id: DescriptionId,
    manner: Manner,
    progress: &'a mut Progress,
    nonblocking: bool,
}

impl Attempt<'_> {
    /// The calling thread.
    #[inline]
    pub(crate) fn me(&self) -> ThreadId {
        self.me
    }

    /// The description that is read or written.
    #[inline]
    pub(crate) fn id(&self) -> DescriptionId {
        self.id
    }

    /// The flags of the call.
    #[inline]
    pub(crate) fn manner(&self) -> Manner {
        self.manner
    }

    /// Lets a sync follow the write.
    pub(crate) fn require_sync(&mut self, required: bool) {
        self.progress.needs_sync = required;
    }

    /// The rest of the bytes, after those that earlier attempts wrote.
    #[inline]
    pub(crate) fn rest<'b>(&self, from: &'b [u8]) -> &'b [u8] {
        &from[self.progress.written..]
    }

    /// Ends an attempt at a read into a buffer of `len` bytes.
    #[inline(always)]
    pub(crate) fn finish_read(
        &mut self,
        kernel: &mut Kernel,
        len: usize,
        outcome: Result<usize, Errno>,
        timeout_ns: u64,
    ) -> Result<Blocking<usize>, Errno> {
        if outcome == Ok(0) && len > 0 {
            // A caller that has seen the end of a stream has no reason to ask again.
            kernel.count_fruitless(self.me);
        }
        kernel.done_or_wait(self.me, self.id, outcome, self.nonblocking, timeout_ns, &mut self.progress.deadline)
    }

    /// Ends an attempt at a write that is done in one piece.
    #[inline]
    pub(crate) fn finish_write(
        &mut self,
        kernel: &mut Kernel,
        outcome: Result<usize, Errno>,
        timeout_ns: u64,
    ) -> Result<Blocking<usize>, Errno> {
        kernel.done_or_wait(self.me, self.id, outcome, self.nonblocking, timeout_ns, &mut self.progress.deadline)
    }

    /// Ends an attempt at a write of `len` bytes to a stream, which a blocking call writes completely.
    #[inline(always)]
    pub(crate) fn finish_stream_write(
        &mut self,
        kernel: &mut Kernel,
        len: usize,
        outcome: Result<usize, Errno>,
        timeout_ns: u64,
    ) -> Result<Blocking<usize>, Errno> {
        let Self { me, id, .. } = *self;
        let Progress { deadline, written, .. } = &mut *self.progress;
        match outcome {
            Ok(count) if !self.nonblocking && *written + count < len => {
                *written += count;
                let deadline = *deadline.get_or_insert_with(|| kernel.deadline_in(me, timeout_ns));
                kernel.wait_for_change(id, me);
                Ok(Blocking::Wait(Wait::Ready, kernel.deadline_of(me, deadline)))
            }
            Ok(count) => Ok(Blocking::Done(*written + count)),
            // Neither an error nor a timeout takes back what was written before.
            Err(errno)
                if *written > 0
                    && (errno != libc::EAGAIN || deadline.is_some_and(|deadline| kernel.has_come(me, deadline))) =>
            {
                Ok(Blocking::Done(*written))
            }
            Err(errno) => kernel.done_or_wait(me, id, Err(errno), self.nonblocking, timeout_ns, deadline),
        }
    }
}

/// Evaluates an expression with the state of a kind.
macro_rules! with_state {
    ($kind:expr, $state:ident => $call:expr) => {
        match $kind {
            Kind::Epoll($state) => $call,
            Kind::Event($state) => $call,
            Kind::File($state) => $call,
            Kind::Pipe($state) => $call,
            Kind::Tcp($state) => $call,
            Kind::Timer($state) => $call,
            Kind::Udp($state) => $call,
            Kind::Unix($state) => $call,
            Kind::Inert($state) => $call,
        }
    };
}

/// Calls a function of a kind that needs no state of it.
macro_rules! call_kind {
    ($kind:expr, $name:ident($($argument:expr),*)) => {
        match $kind {
            Kind::Epoll(_) => <Epoll as FileDescription>::$name($($argument),*),
            Kind::Event(_) => <EventCounter as FileDescription>::$name($($argument),*),
            Kind::File(_) => <OpenFile as FileDescription>::$name($($argument),*),
            Kind::Pipe(_) => <PipeEnd as FileDescription>::$name($($argument),*),
            Kind::Tcp(_) => <TcpSocket as FileDescription>::$name($($argument),*),
            Kind::Timer(_) => <Timer as FileDescription>::$name($($argument),*),
            Kind::Udp(_) => <UdpSocket as FileDescription>::$name($($argument),*),
            Kind::Unix(_) => <UnixSocket as FileDescription>::$name($($argument),*),
            Kind::Inert(_) => <Inert as FileDescription>::$name($($argument),*),
        }
    };
}

impl Kernel {
    /// One attempt at `read` and its kin, on a description of any kind.
    #[inline(always)]
    pub(crate) fn read(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        into: &mut impl Sink,
        manner: Manner,
        progress: &mut Progress,
    ) -> Result<Blocking<usize>, Errno> {
        let description = self.process.description(id).ok_or(libc::EBADF)?;
        let nonblocking = description.is_nonblocking() || manner.dont_wait;
        let mut attempt = Attempt { me, id, manner, progress, nonblocking };
        call_kind!(description.kind(), read(self, &mut attempt, into))
    }

    /// One attempt at `write` and its kin.
    #[inline(always)]
    pub(crate) fn write(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        from: &[u8],
        manner: Manner,
        progress: &mut Progress,
    ) -> Result<Blocking<usize>, Errno> {
        let description = self.process.description(id).ok_or(libc::EBADF)?;
        let nonblocking = description.is_nonblocking() || manner.dont_wait;
        let mut attempt = Attempt { me, id, manner, progress, nonblocking };
        call_kind!(description.kind(), write(self, &mut attempt, from))
    }

    /// Turns `EAGAIN` into a wait for the description to change, unless it is non-blocking or the timeout has passed.
    #[inline(always)]
    pub(crate) fn done_or_wait<T>(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        outcome: Result<T, Errno>,
        nonblocking: bool,
        timeout_ns: u64,
        deadline: &mut Option<Deadline>,
    ) -> Result<Blocking<T>, Errno> {
        match outcome {
            Ok(value) => Ok(Blocking::Done(value)),
            Err(libc::EAGAIN) if !nonblocking => {
                let deadline = *deadline.get_or_insert_with(|| self.deadline_in(me, timeout_ns));
                let until_ns = self.deadline_of(me, deadline);
                if until_ns <= self.sched.now_ns() {
                    return Err(libc::EAGAIN);
                }
                self.wait_for_change(id, me);
                Ok(Blocking::Wait(Wait::Ready, until_ns))
            }
            Err(errno) => {
                if errno == libc::EAGAIN || errno == libc::EMFILE {
                    self.count_fruitless(me);
                }
                Err(errno)
            }
        }
    }

    /// The epoll bits that a description is ready for.
    #[inline]
    pub(crate) fn readiness(&self, id: DescriptionId) -> u32 {
        let Some(description) = self.process.description(id) else { return 0 };
        with_state!(description.kind(), state => FileDescription::readiness(state, self))
    }

    /// The number of bytes that can be read from a description at once.
    pub(crate) fn readable_bytes(&self, id: DescriptionId) -> Result<usize, Errno> {
        let description = self.process.description(id).ok_or(libc::EBADF)?;
        with_state!(description.kind(), state => FileDescription::readable_bytes(state, self, description.node()))
    }

    /// The flags that `fcntl(F_GETFL)` returns.
    pub(crate) fn status_flags(&self, id: DescriptionId) -> Result<i32, Errno> {
        let description = self.process.description(id).ok_or(libc::EBADF)?;
        let flags = with_state!(description.kind(), state => FileDescription::status_flags(state));
        Ok(flags | if description.is_nonblocking() { libc::O_NONBLOCK } else { 0 })
    }

    pub(super) fn close_kind(&mut self, node: NodeId, id: DescriptionId, kind: Kind, parting: Parting) {
        with_state!(kind, state => FileDescription::close(state, self, node, id, parting));
    }

    /// The kind of leak that an open description is at the end of its process, and its name.
    pub(crate) fn leak_of(&self, id: DescriptionId) -> Option<(Leak, String)> {
        let description = self.process.description(id)?;
        with_state!(description.kind(), state => FileDescription::leak(state, self, description.node()))
    }

    /// A description's line in a list of sockets, if it is one.
    pub(crate) fn socket_of(&self, id: DescriptionId, bare: Socket) -> Option<Socket> {
        let description = self.process.description(id)?;
        with_state!(description.kind(), state => FileDescription::socket(state, self, id, bare))
    }
}

impl Kind {
    /// Returns whether `epoll_ctl` accepts it.
    pub(super) fn can_be_watched(&self) -> bool {
        with_state!(self, state => FileDescription::can_be_watched(state))
    }

    /// Returns whether its readiness comes from outside the process.
    #[inline]
    pub(super) fn is_external(&self) -> bool {
        with_state!(self, state => FileDescription::is_external(state))
    }
}
