//! Sockets: TCP, UDP and pairs, by IPv4 and IPv6.
//! Addresses are translated here and nowhere else.

use super::block::{blocking, call};
use super::io::{buffer, buffer_mut, count, describe, int, read_into, result, write_from};
use super::unix;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::net::tcp::TcpSocket;
use crate::kernel::net::udp::UdpSocket;
use crate::kernel::process::fd::file_description::Manner;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_void, size_t, sockaddr, sockaddr_in, sockaddr_in6, socklen_t, ssize_t};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Reads an address; `None` for `AF_UNSPEC`.
///
/// # Safety
/// `address` is valid for `len` bytes.
pub(crate) unsafe fn read_address(address: *const sockaddr, len: socklen_t) -> Result<Option<SocketAddr>, Errno> {
    if address.is_null() || (len as usize) < size_of::<libc::sa_family_t>() {
        return Err(libc::EINVAL);
    }
    // SAFETY: as said; the structures are read unaligned.
    unsafe {
        match c_int::from((*address).sa_family) {
            libc::AF_INET if len as usize >= size_of::<sockaddr_in>() => {
                let v4 = address.cast::<sockaddr_in>().read_unaligned();
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Ok(Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(v4.sin_port))))
            }
            libc::AF_INET6 if len as usize >= size_of::<sockaddr_in6>() => {
                let v6 = address.cast::<sockaddr_in6>().read_unaligned();
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let (flow, scope) = (v6.sin6_flowinfo, v6.sin6_scope_id);
                Ok(Some(SocketAddr::V6(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), flow, scope))))
            }
            libc::AF_UNSPEC => Ok(None),
            _ => Err(libc::EINVAL),
        }
    }
}

/// Writes an address as a socket of this family shows it, cut to what fits.
///
/// # Safety
/// `into` is null or valid for `*len` bytes, and `len` is valid then.
pub(crate) unsafe fn write_address(address: SocketAddr, v6: bool, into: *mut sockaddr, len: *mut socklen_t) {
    if into.is_null() || len.is_null() {
        return;
    }
    let shown = match (address.ip(), v6) {
        (IpAddr::V4(v4), true) => IpAddr::V6(v4.to_ipv6_mapped()),
        (ip, false) => ip.to_canonical(),
        (ip, true) => ip,
    };
    // SAFETY: as said; at most `*len` bytes are written.
    unsafe {
        let room = *len as usize;
        match shown {
            IpAddr::V4(ip) => {
                let mut v4: sockaddr_in = std::mem::zeroed();
                v4.sin_family = libc::AF_INET as libc::sa_family_t;
                v4.sin_port = address.port().to_be();
                v4.sin_addr.s_addr = u32::from(ip).to_be();
                let size = size_of::<sockaddr_in>();
                std::ptr::copy_nonoverlapping((&raw const v4).cast::<u8>(), into.cast::<u8>(), size.min(room));
                *len = size as socklen_t;
            }
            IpAddr::V6(ip) => {
                let mut six: sockaddr_in6 = std::mem::zeroed();
                six.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                six.sin6_port = address.port().to_be();
                six.sin6_addr.s6_addr = ip.octets();
                let size = size_of::<sockaddr_in6>();
                std::ptr::copy_nonoverlapping((&raw const six).cast::<u8>(), into.cast::<u8>(), size.min(room));
                *len = size as socklen_t;
            }
        }
    }
}

fn new_socket(me: ThreadId, domain: c_int, kind: c_int) -> Result<c_int, Errno> {
    let v6 = match domain {
        libc::AF_INET => false,
        libc::AF_UNIX => return install(me, kind, unix::kind_of(kind)?),
        libc::AF_INET6 => true,
        _ => return Err(libc::EAFNOSUPPORT),
    };
    let socket = match kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) {
        libc::SOCK_STREAM => Kind::Tcp(TcpSocket::new(v6)),
        libc::SOCK_DGRAM => Kind::Udp(UdpSocket::new(v6)),
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
        match kernel.process.description(id).map(|it| it.kind()) {
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
        match description.kind() {
            Kind::Udp(_) => {
                let node = kernel.sched[me].node();
                kernel.udp_connect(node, id, address).map(Blocking::Done)
            }
            Kind::Tcp(_) if begun => kernel.tcp_connected(me, id),
            Kind::Tcp(_) => {
                kernel.tcp_connect(me, id, address.ok_or(libc::EAFNOSUPPORT)?)?;
                begun = true;
                if nonblocking { Err(libc::EINPROGRESS) } else { kernel.tcp_connected(me, id) }
            }
            _ => Err(libc::ENOTSOCK),
        }
    })
}

