//! Sockets of every family: made, bound, connected, accepted, shut down.
//! Options are in `socket_options`, messages with more than bytes in `messages`, and what only Unix sockets do in `unix`.

use super::block::{blocking, call};
use super::io::{count, describe, int, result, write_from};
use super::socket_address::{UserAddress, given, read_ip};
use super::unix;
use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::Errno;
use crate::kernel::due::Blocking;
use crate::kernel::net::tcp::TcpSocket;
use crate::kernel::net::udp::UdpSocket;
use crate::kernel::process::fd::file_description::Manner;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_void, size_t, sockaddr, socklen_t, ssize_t};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The kinds of sockets are below this number: `SOCK_MAX`.
const KINDS: c_int = 11;

fn new_socket(me: ThreadId, domain: c_int, kind: c_int, protocol: c_int) -> Result<c_int, Errno> {
    let bare = kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
    if !(0..KINDS).contains(&bare) {
        return Err(libc::EINVAL);
    }
    let v6 = match domain {
        libc::AF_INET => false,
        libc::AF_UNIX => return install(me, kind, unix::kind_of(kind)?),
        libc::AF_INET6 => true,
        _ => return Err(libc::EAFNOSUPPORT),
    };
    let socket = match (bare, protocol) {
        (libc::SOCK_STREAM, 0 | libc::IPPROTO_TCP) => Kind::Tcp(TcpSocket::new(v6)),
        (libc::SOCK_DGRAM, 0 | libc::IPPROTO_UDP) => Kind::Udp(UdpSocket::new(v6)),
        _ => return Err(libc::EPROTONOSUPPORT),
    };
    install(me, kind, socket)
}

fn install(me: ThreadId, kind: c_int, socket: Kind) -> Result<c_int, Errno> {
    call(me, |kernel| {
        let node = kernel.sched[me].node();
        let id = kernel.process.open(node, kind & libc::SOCK_NONBLOCK != 0, socket);
        kernel.install(id)
    })
}

fn bind_to(me: ThreadId, fd: c_int, address: Option<SocketAddr>) -> Result<(), Errno> {
    let address = address.ok_or(libc::EAFNOSUPPORT)?;
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "bind")?;
        let node = kernel.sched[me].node();
        match kernel.process.description(id).map(|description| description.kind()) {
            Some(Kind::Tcp(_)) => kernel.tcp_bind(node, id, address),
            Some(Kind::Udp(_)) => kernel.udp_bind(node, id, address),
            _ => Err(libc::ENOTSOCK),
        }
    })
}

fn connect_to(me: ThreadId, fd: c_int, address: Option<SocketAddr>) -> Result<(), Errno> {
    let mut begun = false;
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "connect")?;
        let description = kernel.process.description(id).ok_or(libc::EBADF)?;
        let nonblocking = description.is_nonblocking();
        if !begun && kernel.tcp_take_progress(id) {
            return kernel.tcp_connected(me, id);
        }
        let description = kernel.process.description(id).ok_or(libc::EBADF)?;
        match description.kind() {
            Kind::Udp(_) => {
                let node = kernel.sched[me].node();
                kernel.udp_connect(node, id, address).map(Blocking::Done)
            }
            Kind::Tcp(_) if begun => kernel.tcp_connected(me, id),
            Kind::Tcp(_) => {
                kernel.tcp_connect(me, id, address.ok_or(libc::EAFNOSUPPORT)?)?;
                begun = true;
                if nonblocking {
                    kernel.tcp_set_progress(id);
                    return Err(libc::EINPROGRESS);
                }
                kernel.tcp_connected(me, id)
            }
            _ => Err(libc::ENOTSOCK),
        }
    })
}

