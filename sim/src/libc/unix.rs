//! Unix sockets: their addresses, and the calls that differ from those on other sockets.
//! The calls that all sockets share are in `sockets` and `messages`.

use super::block::blocking;
use super::io::describe;
use super::socket_address::{UserAddress, family};
use super::user_memory::{Source, UserSlice};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::net::unix::UnixSocket;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::kernel::sink::Sink;
use libc::{c_int, sa_family_t, sockaddr_un};

const PATH_AT: usize = std::mem::offset_of!(sockaddr_un, sun_path);

/// The name in a Unix address: a path, or an abstract name with its nul byte first; empty for none. `None` if the address is
/// of another family.
pub(crate) fn name_in(address: UserSlice<u8>) -> Option<Vec<u8>> {
    if c_int::from(family(address)?) != libc::AF_UNIX {
        return None;
    }
    let name = || address.iter().take(size_of::<sockaddr_un>()).skip(PATH_AT);
    let is_abstract = name().next() == Some(0);
    let len = name().take_while(|byte| is_abstract || *byte != 0).count();
    let mut copy = Vec::with_capacity(len);
    copy.extend(name().take(len));
    Some(copy)
}

/// Writes a name as an address, cut to what fits.
pub(crate) fn write_name(name: &[u8], to: UserAddress) {
    let mut bytes = (libc::AF_UNIX as sa_family_t).to_ne_bytes().to_vec();
    bytes.extend_from_slice(name);
    if name.first().is_some_and(|first| *first != 0) {
        bytes.push(0);
    }
    to.write(&bytes);
}

/// A new socket of this type.
pub(crate) fn kind_of(kind: c_int) -> Result<Kind, Errno> {
    match kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) {
        libc::SOCK_STREAM => Ok(Kind::Unix(UnixSocket::new(false))),
        libc::SOCK_DGRAM => Ok(Kind::Unix(UnixSocket::new(true))),
        libc::SOCK_SEQPACKET => super::refuse("Unix sockets of type SOCK_SEQPACKET are not supported: use SOCK_STREAM"),
        _ => Err(libc::ESOCKTNOSUPPORT),
    }
}

/// Returns whether a descriptor is a Unix socket, in any state.
pub(crate) fn is_unix(kernel: &Kernel, me: ThreadId, fd: c_int) -> bool {
    let kind = kernel
        .describe(me, fd)
        .ok()
        .and_then(|id| kernel.process.description(id))
        .map(|description| description.kind());
    matches!(kind, Some(Kind::Unix(_) | Kind::Pipe(_)))
}

/// `connect`.
pub(crate) fn connect(me: ThreadId, fd: c_int, name: Option<&[u8]>) -> Result<(), Errno> {
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "connect")?;
        let description = kernel.process.description(id).ok_or(libc::EBADF)?;
        let nonblocking = description.is_nonblocking();
        if !matches!(description.kind(), Kind::Unix(_) | Kind::Pipe(_)) {
            return Err(libc::EAFNOSUPPORT);
        }
        match kernel.unix_connect(me, id, name) {
            Ok(()) => Ok(Blocking::Done(())),
            Err((libc::EAGAIN, listener)) if !nonblocking => {
                kernel.wait_for_change(listener, me);
                Ok(Blocking::Wait(Wait::Ready, u64::MAX))
            }
            Err((errno, _)) => Err(errno),
        }
    })
}

/// `accept4`: the new descriptor, and the peer's name.
pub(crate) fn accept(me: ThreadId, fd: c_int, flags: c_int) -> Result<(c_int, Vec<u8>), Errno> {
    let mut deadline = None;
    let (installed, peer) = blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "accept")?;
        let nonblocking = kernel.process.description(id).is_some_and(|description| description.is_nonblocking());
        let outcome = kernel.unix_accept(me, id).map(|new| {
            if let Some(description) = kernel.process.description_mut(new) {
                description.set_nonblocking(flags & libc::SOCK_NONBLOCK != 0);
            }
            (kernel.install(new), kernel.net.unix().attributes(new).peer)
        });
        kernel.done_or_wait(me, id, outcome, nonblocking, u64::MAX, &mut deadline)
    })?;
    Ok((installed?, peer))
}

/// Sends a datagram to a name.
pub(crate) fn send(me: ThreadId, fd: c_int, bytes: impl Source, dont_wait: bool, to: &[u8]) -> Result<usize, Errno> {
    let mut deadline = None;
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "sendto")?;
        let nonblocking =
            dont_wait || kernel.process.description(id).is_some_and(|description| description.is_nonblocking());
        let (_, timeout_ns) = kernel.net.unix().timeouts_ns(id);
        let outcome = match kernel.process.description(id).map(|description| description.kind()) {
            Some(Kind::Pipe(_)) => Err(libc::EISCONN),
            _ => bytes
                .check_source()
                .and_then(|()| bytes.with_bytes(kernel, |kernel, bytes| kernel.unix_send(me, id, bytes, Some(to)))),
        };
        kernel.done_or_wait(me, id, outcome, nonblocking, timeout_ns, &mut deadline)
    })
}

/// Receives a datagram: the number of bytes copied, its whole length, and the sender's name.
pub(crate) fn receive(
    me: ThreadId,
    fd: c_int,
    into: &mut dyn Sink,
    (peek, dont_wait): (bool, bool),
) -> Result<(usize, usize, Vec<u8>), Errno> {
    let mut deadline = None;
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "recvfrom")?;
        let nonblocking =
            dont_wait || kernel.process.description(id).is_some_and(|description| description.is_nonblocking());
        let (timeout_ns, _) = kernel.net.unix().timeouts_ns(id);
        into.check()?;
        let outcome =
            kernel.unix_receive(me, id, into, peek).map(|received| (received.count, received.whole, received.from));
        kernel.done_or_wait(me, id, outcome, nonblocking, timeout_ns, &mut deadline)
    })
}

/// Returns whether a descriptor is a socket for Unix datagrams.
pub(crate) fn takes_datagrams(me: ThreadId, fd: c_int) -> bool {
    super::current::kernel(me, |kernel| {
        let Ok(id) = kernel.describe(me, fd) else { return false };
        matches!(kernel.process.description(id).map(|description| description.kind()), Some(Kind::Unix(socket)) if socket.has_datagrams())
    })
}

/// `SO_PEERCRED`: the process at the other end, which is the calling one: a node is one process.
pub(crate) fn credentials(me: ThreadId) -> libc::ucred {
    libc::ucred { pid: super::process::number(me), uid: 0, gid: 0 }
}
