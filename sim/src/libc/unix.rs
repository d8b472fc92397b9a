//! Unix sockets: their addresses, and the calls that differ from those on other sockets.
//! What both have in common is in `sockets` and `messages`, which come here for what is Unix.

use super::block::blocking;
use super::io::describe;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::net::unix::UnixSocket;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::{ThreadId, Wait};
use libc::{c_int, sa_family_t, sockaddr, sockaddr_un, socklen_t};

const PATH_AT: usize = std::mem::offset_of!(sockaddr_un, sun_path);

/// The name in a Unix address: a path, or an abstract name with its nul byte first; empty for none. `None` if the address is
/// of another family.
///
/// # Safety
/// `address` is null or valid for `len` bytes.
pub(crate) unsafe fn name_in(address: *const sockaddr, len: socklen_t) -> Option<Vec<u8>> {
    if address.is_null() || (len as usize) < size_of::<sa_family_t>() {
        return None;
    }
    // SAFETY: as said; nothing beyond `len` is read.
    unsafe {
        if c_int::from((*address).sa_family) != libc::AF_UNIX {
            return None;
        }
        let bytes = std::slice::from_raw_parts(address.cast::<u8>(), (len as usize).min(size_of::<sockaddr_un>()));
        let name = bytes.get(PATH_AT..).unwrap_or_default();
        let end = match name {
            [0, ..] => name.len(),
            path => path.iter().position(|byte| *byte == 0).unwrap_or(path.len()),
        };
        Some(name[..end].to_vec())
    }
}

/// Writes a name as an address, cut to what fits.
///
/// # Safety
/// `into` is null or valid for `*len` bytes, and `len` is valid then.
pub(crate) unsafe fn write_name(name: &[u8], into: *mut sockaddr, len: *mut socklen_t) {
    if into.is_null() || len.is_null() {
        return;
    }
    let mut bytes = (libc::AF_UNIX as sa_family_t).to_ne_bytes().to_vec();
    bytes.extend_from_slice(name);
    if name.first().is_some_and(|first| *first != 0) {
        bytes.push(0);
    }
    // SAFETY: as said; at most `*len` bytes are written.
    unsafe {
        let room = (*len as usize).min(bytes.len());
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), into.cast::<u8>(), room);
        *len = bytes.len() as socklen_t;
    }
}

/// A new socket of this type.
pub(crate) fn kind_of(kind: c_int) -> Result<Kind, Errno> {
    match kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) {
        libc::SOCK_STREAM => Ok(Kind::Unix(UnixSocket::new(false))),
        libc::SOCK_DGRAM => Ok(Kind::Unix(UnixSocket::new(true))),
        libc::SOCK_SEQPACKET => super::refuse("Unix sockets of type SOCK_SEQPACKET are not built: use SOCK_STREAM"),
        _ => Err(libc::ESOCKTNOSUPPORT),
    }
}

/// Whether a description is a Unix socket of whatever state.
pub(crate) fn is_unix(kernel: &Kernel, me: ThreadId, fd: c_int) -> bool {
    let kind = kernel.describe(me, fd).ok().and_then(|id| kernel.process.description(id)).map(|it| it.kind());
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

/// `accept4`: the new descriptor, and the name of who came.
pub(crate) fn accept(me: ThreadId, fd: c_int, flags: c_int) -> Result<(c_int, Vec<u8>), Errno> {
    let mut deadline = None;
    let (installed, peer) = blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "accept")?;
        let nonblocking = kernel.process.description(id).is_some_and(|it| it.is_nonblocking());
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
pub(crate) fn send(me: ThreadId, fd: c_int, bytes: &[u8], dont_wait: bool, to: &[u8]) -> Result<usize, Errno> {
    let mut deadline = None;
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "sendto")?;
        let nonblocking = dont_wait || kernel.process.description(id).is_some_and(|it| it.is_nonblocking());
        let (_, timeout_ns) = kernel.net.unix().timeouts_ns(id);
        let outcome = match kernel.process.description(id).map(|it| it.kind()) {
            Some(Kind::Pipe(_)) => Err(libc::EISCONN),
            _ => kernel.unix_send(me, id, bytes, Some(to)),
        };
        kernel.done_or_wait(me, id, outcome, nonblocking, timeout_ns, &mut deadline)
    })
}

/// Receives a datagram: how many bytes were copied, how many it had, and who sent it.
pub(crate) fn receive(
    me: ThreadId,
    fd: c_int,
    into: &mut [u8],
    (peek, dont_wait): (bool, bool),
) -> Result<(usize, usize, Vec<u8>), Errno> {
    let mut deadline = None;
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "recvfrom")?;
        let nonblocking = dont_wait || kernel.process.description(id).is_some_and(|it| it.is_nonblocking());
        let (timeout_ns, _) = kernel.net.unix().timeouts_ns(id);
        let outcome = kernel.unix_receive(me, id, into, peek).map(|it| (it.count, it.whole, it.from));
        kernel.done_or_wait(me, id, outcome, nonblocking, timeout_ns, &mut deadline)
    })
}

/// Whether a descriptor is a socket for Unix datagrams.
pub(crate) fn takes_datagrams(me: ThreadId, fd: c_int) -> bool {
    super::current::kernel(me, |kernel| {
        let Ok(id) = kernel.describe(me, fd) else { return false };
        matches!(kernel.process.description(id).map(|it| it.kind()), Some(Kind::Unix(socket)) if socket.has_datagrams())
    })
}

/// `SO_PEERCRED`: who is at the other end. Every process of a node is the node's own.
pub(crate) fn credentials(me: ThreadId) -> libc::ucred {
    libc::ucred { pid: super::process::number(me), uid: 0, gid: 0 }
}