fn accept_on(me: ThreadId, fd: c_int, address: UserAddress, flags: c_int) -> Result<c_int, Errno> {
    if super::current::kernel(me, |kernel| unix::is_unix(kernel, me, fd)) {
        let (new, peer) = unix::accept(me, fd, flags)?;
        unix::write_name(&peer, address);
        return Ok(new);
    }
    let mut deadline = None;
    let (installed, peer, v6) = blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "accept")?;
        let nonblocking = kernel.process.description(id).is_some_and(|description| description.is_nonblocking());
        let timeout_ns = kernel.process.tcp(id).map_or(u64::MAX, |socket| socket.receive_timeout_ns);
        let outcome = kernel.tcp_accept(me, id).map(|(new, peer)| {
            let v6 = kernel.process.tcp(new).is_some_and(|socket| socket.v6);
            if let Some(description) = kernel.process.description_mut(new) {
                description.set_nonblocking(flags & libc::SOCK_NONBLOCK != 0);
            }
            (kernel.install(new), peer, v6)
        });
        kernel.done_or_wait(me, id, outcome, nonblocking, timeout_ns, &mut deadline)
    })?;
    let new = installed?;
    address.write_ip(peer, v6);
    Ok(new)
}

fn shut(me: ThreadId, fd: c_int, how: c_int) -> Result<(), Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "shutdown")?;
        if !matches!(how, libc::SHUT_RD | libc::SHUT_WR | libc::SHUT_RDWR) {
            return Err(libc::EINVAL);
        }
        match kernel.process.description(id).map(|description| description.kind()) {
            Some(Kind::Tcp(_)) => kernel.tcp_shutdown(me, id, how),
            Some(Kind::Udp(_)) => kernel.udp_shutdown(id, how),
            Some(Kind::Unix(_)) => Ok(()),
            Some(Kind::Pipe(_)) => {
                kernel.shut_channel(id, how);
                Ok(())
            }
            _ => Err(libc::ENOTSOCK),
        }
    })
}

pub(crate) fn manner(flags: c_int) -> Manner {
    Manner { dont_wait: flags & libc::MSG_DONTWAIT != 0, peek: flags & libc::MSG_PEEK != 0, offset: None }
}

fn name_of(me: ThreadId, fd: c_int, address: UserAddress, peer: bool) -> Result<(), Errno> {
    if super::current::kernel(me, |kernel| unix::is_unix(kernel, me, fd)) {
        let name = call(me, |kernel| {
            let id = describe(kernel, me, fd, "getsockname")?;
            let attributes = kernel.net.unix().attributes(id);
            match kernel.process.description(id).ok_or(libc::EBADF)?.kind() {
                _ if !peer => Ok(attributes.own),
                Kind::Unix(socket) if !socket.is_connected() => Err(libc::ENOTCONN),
                _ => Ok(attributes.peer),
            }
        })?;
        unix::write_name(&name, address);
        return Ok(());
    }
    let (found, v6) = call(me, |kernel| {
        let id = describe(kernel, me, fd, "getsockname")?;
        match kernel.process.description(id).ok_or(libc::EBADF)?.kind() {
            Kind::Tcp(socket) if peer => {
                let v6 = socket.v6;
                kernel.tcp_peer(id).map(|peer| (Some(peer), v6))
            }
            Kind::Tcp(socket) => Ok((socket.local, socket.v6)),
            Kind::Udp(socket) if peer => socket.peer.map(|peer| (Some(peer), socket.v6)).ok_or(libc::ENOTCONN),
            Kind::Udp(socket) => Ok((socket.local, socket.v6)),
            _ => Err(libc::ENOTSOCK),
        }
    })?;
    let any = if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    address.write_ip(found.unwrap_or(SocketAddr::new(any, 0)), v6);
    Ok(())
}

fn pair(me: ThreadId, domain: c_int, kind: c_int, fds: UserSliceMut<c_int>) -> c_int {
    if domain != libc::AF_UNIX {
        return result(Err(libc::EOPNOTSUPP));
    }
    let pair = match unix::kind_of(kind) {
        Err(errno) => Err(errno),
        Ok(Kind::Unix(socket)) if socket.has_datagrams() => call(me, |kernel| {
            let node = kernel.sched[me].node();
            let (one, other) = kernel.unix_pair(node, kind & libc::SOCK_NONBLOCK != 0);
            Ok((kernel.install(one)?, kernel.install(other)?))
        }),
        Ok(_) => super::io::channel(me, true, kind & libc::SOCK_NONBLOCK != 0),
    };
    int(pair.and_then(|(one, other)| fds.copy_out(&[one, other]).map(|_| ())))
}

