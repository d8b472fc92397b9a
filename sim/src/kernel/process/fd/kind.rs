//! The kinds of description, each with its state.
//! The operations of a kind are in its own file, as an implementation of `FileDescription`.

use super::epoll_instance::Epoll;
use super::timer::Timer;
use crate::kernel::Errno;
use crate::kernel::fs::disk::OpenFile;
use crate::kernel::net::pipe::PipeEnd;
use crate::kernel::net::tcp::TcpSocket;
use crate::kernel::net::udp::UdpSocket;
use crate::kernel::net::unix::UnixSocket;

/// The state of a description.
pub(crate) enum Kind {
    Epoll(Epoll),
    Event(EventCounter),
    File(OpenFile),
    /// An end of a pipe, or of a connected Unix stream.
    Pipe(PipeEnd),
    Tcp(TcpSocket),
    Timer(Timer),
    Udp(UdpSocket),
    /// A Unix socket, except for a connected stream.
    Unix(UnixSocket),
    Inert(Inert),
}

/// The counter of an eventfd.
pub(crate) struct EventCounter {
    value: u64,
    semaphore: bool,
}

/// A copy of a descriptor that was opened outside the run: it is never readable, and drops whatever is written to it.
pub(crate) struct Inert;

impl EventCounter {
    pub(crate) fn new(value: u64, semaphore: bool) -> Self {
        Self { value, semaphore }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.value == 0
    }

    /// Returns whether nothing can be added.
    pub(crate) fn is_full(&self) -> bool {
        self.value == u64::MAX - 1
    }

    /// Adds to the counter. Fails with `EAGAIN` if it would overflow.
    pub(crate) fn add(&mut self, value: u64) -> Result<(), Errno> {
        self.value = self.value.checked_add(value).filter(|sum| *sum < u64::MAX).ok_or(libc::EAGAIN)?;
        Ok(())
    }

    /// Takes the whole counter, or one from a semaphore. Fails with `EAGAIN` at zero.
    pub(crate) fn take(&mut self) -> Result<u64, Errno> {
        if self.value == 0 {
            return Err(libc::EAGAIN);
        }
        let value = if self.semaphore { 1 } else { self.value };
        self.value -= value;
        Ok(value)
    }
}