/// # Safety
/// As `accept4`.
unsafe fn accept_on(
    me: ThreadId,
    fd: c_int,
    address: *mut sockaddr,
    len: *mut socklen_t,
    flags: c_int,
) -> Result<c_int, Errno> {
    if super::current::kernel(me, |kernel| unix::is_unix(kernel, me, fd)) {
        let (new, peer) = unix::accept(me, fd, flags)?;
        // SAFETY: the caller's buffer.
        unsafe { unix::write_name(&peer, address, len) };
        return Ok(new);
    }
    let mut deadline = None;
    let (installed, peer, v6) = blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "accept")?;
        let nonblocking = kernel.process.description(id).is_some_and(|it| it.is_nonblocking());
        let outcome = kernel.tcp_accept(me, id).map(|(new, peer)| {
            let v6 = kernel.process.tcp(new).is_some_and(|socket| socket.v6);
            if let Some(description) = kernel.process.description_mut(new) {
                description.set_nonblocking(flags & libc::SOCK_NONBLOCK != 0);
            }
            (kernel.install(new), peer, v6)
        });
        kernel.done_or_wait(me, id, outcome, nonblocking, u64::MAX, &mut deadline)
    })?;
    let new = installed?;
    // SAFETY: the caller's buffer.
    unsafe { write_address(peer, v6, address, len) };
    Ok(new)
}

