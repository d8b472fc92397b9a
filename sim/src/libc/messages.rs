//! Messages on sockets with what goes beside their bytes: addresses and control messages, one at a time or many.
//! Streams take and give bytes alone; those ways are in `io`.

use super::block::{blocking, call};
use super::io::{buffer, buffer_mut, count, describe, gather, read_into, result, scatter, write_from};
use super::sockets::{manner, read_address, write_address};
use super::unix;
use crate::kernel::Errno;
use crate::kernel::net::udp::{Outgoing, Received};
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_uint, c_void, cmsghdr, iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t};
use std::net::IpAddr;

fn send(me: ThreadId, fd: c_int, bytes: &[u8], flags: c_int, outgoing: Outgoing) -> Result<usize, Errno> {
    let datagram = call(me, |kernel| {
        let id = describe(kernel, me, fd, "sendmsg")?;
        match kernel.process.description(id).map(|it| it.kind()) {
            Some(Kind::Udp(_)) => kernel.udp_send(me, id, bytes, outgoing).map(Some),
            _ => Ok(None),
        }
    })?;
    match datagram {
        Some(count) => Ok(count),
        None => write_from(me, fd, bytes, manner(flags)),
    }
}

/// # Safety
/// As `sendto`.
unsafe fn send_to(
    me: ThreadId,
    fd: c_int,
    bytes: &[u8],
    flags: c_int,
    address: *const sockaddr,
    len: socklen_t,
) -> Result<usize, Errno> {
    if address.is_null() {
        return write_from(me, fd, bytes, manner(flags));
    }
    // SAFETY: the caller's address.
    if let Some(name) = unsafe { unix::name_in(address, len) } {
        return unix::send(me, fd, bytes, flags & libc::MSG_DONTWAIT != 0, &name);
    }
    // SAFETY: as above.
    let to = unsafe { read_address(address, len) }?;
    send(me, fd, bytes, flags, Outgoing { to, ..Outgoing::default() })
}

/// What a receive gives.
struct Arrival {
    count: usize,
    /// The datagram it was, and whether its socket is one of IPv6, with what is told beside it.
    datagram: Option<(Received, bool, Tells)>,
    /// The Unix datagram it was: its whole length and its sender's name.
    unix: Option<(usize, Vec<u8>)>,
}

/// What a socket tells beside each datagram.
#[derive(Clone, Copy)]
struct Tells {
    traffic: bool,
    address: bool,
}

fn receive(me: ThreadId, fd: c_int, into: &mut [u8], flags: c_int) -> Result<Arrival, Errno> {
    let manner = manner(flags);
    let is_datagram =
        super::current::kernel(me, |kernel| kernel.describe(me, fd).is_ok_and(|id| kernel.process.udp(id).is_some()));
    if !is_datagram && unix::takes_datagrams(me, fd) {
        let (count, whole, from) = unix::receive(me, fd, into, (manner.peek, manner.dont_wait))?;
        return Ok(Arrival { count, datagram: None, unix: Some((whole, from)) });
    }
    if !is_datagram {
        return Ok(Arrival { count: read_into(me, fd, into, manner)?, datagram: None, unix: None });
    }
    let mut deadline = None;
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "recvmsg")?;
        let description = kernel.process.description(id).ok_or(libc::EBADF)?;
        let nonblocking = description.is_nonblocking() || manner.dont_wait;
        let Kind::Udp(socket) = description.kind() else { return Err(libc::ENOTSOCK) };
        let (v6, timeout) = (socket.v6, socket.receive_timeout_ns.unwrap_or(u64::MAX));
        let tells = Tells { traffic: socket.reports_traffic, address: socket.reports_address };
        let outcome = kernel.udp_receive(id, into, manner.peek).map(|received| Arrival {
            count: received.count,
            datagram: Some((received, v6, tells)),
            unix: None,
        });
        kernel.done_or_wait(me, id, outcome, nonblocking, timeout, &mut deadline)
    })
}

/// Reads what control messages say about what is to be sent.
///
/// # Safety
/// As `sendmsg`.
unsafe fn read_control(message: &msghdr, outgoing: &mut Outgoing) -> Result<(), Errno> {
    // SAFETY: the caller's control messages, as the macros of the C library walk them; values are read unaligned.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(message);
        while let Some(header) = at.as_ref() {
            let value = libc::CMSG_DATA(at);
            let whole = header.cmsg_len >= libc::CMSG_LEN(size_of::<c_int>() as c_uint) as usize;
            let number = || if whole { value.cast::<c_int>().read_unaligned() } else { c_int::from(value.read()) };
            match (header.cmsg_level, header.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_TOS) | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                    outgoing.traffic = Some(number() as u8);
                }
                (libc::IPPROTO_UDP, libc::UDP_SEGMENT) => {
                    outgoing.segment_bytes = Some(value.cast::<u16>().read_unaligned());
                }
                // A node has one address of each kind, so that the source that it names is the one that it has.
                (libc::IPPROTO_IP, libc::IP_PKTINFO) | (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {}
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    super::refuse(
                        "descriptors sent over a socket (SCM_RIGHTS): every process of a run is a machine's only one",
                    );
                }
                _ => return Err(libc::EINVAL),
            }
            at = libc::CMSG_NXTHDR(message, at);
        }
    }
    Ok(())
}

