//! A listener that a plain thread polls, used by admin and the two extra servers.
//! It passes on the result of `accept`; the caller may or may not check it.

use mio::{Events, Interest, Poll, Token};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// The result of `accept`: a descriptor, or -1 with an errno.
pub(super) type Accepted = io::Result<TcpStream>;

/// A listener with its poll.
pub(super) struct AcceptLoop {
    listener: TcpListener,
    poll: Poll,
    events: Events,
}

const LISTENER: Token = Token(0);

impl AcceptLoop {
    pub(super) fn bind(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let poll = Poll::new()?;
        poll.registry().register(&mut mio::unix::SourceFd(&listener.as_raw_fd()), LISTENER, Interest::READABLE)?;
        Ok(Self { listener, poll, events: Events::with_capacity(1) })
    }

    /// `poll`: returns `true` if a connection is pending, at the latest after this time. A connection that stays pending is
    /// reported again, as by `poll`.
    pub(super) fn poll(&mut self, within: Duration) -> bool {
        let fd = self.listener.as_raw_fd();
        let registered = self.poll.registry().reregister(&mut mio::unix::SourceFd(&fd), LISTENER, Interest::READABLE);
        registered.is_ok() && self.poll.poll(&mut self.events, Some(within)).is_ok() && !self.events.is_empty()
    }

    /// `accept`.
    pub(super) fn accept(&self) -> Accepted {
        let (stream, _) = self.listener.accept()?;
        Ok(stream)
    }
}
