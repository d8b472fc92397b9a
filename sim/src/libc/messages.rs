//! Messages on sockets with their addresses and control messages, one at a time or many.
//! A stream's messages are its bytes alone, which `io` reads and writes.

use super::block::{blocking, call};
use super::control_messages::{self, Wanted};
use super::io::{count, describe, read_into, result, write_from};
use super::socket_address::{UserAddress, given, read_ip};
use super::sockets::manner;
use super::unix;
use super::user_memory::{Source, UserSlice, UserSliceMut};
use super::user_vectors::{UserVectors, UserVectorsMut};
use crate::kernel::Errno;
use crate::kernel::net::udp::{Outgoing, Received};
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sink::Sink;
use libc::{c_int, c_uint, c_void, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t};

fn send(me: ThreadId, fd: c_int, bytes: impl Source, flags: c_int, outgoing: Outgoing) -> Result<usize, Errno> {
    let datagram = call(me, |kernel| {
        let id = describe(kernel, me, fd, "sendmsg")?;
        match kernel.process.description(id).map(|description| description.kind()) {
            Some(Kind::Udp(_)) => {
                bytes.check_source()?;
                bytes.with_bytes(kernel, |kernel, bytes| kernel.udp_send(me, id, bytes, outgoing).map(Some))
            }
            _ => Ok(None),
        }
    })?;
    match datagram {
        Some(count) => Ok(count),
        None => write_from(me, fd, bytes, manner(flags)),
    }
}

fn send_to(me: ThreadId, fd: c_int, bytes: impl Source, flags: c_int, address: UserSlice<u8>) -> Result<usize, Errno> {
    if address.is_null() {
        return write_from(me, fd, bytes, manner(flags));
    }
    if let Some(name) = unix::name_in(address) {
        return unix::send(me, fd, bytes, flags & libc::MSG_DONTWAIT != 0, &name);
    }
    let to = read_ip(address)?;
    send(me, fd, bytes, flags, Outgoing { to, ..Outgoing::default() })
}

/// The result of a receive.
struct Arrival {
    count: usize,
    origin: Origin,
}

/// The kind of socket that bytes came from, with its own information.
enum Origin {
    Stream,
    /// A UDP datagram. `v6`: the socket is one of IPv6.
    Udp {
        received: Received,
        v6: bool,
        wanted: Wanted,
    },
    /// A Unix datagram: its whole length and its sender's name.
    Unix {
        whole: usize,
        name: Vec<u8>,
    },
}

fn receive(me: ThreadId, fd: c_int, into: &mut dyn Sink, flags: c_int) -> Result<Arrival, Errno> {
    let manner = manner(flags);
    let is_datagram =
        super::current::kernel(me, |kernel| kernel.describe(me, fd).is_ok_and(|id| kernel.process.udp(id).is_some()));
    if !is_datagram && unix::takes_datagrams(me, fd) {
        let (count, whole, name) = unix::receive(me, fd, into, (manner.peek, manner.dont_wait))?;
        return Ok(Arrival { count, origin: Origin::Unix { whole, name } });
    }
    if !is_datagram {
        return Ok(Arrival { count: read_into(me, fd, into, manner)?, origin: Origin::Stream });
    }
    let mut deadline = None;
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "recvmsg")?;
        into.check()?;
        let description = kernel.process.description(id).ok_or(libc::EBADF)?;
        let nonblocking = description.is_nonblocking() || manner.dont_wait;
        let Kind::Udp(socket) = description.kind() else { return Err(libc::ENOTSOCK) };
        let (v6, timeout) = (socket.v6, socket.receive_timeout_ns.unwrap_or(u64::MAX));
        let wanted = Wanted { traffic: socket.reports_traffic, address: socket.reports_address };
        let outcome = kernel
            .udp_receive(id, into, manner.peek)
            .map(|received| Arrival { count: received.count, origin: Origin::Udp { received, v6, wanted } });
        kernel.done_or_wait(me, id, outcome, nonblocking, timeout, &mut deadline)
    })
}