/// Control messages, as they are written one after the other.
struct Control<'a> {
    message: &'a mut msghdr,
    at: *mut cmsghdr,
    used: usize,
}

impl Control<'_> {
    /// Adds one; what does not fit is cut off, and the message says so.
    ///
    /// # Safety
    /// The message's control buffer is valid for as many bytes as it says.
    unsafe fn put<T>(&mut self, level: c_int, kind: c_int, value: T) {
        // SAFETY: as said; nothing is written beyond the buffer.
        unsafe {
            let space = libc::CMSG_SPACE(size_of::<T>() as c_uint) as usize;
            if self.at.is_null() || self.used + space > self.message.msg_controllen {
                self.message.msg_flags |= libc::MSG_CTRUNC;
                return;
            }
            (*self.at).cmsg_level = level;
            (*self.at).cmsg_type = kind;
            (*self.at).cmsg_len = libc::CMSG_LEN(size_of::<T>() as c_uint) as _;
            libc::CMSG_DATA(self.at).cast::<T>().write_unaligned(value);
            self.used += space;
            self.at = self.at.cast::<u8>().add(space).cast();
        }
    }
}

/// # Safety
/// As `recvmsg`.
unsafe fn write_control(message: &mut msghdr, received: &Received, tells: Tells) {
    // SAFETY: the caller's control buffer.
    unsafe {
        let at = if message.msg_control.is_null() { std::ptr::null_mut() } else { libc::CMSG_FIRSTHDR(message) };
        let mut control = Control { message, at, used: 0 };
        let v4 = received.from.ip().to_canonical().is_ipv4();
        if tells.address {
            match received.to.ip() {
                IpAddr::V4(ip) if received.from.is_ipv4() => {
                    let address = libc::in_addr { s_addr: u32::from(ip).to_be() };
                    let info = libc::in_pktinfo { ipi_ifindex: 1, ipi_spec_dst: address, ipi_addr: address };
                    control.put(libc::IPPROTO_IP, libc::IP_PKTINFO, info);
                }
                ip => {
                    let octets = match ip {
                        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                        IpAddr::V6(ip) => ip.octets(),
                    };
                    let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: octets }, ipi6_ifindex: 1 };
                    control.put(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
                }
            }
        }
        if tells.traffic && v4 {
            control.put(libc::IPPROTO_IP, libc::IP_TOS, received.traffic);
        } else if tells.traffic {
            control.put(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, c_int::from(received.traffic));
        }
        let used = control.used;
        message.msg_controllen = used as _;
    }
}

/// # Safety
/// As `recvmsg`.
unsafe fn receive_message(me: ThreadId, fd: c_int, message: *mut msghdr, flags: c_int) -> Result<usize, Errno> {
    // SAFETY: the caller's structure and what it points to.
    unsafe {
        let message = &mut *message;
        message.msg_flags = 0;
        let parts: &[iovec] = match message.msg_iovlen {
            0 => &[],
            len => std::slice::from_raw_parts(message.msg_iov, len),
        };
        let mut whole = vec![0; parts.iter().map(|part| part.iov_len).sum()];
        let arrival = receive(me, fd, &mut whole, flags)?;
        scatter(parts, &whole[..arrival.count]);
        if let Some((whole, from)) = &arrival.unix {
            message.msg_controllen = 0;
            if *whole > arrival.count {
                message.msg_flags |= libc::MSG_TRUNC;
            }
            unix::write_name(from, message.msg_name.cast(), &raw mut message.msg_namelen);
            return Ok(arrival.count);
        }
        let Some((received, v6, tells)) = arrival.datagram else {
            message.msg_controllen = 0;
            message.msg_namelen = 0;
            return Ok(arrival.count);
        };
        if received.whole > arrival.count {
            message.msg_flags |= libc::MSG_TRUNC;
        }
        write_address(received.from, v6, message.msg_name.cast(), &raw mut message.msg_namelen);
        write_control(message, &received, tells);
        Ok(if flags & libc::MSG_TRUNC != 0 { received.whole } else { arrival.count })
    }
}