fn shut(me: ThreadId, fd: c_int, how: c_int) -> Result<(), Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "shutdown")?;
        match kernel.process.description(id).map(|it| it.kind()) {
            Some(Kind::Tcp(_)) => kernel.tcp_shutdown(me, id, how),
            Some(Kind::Udp(_) | Kind::Unix(_)) => Ok(()),
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

/// # Safety
/// As `getsockname`.
unsafe fn name_of(
    me: ThreadId,
    fd: c_int,
    address: *mut sockaddr,
    len: *mut socklen_t,
    peer: bool,
) -> Result<(), Errno> {
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
        // SAFETY: the caller's buffer.
        unsafe { unix::write_name(&name, address, len) };
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
    // SAFETY: the caller's buffer.
    unsafe { write_address(found.unwrap_or(SocketAddr::new(any, 0)), v6, address, len) };
    Ok(())
}

/// # Safety
/// As `setsockopt`.
unsafe fn set_option(
    me: ThreadId,
    fd: c_int,
    level: c_int,
    option: c_int,
    value: *const c_void,
    len: socklen_t,
) -> Result<(), Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "setsockopt")?;
        match (level, option) {
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) if len as usize >= size_of::<libc::timeval>() => {
                // SAFETY: the caller's value.
                let time = unsafe { value.cast::<libc::timeval>().read_unaligned() };
                let ns = (time.tv_sec.max(0) as u64) * 1_000_000_000 + (time.tv_usec.max(0) as u64) * 1_000;
                let ns = if ns == 0 { u64::MAX } else { ns };
                match kernel.process.description_mut(id).ok_or(libc::EBADF)?.kind_mut() {
                    Kind::Tcp(socket) if option == libc::SO_RCVTIMEO => socket.receive_timeout_ns = ns,
                    Kind::Tcp(socket) => socket.send_timeout_ns = ns,
                    Kind::Udp(socket) if option == libc::SO_RCVTIMEO => socket.receive_timeout_ns = Some(ns),
                    Kind::Pipe(_) | Kind::Unix(_) if option == libc::SO_RCVTIMEO => {
                        kernel.net.unix_mut().attributes_mut(id).receive_timeout_ns = Some(ns);
                    }
                    Kind::Pipe(_) | Kind::Unix(_) => {
                        kernel.net.unix_mut().attributes_mut(id).send_timeout_ns = Some(ns)
                    }
                    _ => {}
                }
            }
            (libc::SOL_SOCKET, libc::SO_LINGER) if len as usize >= size_of::<libc::linger>() => {
                // SAFETY: the caller's value.
                let linger = unsafe { value.cast::<libc::linger>().read_unaligned() };
                if let Some(socket) = kernel.process.tcp(id) {
                    socket.linger_zero = linger.l_onoff != 0 && linger.l_linger == 0;
                }
            }
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE)
            | (
                libc::IPPROTO_TCP,
                libc::TCP_KEEPIDLE | libc::TCP_KEEPINTVL | libc::TCP_KEEPCNT | libc::TCP_USER_TIMEOUT,
            ) if len as usize >= size_of::<c_int>() => {
                // SAFETY: the caller's value.
                let value = unsafe { value.cast::<c_int>().read_unaligned() };
                if let Some(socket) = kernel.process.tcp(id) {
                    let keepalive = &mut socket.keepalive;
                    let given = value.max(0) as u32;
                    match option {
                        libc::SO_KEEPALIVE if level == libc::SOL_SOCKET => keepalive.on = value != 0,
                        libc::TCP_KEEPIDLE => keepalive.idle_s = given,
                        libc::TCP_KEEPINTVL => keepalive.interval_s = given,
                        libc::TCP_KEEPCNT => keepalive.probes_max = given,
                        _ => keepalive.user_timeout_ms = given,
                    }
                    kernel.keepalive_changed(id);
                }
            }
            (libc::IPPROTO_UDP, libc::UDP_GRO) => return Err(libc::ENOPROTOOPT), // as before Linux 5.0
            (libc::IPPROTO_IP, libc::IP_RECVTOS | libc::IP_PKTINFO)
            | (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS | libc::IPV6_RECVPKTINFO)
            | (libc::IPPROTO_UDP, libc::UDP_SEGMENT)
            | (libc::IPPROTO_IP, libc::IP_TOS)
            | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
                if len as usize >= size_of::<c_int>() && kernel.process.udp(id).is_some() =>
            {
                // SAFETY: the caller's value.
                let value = unsafe { value.cast::<c_int>().read_unaligned() };
                let Some(socket) = kernel.process.udp(id) else { return Err(libc::EBADF) };
                match (level, option) {
                    (libc::IPPROTO_UDP, _) => socket.segment_bytes = u16::try_from(value).map_err(|_| libc::EINVAL)?,
                    (libc::IPPROTO_IP, libc::IP_RECVTOS) | (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS) => {
                        socket.reports_traffic = value != 0;
                    }
                    (libc::IPPROTO_IP, libc::IP_TOS) | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                        socket.traffic = value as u8;
                    }
                    _ => socket.reports_address = value != 0,
                }
            }
            // These change how fast or how politely, not what is seen.
            (
                libc::SOL_SOCKET,
                libc::SO_REUSEADDR
                | libc::SO_REUSEPORT
                | libc::SO_SNDBUF
                | libc::SO_RCVBUF
                | libc::SO_BROADCAST
                | libc::SO_PRIORITY,
            )
            | (libc::IPPROTO_TCP | libc::IPPROTO_IP | libc::IPPROTO_IPV6 | libc::IPPROTO_UDP, _) => {}
            _ => return Err(libc::ENOPROTOOPT),
        }
        Ok(())
    })
}

/// What `SO_RCVTIMEO` and `SO_SNDTIMEO` were set to; `u64::MAX` for no timeout.
fn timeout_of(kernel: &mut Kernel, me: ThreadId, fd: c_int, option: c_int) -> Result<u64, Errno> {
    let id = describe(kernel, me, fd, "getsockopt")?;
    Ok(match kernel.process.description(id).ok_or(libc::EBADF)?.kind() {
        Kind::Tcp(socket) if option == libc::SO_RCVTIMEO => socket.receive_timeout_ns,
        Kind::Tcp(socket) => socket.send_timeout_ns,
        Kind::Udp(socket) if option == libc::SO_RCVTIMEO => socket.receive_timeout_ns.unwrap_or(u64::MAX),
        Kind::Udp(_) => u64::MAX,
        Kind::Pipe(_) | Kind::Unix(_) if option == libc::SO_RCVTIMEO => kernel.net.unix().timeouts_ns(id).0,
        Kind::Pipe(_) | Kind::Unix(_) => kernel.net.unix().timeouts_ns(id).1,
        _ => return Err(libc::ENOTSOCK),
    })
}

