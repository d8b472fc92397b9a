//! Options of sockets: `setsockopt` and `getsockopt`.
//! An option that only changes speed or politeness is accepted and changes nothing.

use super::block::call;
use super::io::{describe, int};
use super::unix;
use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_void, socklen_t, timeval};

/// The value that `setsockopt` was given.
#[derive(Clone, Copy)]
struct Given {
    value: *const c_void,
    len: usize,
}

impl Given {
    /// The value as this type, if it is long enough.
    fn read<T: Copy>(self) -> Option<T> {
        if self.len < size_of::<T>() {
            return None;
        }
        // SAFETY: `setsockopt(2)`: the caller passes `len` readable bytes, which are enough, and each of the types read here is
        // one of plain numbers.
        unsafe { UserSlice::one(self.value.cast::<T>()) }.get(0)
    }
}

fn set_option(me: ThreadId, fd: c_int, level: c_int, option: c_int, given: Given) -> Result<(), Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "setsockopt")?;
        match (level, option) {
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) if given.len >= size_of::<timeval>() => {
                set_timeout(kernel, id, option, given.read().ok_or(libc::EFAULT)?)?;
            }
            (libc::SOL_SOCKET, libc::SO_LINGER) if given.len >= size_of::<libc::linger>() => {
                let linger: libc::linger = given.read().ok_or(libc::EFAULT)?;
                if let Some(socket) = kernel.process.tcp(id) {
                    socket.linger_zero = linger.l_onoff != 0 && linger.l_linger == 0;
                }
            }
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE)
            | (
                libc::IPPROTO_TCP,
                libc::TCP_KEEPIDLE | libc::TCP_KEEPINTVL | libc::TCP_KEEPCNT | libc::TCP_USER_TIMEOUT,
            ) if given.len >= size_of::<c_int>() => {
                set_keepalive(kernel, id, (level, option), given.read().ok_or(libc::EFAULT)?);
            }
            (libc::IPPROTO_UDP, libc::UDP_GRO) => return Err(libc::ENOPROTOOPT), // as before Linux 5.0
            (libc::IPPROTO_IP, libc::IP_RECVTOS | libc::IP_PKTINFO)
            | (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS | libc::IPV6_RECVPKTINFO)
            | (libc::IPPROTO_UDP, libc::UDP_SEGMENT)
            | (libc::IPPROTO_IP, libc::IP_TOS)
            | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
                if given.len >= size_of::<c_int>() && kernel.process.udp(id).is_some() =>
            {
                set_datagram_option(kernel, id, (level, option), given.read().ok_or(libc::EFAULT)?)?;
            }
            // These change speed or politeness, and nothing that a program can see.
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

/// `SO_RCVTIMEO` and `SO_SNDTIMEO`; zero stands for no timeout.
fn set_timeout(kernel: &mut Kernel, id: DescriptionId, option: c_int, time: timeval) -> Result<(), Errno> {
    let ns = (time.tv_sec.max(0) as u64) * 1_000_000_000 + (time.tv_usec.max(0) as u64) * 1_000;
    let ns = if ns == 0 { u64::MAX } else { ns };
    match kernel.process.description_mut(id).ok_or(libc::EBADF)?.kind_mut() {
        Kind::Tcp(socket) if option == libc::SO_RCVTIMEO => socket.receive_timeout_ns = ns,
        Kind::Tcp(socket) => socket.send_timeout_ns = ns,
        Kind::Udp(socket) if option == libc::SO_RCVTIMEO => socket.receive_timeout_ns = Some(ns),
        Kind::Pipe(_) | Kind::Unix(_) if option == libc::SO_RCVTIMEO => {
            kernel.net.unix_mut().attributes_mut(id).receive_timeout_ns = Some(ns);
        }
        Kind::Pipe(_) | Kind::Unix(_) => kernel.net.unix_mut().attributes_mut(id).send_timeout_ns = Some(ns),
        _ => {}
    }
    Ok(())
}

fn set_keepalive(kernel: &mut Kernel, id: DescriptionId, (level, option): (c_int, c_int), value: c_int) {
    let Some(socket) = kernel.process.tcp(id) else { return };
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

fn set_datagram_option(
    kernel: &mut Kernel,
    id: DescriptionId,
    (level, option): (c_int, c_int),
    value: c_int,
) -> Result<(), Errno> {
    let socket = kernel.process.udp(id).ok_or(libc::EBADF)?;
    match (level, option) {
        (libc::IPPROTO_UDP, _) => socket.segment_bytes = u16::try_from(value).map_err(|_| libc::EINVAL)?,
        (libc::IPPROTO_IP, libc::IP_RECVTOS) | (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS) => {
            socket.reports_traffic = value != 0;
        }
        (libc::IPPROTO_IP, libc::IP_TOS) | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => socket.traffic = value as u8,
        _ => socket.reports_address = value != 0,
    }
    Ok(())
}

/// The setting of `SO_RCVTIMEO` or `SO_SNDTIMEO`; `u64::MAX` for no timeout.
fn timeout_ns(kernel: &mut Kernel, me: ThreadId, fd: c_int, option: c_int) -> Result<u64, Errno> {
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

/// The place that `getsockopt` was given for an answer.
struct Wanted {
    value: *mut c_void,
    len: *mut socklen_t,
}

impl Wanted {
    /// Writes an answer, cut to what fits, and the length of what was written.
    fn write<T: Copy>(self, answer: T) -> Result<(), Errno> {
        // SAFETY: `getsockopt(2)`: the caller passes a length and as many writable bytes. The answer's bytes are initialised,
        // because each of the types written here is one of plain numbers without gaps.
        unsafe {
            let room = (UserSlice::one(self.len).read()? as usize).min(size_of::<T>());
            let bytes = UserSlice::new((&raw const answer).cast::<u8>(), room);
            let to = UserSliceMut::new(self.value.cast::<u8>(), room);
            to.check()?;
            for (index, byte) in bytes.iter().enumerate() {
                to.set(index, byte)?;
            }
            UserSliceMut::one(self.len).write(room as socklen_t)
        }
    }
}

fn get_option(me: ThreadId, fd: c_int, level: c_int, option: c_int, wanted: Wanted) -> Result<(), Errno> {
    if level == libc::SOL_SOCKET && matches!(option, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) {
        let ns = call(me, |kernel| timeout_ns(kernel, me, fd, option))?;
        let ns = if ns == u64::MAX { 0 } else { ns };
        return wanted.write(timeval { tv_sec: (ns / 1_000_000_000) as _, tv_usec: (ns % 1_000_000_000 / 1_000) as _ });
    }
    if level == libc::SOL_SOCKET && option == libc::SO_PEERCRED {
        return wanted.write(unix::credentials(me));
    }
    wanted.write(call(me, |kernel| number(kernel, me, fd, (level, option)))?)
}

/// The answer of an option that is a number.
fn number(kernel: &mut Kernel, me: ThreadId, fd: c_int, (level, option): (c_int, c_int)) -> Result<c_int, Errno> {
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
}

super::interposed! {
    fn setsockopt(fd: c_int, level: c_int, option: c_int, value: *const c_void, len: socklen_t) -> c_int =
        libc::SYS_setsockopt;
    |me| int(set_option(me, fd, level, option, Given { value, len: len as usize }));
    fn getsockopt(fd: c_int, level: c_int, option: c_int, value: *mut c_void, len: *mut socklen_t) -> c_int =
        libc::SYS_getsockopt;
    |me| int(get_option(me, fd, level, option, Wanted { value, len }));
}