/// # Safety
/// As `sendmsg`.
unsafe fn send_message(me: ThreadId, fd: c_int, message: *const msghdr, flags: c_int) -> Result<usize, Errno> {
    // SAFETY: the caller's structure and what it points to.
    unsafe {
        let message = &*message;
        let parts: &[iovec] = match message.msg_iovlen {
            0 => &[],
            len => std::slice::from_raw_parts(message.msg_iov, len),
        };
        let mut outgoing = Outgoing::default();
        let name = unix::name_in(message.msg_name.cast::<sockaddr>(), message.msg_namelen);
        if let Some(name) = name {
            read_control(message, &mut outgoing)?;
            return unix::send(me, fd, &gather(parts), flags & libc::MSG_DONTWAIT != 0, &name);
        }
        if !message.msg_name.is_null() {
            outgoing.to = read_address(message.msg_name.cast::<sockaddr>(), message.msg_namelen)?;
        }
        read_control(message, &mut outgoing)?;
        let bytes = gather(parts);
        if outgoing == Outgoing::default() {
            write_from(me, fd, &bytes, manner(flags))
        } else {
            send(me, fd, &bytes, flags, outgoing)
        }
    }
}

/// # Safety
/// As `recvmmsg`.
unsafe fn receive_many(
    me: ThreadId,
    fd: c_int,
    messages: *mut mmsghdr,
    len: c_uint,
    flags: c_int,
) -> Result<c_int, Errno> {
    // SAFETY: the caller's array.
    unsafe {
        each_message(messages, len, |done, message| {
            // Only the first is waited for: the rest is what is there by then.
            let flags = if done > 0 { flags | libc::MSG_DONTWAIT } else { flags } & !libc::MSG_WAITFORONE;
            receive_message(me, fd, message, flags)
        })
    }
}

/// # Safety
/// As `sendmmsg`.
unsafe fn send_many(
    me: ThreadId,
    fd: c_int,
    messages: *mut mmsghdr,
    len: c_uint,
    flags: c_int,
) -> Result<c_int, Errno> {
    // SAFETY: the caller's array.
    unsafe { each_message(messages, len, |_, message| send_message(me, fd, message, flags)) }
}

/// Passes messages on, each with how many were done before it, until one fails: how many went, or the error of the first.
///
/// # Safety
/// `messages` is an array of `len`.
unsafe fn each_message(
    messages: *mut mmsghdr,
    len: c_uint,
    mut pass: impl FnMut(c_uint, *mut msghdr) -> Result<usize, Errno>,
) -> Result<c_int, Errno> {
    for done in 0..len {
        // SAFETY: the caller's array.
        let message = unsafe { &mut *messages.add(done as usize) };
        match pass(done, &raw mut message.msg_hdr) {
            Ok(count) => message.msg_len = count as c_uint,
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => return Ok(done as c_int),
        }
    }
    Ok(len as c_int)
}

super::interposed! {
    fn sendto(
        fd: c_int,
        from: *const c_void,
        count: size_t,
        flags: c_int,
        address: *const sockaddr,
        len: socklen_t
    ) -> ssize_t = libc::SYS_sendto;
    // SAFETY: the caller's buffer and address.
    |me| self::count(unsafe { send_to(me, fd, buffer(from, count), flags, address, len) });
    fn recvfrom(
        fd: c_int,
        into: *mut c_void,
        count: size_t,
        flags: c_int,
        address: *mut sockaddr,
        len: *mut socklen_t
    ) -> ssize_t = libc::SYS_recvfrom;
    // SAFETY: the caller's buffers.
    |me| self::count(receive(me, fd, unsafe { buffer_mut(into, count) }, flags).map(|arrival| {
        if let Some((_, from)) = &arrival.unix {
            // SAFETY: the caller's buffer.
            unsafe { unix::write_name(from, address, len) };
        }
        let Some((received, v6, _)) = arrival.datagram else { return arrival.count };
        // SAFETY: the caller's buffer.
        unsafe { write_address(received.from, v6, address, len) };
        if flags & libc::MSG_TRUNC != 0 { received.whole } else { arrival.count }
    }));
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t = libc::SYS_sendmsg;
    // SAFETY: the caller's structure.
    |me| count(unsafe { send_message(me, fd, message, flags) });
    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t = libc::SYS_recvmsg;
    // SAFETY: the caller's structure.
    |me| count(unsafe { receive_message(me, fd, message, flags) });
    fn sendmmsg(fd: c_int, messages: *mut mmsghdr, len: c_uint, flags: c_int) -> c_int = libc::SYS_sendmmsg;
    // SAFETY: `sendmmsg(2)`: the caller passes an array of the length that it names.
    |me| result(unsafe { send_many(me, fd, messages, len, flags) });
    fn recvmmsg(
        fd: c_int,
        messages: *mut mmsghdr,
        len: c_uint,
        flags: c_int,
        _timeout: *mut libc::timespec
    ) -> c_int = libc::SYS_recvmmsg;
    // SAFETY: the caller's array.
    |me| result(unsafe { receive_many(me, fd, messages, len, flags) });
}
