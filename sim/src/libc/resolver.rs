//! Host names: each node has its own name, and calls itself `localhost` as well.
//! There is no DNS server and no file of hosts.

use super::block::call;
use super::current::here;
use super::io::int;
use super::socket_address::encode;
use super::user_memory::{UserSlice, UserSliceMut};
use crate::event::{Misconfiguration, NodeId};
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::process::address::{address_v4, address_v6};
use crate::kernel::sched::thread::ThreadId;
use libc::{addrinfo, c_char, c_int, c_void, size_t, sockaddr, sockaddr_in6, socklen_t};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The addresses of a name; none if no node has it.
fn addresses(me: ThreadId, name: &str) -> Vec<IpAddr> {
    if let Ok(ip) = name.trim_matches(['[', ']']).parse() {
        return vec![ip];
    }
    let name = name.trim_end_matches('.');
    if name == "localhost" {
        return vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    }
    let found = call(me, |kernel| {
        let found = kernel.process.nodes().position(|(_, node)| node.name() == name);
        if found.is_none() {
            let (node, name) = (kernel.sched[me].node(), name.to_owned());
            kernel.net.misconfigurations_mut().record(Misconfiguration::UnknownHost { node, name });
        }
        found
    });
    found.map_or(Vec::new(), |index| {
        let node = NodeId(index as u16);
        vec![IpAddr::V4(address_v4(node)), IpAddr::V6(address_v6(node))]
    })
}

/// An address of another family than was asked for. The `libc` crate does not have it.
const EAI_ADDRFAMILY: c_int = -9;

/// One answer, allocated together with its address.
#[repr(C)]
struct Answer {
    info: addrinfo,
    address: [u8; size_of::<sockaddr_in6>()],
}

fn answer(ip: IpAddr, port: u16, kind: c_int, next: *mut addrinfo) -> *mut addrinfo {
    let mut answer = Box::new(Answer {
        info: addrinfo {
            ai_flags: 0,
            ai_family: 0,
            ai_socktype: kind,
            ai_protocol: match kind {
                libc::SOCK_DGRAM => libc::IPPROTO_UDP,
                libc::SOCK_RAW => 0,
                _ => libc::IPPROTO_TCP,
            },
            ai_addrlen: 0,
            ai_addr: std::ptr::null_mut(),
            ai_canonname: std::ptr::null_mut(),
            ai_next: next,
        },
        address: [0; size_of::<sockaddr_in6>()],
    });
    answer.info.ai_family = if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    answer.info.ai_addrlen = encode(SocketAddr::new(ip, port), &mut answer.address);
    answer.info.ai_addr = answer.address.as_mut_ptr().cast::<sockaddr>();
    Box::into_raw(answer).cast()
}

/// # Safety
/// As for `getaddrinfo(3)`.
unsafe fn look_up(
    me: ThreadId,
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    // SAFETY: `getaddrinfo(3)`: the caller passes null or a structure.
    let (family, kind, flags) = unsafe { UserSlice::one(hints) }
        .get(0)
        .map_or((libc::AF_UNSPEC, 0, 0), |hints| (hints.ai_family, hints.ai_socktype, hints.ai_flags));
    let port = if service.is_null() {
        0
    } else {
        match system::text(service).parse() {
            Ok(port) => port,
            Err(_) if flags & libc::AI_NUMERICSERV != 0 => return libc::EAI_NONAME,
            Err(_) => return libc::EAI_SERVICE,
        }
    };
    if node.is_null() && service.is_null() {
        return libc::EAI_NONAME;
    }
    if !node.is_null() && flags & libc::AI_NUMERICHOST != 0 && system::text(node).parse::<IpAddr>().is_err() {
        return libc::EAI_NONAME;
    }
    let ips = match (node.is_null(), flags & libc::AI_PASSIVE != 0) {
        (true, true) => vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)],
        (true, false) => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        (false, _) => addresses(me, &system::text(node)),
    };
    let all = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW];
    let kinds = if kind == 0 { &all[..] } else { &[kind][..] };
    let is_address = !node.is_null() && system::text(node).parse::<IpAddr>().is_ok();
    let wanted = |ip: &IpAddr| family == libc::AF_UNSPEC || (family == libc::AF_INET) == ip.is_ipv4();
    let answers = ips.into_iter().filter(wanted).flat_map(|ip| kinds.iter().map(move |kind| (ip, *kind)));
    let answers: Vec<_> = answers.collect();
    let list = answers.into_iter().rev().fold(std::ptr::null_mut(), |next, (ip, kind)| answer(ip, port, kind, next));
    if list.is_null() {
        return if is_address { EAI_ADDRFAMILY } else { libc::EAI_NONAME };
    }
    // SAFETY: `getaddrinfo(3)`: the caller passes room for a pointer.
    unsafe { UserSliceMut::one(result) }.write_if_given(list);
    0
}

/// The interposed function of this name. Inside a run it frees a run's list; outside, the C library frees its own.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn freeaddrinfo(list: *mut addrinfo) {
    if here().is_none() {
        static NEXT: system::Function = system::Function::named(c"freeaddrinfo");
        let next = system::next!(NEXT, fn(*mut addrinfo) -> ());
        // SAFETY: `freeaddrinfo(3)`: the caller passes a list that the C library's `getaddrinfo` gave it, once.
        return unsafe { next(list) };
    }
    let mut one = list;
    while !one.is_null() {
        // SAFETY: `freeaddrinfo(3)`: the caller passes a list that `getaddrinfo` gave it, once; `answer` made each entry.
        let answer = unsafe { Box::from_raw(one.cast::<Answer>()) };
        one = answer.info.ai_next;
    }
}

fn host_name(me: ThreadId, into: UserSliceMut<u8>) -> Result<(), Errno> {
    let name = call(me, |kernel| kernel[kernel.sched[me].node()].name().to_owned());
    if name.len() + 1 > into.len() {
        return Err(libc::ENAMETOOLONG);
    }
    into.copy_out(name.as_bytes())?;
    into.set(name.len(), 0)
}

super::interposed! {
    fn getaddrinfo(
        node: *const c_char,
        service: *const c_char,
        hints: *const addrinfo,
        result: *mut *mut addrinfo
    ) -> c_int = next;
    // SAFETY: `getaddrinfo(3)`: the caller passes null or C strings, null or a structure, and room for a pointer.
    |me| unsafe { look_up(me, node, service, hints, result) };
    shared fn gethostname(into: *mut c_char, len: size_t) -> c_int = next;
    // SAFETY: `gethostname(2)`: the caller passes `len` writable bytes at `into`.
    |me| int(host_name(me, unsafe { UserSliceMut::new(into.cast::<u8>(), len) }));
}

super::unsupported_calls! {
    fn getnameinfo(
        address: *const sockaddr,
        address_len: socklen_t,
        host: *mut c_char,
        host_len: socklen_t,
        service: *mut c_char,
        service_len: socklen_t,
        flags: c_int
    ) -> c_int: "names of addresses are not supported";
    fn gethostbyname(name: *const c_char) -> *mut c_void: "use getaddrinfo";
}