/// The interposed function of this name. A pair that is made outside the run is remembered: a node that uses it gets one of its own.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn socketpair(domain: c_int, kind: c_int, protocol: c_int, fds: *mut c_int) -> c_int {
    if let Some(me) = super::here() {
        // SAFETY: `socketpair(2)`: the caller passes an array of two numbers.
        return pair(me, domain, kind, unsafe { UserSliceMut::new(fds, 2) });
    }
    let given = [domain as usize, kind as usize, protocol as usize, fds.addr()];
    // SAFETY: `socketpair(2)`: the caller passes an array of two numbers.
    let made = unsafe { crate::host::system::call(libc::SYS_socketpair, given[0], given[1], given[2], given[3], 0, 0) };
    if made == 0 {
        // SAFETY: `socketpair(2)`: the caller passes an array of two numbers, which the system has just filled.
        super::foreign_descriptors::remember(unsafe { [*fds, *fds.add(1)] });
    }
    crate::host::system::result(made) as c_int
}

super::interposed! {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int = libc::SYS_socket;
    |me| result(new_socket(me, domain, kind, protocol));
    fn bind(fd: c_int, address: *const sockaddr, len: socklen_t) -> c_int = libc::SYS_bind;
    |me| {
        // SAFETY: `bind(2)`: the caller passes `len` readable bytes at `address`.
        let address = unsafe { given(address, len) };
        int(match unix::name_in(address) {
            Some(name) => call(me, |kernel| {
                let id = describe(kernel, me, fd, "bind")?;
                kernel.unix_bind(me, id, &name)
            }),
            None => read_ip(address).and_then(|address| bind_to(me, fd, address)),
        })
    };
    fn listen(fd: c_int, backlog: c_int) -> c_int = libc::SYS_listen;
    |me| int(call(me, |kernel| {
        let id = describe(kernel, me, fd, "listen")?;
        if unix::is_unix(kernel, me, fd) { kernel.unix_listen(id, backlog) } else { kernel.tcp_listen(me, id, backlog) }
    }));
    fn connect(fd: c_int, address: *const sockaddr, len: socklen_t) -> c_int = libc::SYS_connect;
    |me| {
        // SAFETY: `connect(2)`: the caller passes `len` readable bytes at `address`.
        let address = unsafe { given(address, len) };
        int(match unix::name_in(address) {
            Some(name) => unix::connect(me, fd, Some(&name)),
            None => read_ip(address).and_then(|address| match address {
                None if super::current::kernel(me, |kernel| unix::is_unix(kernel, me, fd)) => unix::connect(me, fd, None),
                address => connect_to(me, fd, address),
            }),
        })
    };
    fn accept(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int = libc::SYS_accept;
    // SAFETY: `accept(2)`: the caller passes null, or a length and as many writable bytes.
    |me| result(accept_on(me, fd, unsafe { UserAddress::new(address, len) }, 0));
    fn accept4(fd: c_int, address: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int = libc::SYS_accept4;
    // SAFETY: `accept4(2)`: the caller passes null, or a length and as many writable bytes.
    |me| result(accept_on(me, fd, unsafe { UserAddress::new(address, len) }, flags));
    fn shutdown(fd: c_int, how: c_int) -> c_int = libc::SYS_shutdown;
    |me| int(shut(me, fd, how));
    fn send(fd: c_int, from: *const c_void, count: size_t, flags: c_int) -> ssize_t = next;
    |me| {
        // SAFETY: `send(2)`: the caller passes `count` readable bytes at `from`.
        let from = unsafe { UserSlice::new(from.cast::<u8>(), count) };
        self::count(write_from(me, fd, from, manner(flags)))
    };
    fn getsockname(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int = libc::SYS_getsockname;
    // SAFETY: `getsockname(2)`: the caller passes a length and as many writable bytes.
    |me| int(name_of(me, fd, unsafe { UserAddress::new(address, len) }, false));
    fn getpeername(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int = libc::SYS_getpeername;
    // SAFETY: `getpeername(2)`: the caller passes a length and as many writable bytes.
    |me| int(name_of(me, fd, unsafe { UserAddress::new(address, len) }, true));
}
