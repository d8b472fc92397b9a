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
use crate::kernel::process::fd::options::Name;
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

/// The family and kind of a socket.
struct Kin {
    datagrams: bool,
    v6: bool,
    unix: bool,
}

/// The kin of a description. Fails with `ENOTSOCK` if it is no socket.
fn kin(kernel: &Kernel, id: DescriptionId) -> Result<Kin, Errno> {
    Ok(match kernel.process.description(id).ok_or(libc::EBADF)?.kind() {
        Kind::Tcp(socket) => Kin { datagrams: false, v6: socket.v6, unix: false },
        Kind::Udp(socket) => Kin { datagrams: true, v6: socket.v6, unix: false },
        // Half of a pair of Unix sockets may be kept as a pipe.
        Kind::Pipe(_) => Kin { datagrams: false, v6: false, unix: true },
        Kind::Unix(socket) => Kin { datagrams: socket.has_datagrams(), v6: false, unix: true },
        _ => return Err(libc::ENOTSOCK),
    })
}

/// Returns whether Linux has this option, which changes speed or politeness and nothing that a program can see here.
fn is_polite((level, option): Name, kin: &Kin) -> bool {
    match level {
        _ if kin.unix => false,
        libc::IPPROTO_TCP => !kin.datagrams && (1..=40).contains(&option),
        libc::IPPROTO_IP => (1..=60).contains(&option),
        libc::IPPROTO_IPV6 => kin.v6 && (1..=80).contains(&option),
        libc::IPPROTO_UDP => kin.datagrams && matches!(option, 1 | 100..=104),
        _ => false,
    }
}

fn set_option(me: ThreadId, fd: c_int, level: c_int, option: c_int, given: Given) -> Result<(), Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "setsockopt")?;
        let kin = kin(kernel, id)?;
        match (level, option) {
            (libc::SOL_SOCKET, _) if given.len < size_of::<c_int>() => return Err(libc::EINVAL),
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) if given.len >= size_of::<timeval>() => {
                return set_timeout(kernel, id, option, given.read().ok_or(libc::EFAULT)?);
            }
            (libc::SOL_SOCKET, libc::SO_LINGER) if given.len >= size_of::<libc::linger>() => {
                let linger: libc::linger = given.read().ok_or(libc::EFAULT)?;
                if let Some(socket) = kernel.process.tcp(id) {
                    socket.linger_s = (linger.l_onoff != 0).then_some(linger.l_linger);
                }
                return Ok(());
            }
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO | libc::SO_LINGER) => return Err(libc::EINVAL),
            (libc::IPPROTO_UDP, libc::UDP_GRO) => return Err(libc::ENOPROTOOPT), // as before Linux 5.0
            _ => {}
        }
        let value: c_int = match given.read() {
            Some(value) => value,
            // Options of IP may be one byte long.
            None => c_int::from(given.read::<u8>().ok_or(if given.len == 0 { libc::EINVAL } else { libc::EFAULT })?),
        };
        match (level, option) {
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE)
            | (
                libc::IPPROTO_TCP,
                libc::TCP_KEEPIDLE | libc::TCP_KEEPINTVL | libc::TCP_KEEPCNT | libc::TCP_USER_TIMEOUT,
            ) => return set_keepalive(kernel, id, (level, option), value),
            (libc::IPPROTO_IP, libc::IP_RECVTOS | libc::IP_PKTINFO)
            | (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS | libc::IPV6_RECVPKTINFO)
            | (libc::IPPROTO_UDP, libc::UDP_SEGMENT)
            | (libc::IPPROTO_IP, libc::IP_TOS)
            | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
                if kernel.process.udp(id).is_some() =>
            {
                set_datagram_option(kernel, id, (level, option), value)?;
            }
            (libc::IPPROTO_IPV6, _) if !kin.v6 => return Err(libc::ENOPROTOOPT),
            _ => {}
        }
        let options = kernel.process.description_mut(id).ok_or(libc::EBADF)?.options_mut();
        if options.set((level, option), value, kin.datagrams)? || is_polite((level, option), &kin) {
            return Ok(());
        }
        Err(libc::ENOPROTOOPT)
    })
}