/// `recv` with `MSG_WAITALL`, which waits for all bytes of a stream, or with `MSG_TRUNC`, which discards those of a stream and counts the
/// whole datagram.
#[cold]
fn receive_specially(me: ThreadId, fd: c_int, into: UserSliceMut<u8>, flags: c_int) -> Result<usize, Errno> {
    let is_stream = super::current::kernel(me, |kernel| {
        kernel.describe(me, fd).is_ok_and(|id| kernel.process.udp(id).is_none()) && !unix::takes_datagrams(me, fd)
    });
    if !is_stream {
        let mut whole = vec![0; into.len()];
        let arrival = receive(me, fd, &mut &mut whole[..], flags)?;
        into.copy_out(&whole[..arrival.count])?;
        return Ok(match arrival.origin {
            Origin::Udp { received, .. } if flags & libc::MSG_TRUNC != 0 => received.whole,
            Origin::Unix { whole, .. } if flags & libc::MSG_TRUNC != 0 => whole,
            _ => arrival.count,
        });
    }
    if flags & libc::MSG_OOB != 0 {
        // There are no urgent bytes.
        return Err(libc::EINVAL);
    }
    if flags & libc::MSG_TRUNC != 0 {
        let mut discarded = vec![0; into.len()];
        return read_into(me, fd, &mut discarded[..], manner(flags));
    }
    let mut done = 0;
    while done < into.len() {
        match read_into(me, fd, into.after(done), manner(flags)) {
            Ok(0) => break,
            Ok(count) if flags & libc::MSG_PEEK != 0 => return Ok(count),
            Ok(count) => done += count,
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(done)
}

/// # Safety
/// As for `recvmsg(2)`: `message` is valid for reading and writing, and what it names for writing.
unsafe fn receive_message(me: ThreadId, fd: c_int, message: *mut msghdr, flags: c_int) -> Result<usize, Errno> {
    // SAFETY: this function's own contract.
    let (mut head, back) = unsafe { (UserSlice::one(message).read()?, UserSliceMut::one(message)) };
    head.msg_flags = 0;
    // SAFETY: this function's own contract, of the buffers that the message names.
    let parts = unsafe { UserVectorsMut::new(head.msg_iov, head.msg_iovlen) };
    parts.check()?;
    let mut whole = vec![0; parts.size()];
    let arrival = receive(me, fd, &mut &mut whole[..], flags)?;
    parts.scatter(&whole[..arrival.count])?;
    let count = arrival.count;
    // SAFETY: this function's own contract, of the place for an address, whose length stands in the message.
    let from = unsafe { UserAddress::new(head.msg_name.cast(), &raw mut head.msg_namelen) };
    let mut returned = count;
    match arrival.origin {
        Origin::Stream => (head.msg_controllen, head.msg_namelen) = (0, 0),
        Origin::Unix { whole, name } => {
            head.msg_controllen = 0;
            if whole > count {
                head.msg_flags |= libc::MSG_TRUNC;
            }
            unix::write_name(&name, from);
        }
        Origin::Udp { received, v6, wanted } => {
            if received.whole > count {
                head.msg_flags |= libc::MSG_TRUNC;
            }
            from.write_ip(received.from, v6);
            // SAFETY: this function's own contract, of the place for control messages.
            let (len, more_flags) = unsafe { control_messages::write(&head, &received, wanted) };
            head.msg_controllen = len as _;
            head.msg_flags |= more_flags;
            if flags & libc::MSG_TRUNC != 0 {
                returned = received.whole;
            }
        }
    }
    back.write(head)?;
    Ok(returned)
}

/// # Safety
/// As for `sendmsg(2)`: `message` and what it names is valid for reading.
unsafe fn send_message(me: ThreadId, fd: c_int, message: *const msghdr, flags: c_int) -> Result<usize, Errno> {
    // SAFETY: this function's own contract.
    let head = unsafe { UserSlice::one(message) }.read()?;
    // SAFETY: this function's own contract, of the buffers and the address that the message names.
    let (parts, address) =
        unsafe { (UserVectors::new(head.msg_iov, head.msg_iovlen), given(head.msg_name.cast(), head.msg_namelen)) };
    let mut outgoing = Outgoing::default();
    let name = unix::name_in(address);
    if name.is_none() && !address.is_null() {
        outgoing.to = read_ip(address)?;
    }
    // SAFETY: this function's own contract, of the control messages that the message names.
    unsafe { control_messages::read(&head, &mut outgoing) }?;
    let bytes = parts.gather()?;
    match name {
        Some(name) => unix::send(me, fd, &bytes[..], flags & libc::MSG_DONTWAIT != 0, &name),
        None if outgoing == Outgoing::default() => write_from(me, fd, &bytes[..], manner(flags)),
        None => send(me, fd, &bytes[..], flags, outgoing),
    }
}

/// # Safety
/// As for `recvmmsg(2)`: `messages` is an array of `len`, each as [`receive_message`] demands.
unsafe fn receive_many(
    me: ThreadId,
    fd: c_int,
    messages: *mut mmsghdr,
    len: c_uint,
    flags: c_int,
) -> Result<c_int, Errno> {
    // SAFETY: this function's own contract.
    unsafe {
        each_message(messages, len, |done, message| {
            // Only the first is waited for. The others are those that have arrived by then.
            let flags = if done > 0 { flags | libc::MSG_DONTWAIT } else { flags } & !libc::MSG_WAITFORONE;
            receive_message(me, fd, message, flags)
        })
    }
}

/// # Safety
/// As for `sendmmsg(2)`: `messages` is an array of `len`, each as [`send_message`] demands.
unsafe fn send_many(
    me: ThreadId,
    fd: c_int,
    messages: *mut mmsghdr,
    len: c_uint,
    flags: c_int,
) -> Result<c_int, Errno> {
    // SAFETY: this function's own contract.
    unsafe { each_message(messages, len, |_, message| send_message(me, fd, message, flags)) }
}

/// Performs `step` on each message, with the number of those before it, until one fails. Returns the number of messages that
/// succeeded, or the error of the first.
///
/// # Safety
/// `messages` is null or an array of `len`.
unsafe fn each_message(
    messages: *mut mmsghdr,
    len: c_uint,
    mut step: impl FnMut(c_uint, *mut msghdr) -> Result<usize, Errno>,
) -> Result<c_int, Errno> {
    if messages.is_null() && len > 0 {
        return Err(libc::EFAULT);
    }
    for done in 0..len {
        // SAFETY: this function's own contract: no reference to the message is made.
        let (head, count) = unsafe {
            let message = messages.add(done as usize);
            (&raw mut (*message).msg_hdr, UserSliceMut::one(&raw mut (*message).msg_len))
        };
        match step(done, head) {
            Ok(bytes) => count.write(bytes as c_uint)?,
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
    |me| {
        // SAFETY: `sendto(2)`: the caller passes `count` readable bytes at `from`, and null or `len` at `address`.
        let (from, address) = unsafe { (UserSlice::new(from.cast::<u8>(), count), given(address, len)) };
        self::count(send_to(me, fd, from, flags, address))
    };
    fn recv(fd: c_int, into: *mut c_void, count: size_t, flags: c_int) -> ssize_t = next;
    |me| {
        // SAFETY: `recv(2)`: the caller passes `count` writable bytes at `into`.
        let into = unsafe { UserSliceMut::new(into.cast::<u8>(), count) };
        self::count(match flags & (libc::MSG_WAITALL | libc::MSG_TRUNC | libc::MSG_OOB) {
            0 => read_into(me, fd, into, manner(flags)),
            _ => receive_specially(me, fd, into, flags),
        })
    };
    fn recvfrom(
        fd: c_int,
        into: *mut c_void,
        count: size_t,
        flags: c_int,
        address: *mut sockaddr,
        len: *mut socklen_t
    ) -> ssize_t = libc::SYS_recvfrom;
    |me| {
        // SAFETY: `recvfrom(2)`: the caller passes `count` writable bytes at `into`, and null or a place for an address.
        let (mut into, from) = unsafe { (UserSliceMut::new(into.cast::<u8>(), count), UserAddress::new(address, len)) };
        self::count(receive(me, fd, &mut into, flags).map(|arrival| match arrival.origin {
            Origin::Stream => arrival.count,
            Origin::Unix { name, .. } => {
                unix::write_name(&name, from);
                arrival.count
            }
            Origin::Udp { received, v6, .. } => {
                from.write_ip(received.from, v6);
                if flags & libc::MSG_TRUNC != 0 { received.whole } else { arrival.count }
            }
        }))
    };
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t = libc::SYS_sendmsg;
    // SAFETY: `sendmsg(2)`: the caller passes a message, and what it names is readable.
    |me| count(unsafe { send_message(me, fd, message, flags) });
    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t = libc::SYS_recvmsg;
    // SAFETY: `recvmsg(2)`: the caller passes a message, and what it names is writable.
    |me| count(unsafe { receive_message(me, fd, message, flags) });
    fn sendmmsg(fd: c_int, messages: *mut mmsghdr, len: c_uint, flags: c_int) -> c_int = libc::SYS_sendmmsg;
    // SAFETY: `sendmmsg(2)`: the caller passes an array of `len` messages, and what they name is readable.
    |me| result(unsafe { send_many(me, fd, messages, len, flags) });
    fn recvmmsg(
        fd: c_int,
        messages: *mut mmsghdr,
        len: c_uint,
        flags: c_int,
        _timeout: *mut libc::timespec
    ) -> c_int = libc::SYS_recvmmsg;
    // SAFETY: `recvmmsg(2)`: the caller passes an array of `len` messages, and what they name is writable.
    |me| result(unsafe { receive_many(me, fd, messages, len, flags) });
}