/// # Safety
/// As `getsockopt`.
unsafe fn get_option(
    me: ThreadId,
    fd: c_int,
    level: c_int,
    option: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> Result<(), Errno> {
    if level == libc::SOL_SOCKET && matches!(option, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) {
        let ns = call(me, |kernel| timeout_of(kernel, me, fd, option))?;
        let ns = if ns == u64::MAX { 0 } else { ns };
        let time = libc::timeval { tv_sec: (ns / 1_000_000_000) as _, tv_usec: (ns % 1_000_000_000 / 1_000) as _ };
        // SAFETY: the caller's buffer; at most `*len` bytes are written.
        unsafe {
            let room = (*len as usize).min(size_of::<libc::timeval>());
            std::ptr::copy_nonoverlapping((&raw const time).cast::<u8>(), value.cast(), room);
            *len = room as socklen_t;
        }
        return Ok(());
    }
    if level == libc::SOL_SOCKET && option == libc::SO_PEERCRED {
        let credentials = unix::credentials(me);
        // SAFETY: the caller's buffer; at most `*len` bytes are written.
        unsafe {
            let room = (*len as usize).min(size_of::<libc::ucred>());
            std::ptr::copy_nonoverlapping((&raw const credentials).cast::<u8>(), value.cast(), room);
            *len = room as socklen_t;
        }
        return Ok(());
    }
    let answer: c_int = call(me, |kernel| {
        let id = describe(kernel, me, fd, "getsockopt")?;
        let kind = kernel.process.description(id).ok_or(libc::EBADF)?.kind();
        let unix = matches!(kind, Kind::Pipe(_) | Kind::Unix(_));
        let (stream, v6, listening) = match kind {
            Kind::Tcp(socket) => (true, socket.v6, socket.is_listening()),
            Kind::Udp(socket) => (false, socket.v6, false),
            Kind::Pipe(_) => (true, false, false),
            Kind::Unix(socket) => (!socket.has_datagrams(), false, socket.is_listening()),
            _ => return Err(libc::ENOTSOCK),
        };
        Ok(match (level, option) {
            (libc::SOL_SOCKET, libc::SO_ERROR) if stream => kernel.tcp_take_error(id),
            (libc::SOL_SOCKET, libc::SO_ERROR) => {
                kernel.process.udp(id).map_or(0, |socket| std::mem::take(&mut socket.error))
            }
            (libc::SOL_SOCKET, libc::SO_TYPE) if stream => libc::SOCK_STREAM,
            (libc::SOL_SOCKET, libc::SO_TYPE) => libc::SOCK_DGRAM,
            (libc::SOL_SOCKET, libc::SO_DOMAIN) if unix => libc::AF_UNIX,
            (libc::SOL_SOCKET, libc::SO_DOMAIN) if v6 => libc::AF_INET6,
            (libc::SOL_SOCKET, libc::SO_DOMAIN) => libc::AF_INET,
            (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => c_int::from(listening),
            (libc::SOL_SOCKET, libc::SO_SNDBUF | libc::SO_RCVBUF) => 208 * 1024,
            (libc::SOL_SOCKET, libc::SO_REUSEADDR | libc::SO_KEEPALIVE) => 1,
            (libc::IPPROTO_TCP, libc::TCP_NODELAY) => 1,
            (libc::IPPROTO_TCP | libc::IPPROTO_IP | libc::IPPROTO_IPV6 | libc::SOL_SOCKET, _) => 0,
            _ => return Err(libc::ENOPROTOOPT),
        })
    })?;
    // SAFETY: the caller's buffer; at most `*len` bytes are written.
    unsafe {
        let bytes = answer.to_ne_bytes();
        let room = (*len as usize).min(bytes.len());
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.cast(), room);
        *len = room as socklen_t;
    }
    Ok(())
}

/// # Safety
/// `fds` is valid for two numbers.
unsafe fn pair(me: ThreadId, domain: c_int, kind: c_int, fds: *mut c_int) -> c_int {
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
    int(pair.map(|(one, other)| {
        // SAFETY: the caller's array.
        unsafe {
            *fds = one;
            *fds.add(1) = other;
        }
    }))
}

/// The interposed function of this name. A pair that is made outside the run is remembered: a node that uses it gets one of its own.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn socketpair(domain: c_int, kind: c_int, protocol: c_int, fds: *mut c_int) -> c_int {
    if let Some(me) = super::here() {
        // SAFETY: `socketpair(2)`: the caller passes an array of the size that the call fills.
        return unsafe { pair(me, domain, kind, fds) };
    }
    let given = [domain as usize, kind as usize, protocol as usize, fds.addr()];
    // SAFETY: `socketpair(2)`: the caller's own arguments, under the contract that it keeps.
    let made = unsafe { crate::host::system::call(libc::SYS_socketpair, given[0], given[1], given[2], given[3], 0, 0) };
    if made == 0 {
        // SAFETY: the system filled the caller's array.
        super::foreign_descriptors::remember(unsafe { [*fds, *fds.add(1)] });
    }
    crate::host::system::result(made) as c_int
}