/// `SO_RCVTIMEO` and `SO_SNDTIMEO`; zero stands for no timeout.
fn set_timeout(kernel: &mut Kernel, id: DescriptionId, option: c_int, time: timeval) -> Result<(), Errno> {
    if !(0..1_000_000).contains(&time.tv_usec) {
        return Err(libc::EDOM);
    }
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

fn set_keepalive(kernel: &mut Kernel, id: DescriptionId, name: Name, value: c_int) -> Result<(), Errno> {
    let Some(socket) = kernel.process.tcp(id) else {
        // Datagrams have no such probes, but the option.
        return if name.0 == libc::SOL_SOCKET { Ok(()) } else { Err(libc::ENOPROTOOPT) };
    };
    let keepalive = &mut socket.keepalive;
    // The highest numbers are those of `tcp(7)`.
    let within = |most: c_int| if (1..=most).contains(&value) { Ok(value as u32) } else { Err(libc::EINVAL) };
    match name.1 {
        libc::SO_KEEPALIVE if name.0 == libc::SOL_SOCKET => keepalive.on = value != 0,
        libc::TCP_KEEPIDLE => keepalive.idle_s = within(32_767)?,
        libc::TCP_KEEPINTVL => keepalive.interval_s = within(32_767)?,
        libc::TCP_KEEPCNT => keepalive.probes_max = within(127)?,
        _ => keepalive.user_timeout_ms = u32::try_from(value).map_err(|_| libc::EINVAL)?,
    }
    kernel.keepalive_changed(id);
    Ok(())
}

/// The value of a keepalive option; `None` for any other option or kind of socket.
fn keepalive(kernel: &Kernel, id: DescriptionId, name: Name) -> Option<c_int> {
    let Kind::Tcp(socket) = kernel.process.description(id)?.kind() else { return None };
    let keepalive = socket.keepalive;
    Some(match name {
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => c_int::from(keepalive.on),
        (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE) => keepalive.idle_s as c_int,
        (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL) => keepalive.interval_s as c_int,
        (libc::IPPROTO_TCP, libc::TCP_KEEPCNT) => keepalive.probes_max as c_int,
        (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT) => keepalive.user_timeout_ms as c_int,
        _ => return None,
    })
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
    if level == libc::SOL_SOCKET && option == libc::SO_LINGER {
        let linger_s = call(me, |kernel| {
            let id = describe(kernel, me, fd, "getsockopt")?;
            kin(kernel, id)?;
            Ok::<_, Errno>(kernel.process.tcp(id).and_then(|socket| socket.linger_s))
        })?;
        return wanted
            .write(libc::linger { l_onoff: c_int::from(linger_s.is_some()), l_linger: linger_s.unwrap_or(0) });
    }
    if level == libc::IPPROTO_TCP && option == libc::TCP_INFO {
        let state = call(me, |kernel| {
            let id = describe(kernel, me, fd, "getsockopt")?;
            kernel.tcp_state_number(id).ok_or(libc::ENOPROTOOPT)
        })?;
        let mut info = [0_u8; INFO_BYTES];
        info[0] = state;
        return wanted.write(info);
    }
    wanted.write(call(me, |kernel| number(kernel, me, fd, (level, option)))?)
}

/// The size of `tcp_info` since Linux 4.9, of which the state alone is filled in.
const INFO_BYTES: usize = 104;

/// The answer of an option that is a number.
fn number(kernel: &mut Kernel, me: ThreadId, fd: c_int, name: Name) -> Result<c_int, Errno> {
    let id = describe(kernel, me, fd, "getsockopt")?;
    let kin = kin(kernel, id)?;
    let (level, option) = name;
    if level == libc::IPPROTO_IPV6 && !kin.v6 {
        return Err(libc::EOPNOTSUPP);
    }
    if let Some(value) = keepalive(kernel, id, name) {
        return Ok(value);
    }
    let description = kernel.process.description(id).ok_or(libc::EBADF)?;
    let listening = match description.kind() {
        Kind::Tcp(socket) => socket.is_listening(),
        Kind::Unix(socket) => socket.is_listening(),
        _ => false,
    };
    if let Some(value) = description.options().get(name, kin.datagrams) {
        return Ok(value);
    }
    Ok(match name {
        (libc::SOL_SOCKET, libc::SO_ERROR) if !kin.datagrams => kernel.tcp_take_error(id),
        (libc::SOL_SOCKET, libc::SO_ERROR) => {
            kernel.process.udp(id).map_or(0, |socket| std::mem::take(&mut socket.error))
        }
        (libc::SOL_SOCKET, libc::SO_TYPE) if kin.datagrams => libc::SOCK_DGRAM,
        (libc::SOL_SOCKET, libc::SO_TYPE) => libc::SOCK_STREAM,
        (libc::SOL_SOCKET, libc::SO_DOMAIN) if kin.unix => libc::AF_UNIX,
        (libc::SOL_SOCKET, libc::SO_DOMAIN) if kin.v6 => libc::AF_INET6,
        (libc::SOL_SOCKET, libc::SO_DOMAIN) => libc::AF_INET,
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) if kin.unix => 0,
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) if kin.datagrams => libc::IPPROTO_UDP,
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) => libc::IPPROTO_TCP,
        (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => c_int::from(listening),
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => 0,
        _ if level != libc::SOL_SOCKET && is_polite((level, option), &kin) => 0,
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