super::interposed! {
    fn socket(domain: c_int, kind: c_int, _protocol: c_int) -> c_int = libc::SYS_socket;
    |me| result(new_socket(me, domain, kind));
    fn bind(fd: c_int, address: *const sockaddr, len: socklen_t) -> c_int = libc::SYS_bind;
    |me| {
        // SAFETY: the caller's address.
        int(match unsafe { unix::name_in(address, len) } {
            Some(name) => call(me, |kernel| {
                let id = describe(kernel, me, fd, "bind")?;
                kernel.unix_bind(me, id, &name)
            }),
            // SAFETY: as above.
            None => unsafe { read_address(address, len) }.and_then(|address| bind_to(me, fd, address)),
        })
    };
    fn listen(fd: c_int, backlog: c_int) -> c_int = libc::SYS_listen;
    |me| int(call(me, |kernel| {
        let id = describe(kernel, me, fd, "listen")?;
        if unix::is_unix(kernel, me, fd) { kernel.unix_listen(id, backlog) } else { kernel.tcp_listen(me, id, backlog) }
    }));
    fn connect(fd: c_int, address: *const sockaddr, len: socklen_t) -> c_int = libc::SYS_connect;
    |me| {
        // SAFETY: the caller's address.
        int(match unsafe { unix::name_in(address, len) } {
            Some(name) => unix::connect(me, fd, Some(&name)),
            // SAFETY: as above.
            None => unsafe { read_address(address, len) }.and_then(|address| match address {
                None if super::current::kernel(me, |kernel| unix::is_unix(kernel, me, fd)) => unix::connect(me, fd, None),
                address => connect_to(me, fd, address),
            }),
        })
    };
    fn accept(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int = libc::SYS_accept;
    // SAFETY: `accept(2)`: the caller passes a buffer of the length that it names.
    |me| result(unsafe { accept_on(me, fd, address, len, 0) });
    fn accept4(fd: c_int, address: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int = libc::SYS_accept4;
    // SAFETY: `accept4(2)`: the caller passes a buffer of the length that it names.
    |me| result(unsafe { accept_on(me, fd, address, len, flags) });
    fn shutdown(fd: c_int, how: c_int) -> c_int = libc::SYS_shutdown;
    |me| int(shut(me, fd, how));
    fn send(fd: c_int, from: *const c_void, count: size_t, flags: c_int) -> ssize_t = next;
    // SAFETY: `send(2)`: the caller passes a buffer of the length that it names.
    |me| self::count(write_from(me, fd, unsafe { buffer(from, count) }, manner(flags)));
    fn recv(fd: c_int, into: *mut c_void, count: size_t, flags: c_int) -> ssize_t = next;
    // SAFETY: `recv(2)`: the caller passes a buffer of the length that it names.
    |me| self::count(read_into(me, fd, unsafe { buffer_mut(into, count) }, manner(flags)));
    fn getsockname(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int = libc::SYS_getsockname;
    // SAFETY: `getsockname(2)`: the caller passes a buffer of the length that it names.
    |me| int(unsafe { name_of(me, fd, address, len, false) });
    fn getpeername(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int = libc::SYS_getpeername;
    // SAFETY: `getpeername(2)`: the caller passes a buffer of the length that it names.
    |me| int(unsafe { name_of(me, fd, address, len, true) });
    fn setsockopt(fd: c_int, level: c_int, option: c_int, value: *const c_void, len: socklen_t) -> c_int =
        libc::SYS_setsockopt;
    // SAFETY: the caller's value.
    |me| int(unsafe { set_option(me, fd, level, option, value, len) });
    fn getsockopt(fd: c_int, level: c_int, option: c_int, value: *mut c_void, len: *mut socklen_t) -> c_int =
        libc::SYS_getsockopt;
    // SAFETY: the caller's buffer.
    |me| int(unsafe { get_option(me, fd, level, option, value, len) });
}
