//! Names: every node is known by its own name, itself also as `localhost`.
//! There is no DNS server and no file of hosts.

use super::block::call;
use super::current::here;
use crate::event::NodeId;
use crate::host::system;
use crate::kernel::process::address::{address_v4, address_v6};
use crate::kernel::sched::thread::ThreadId;
use libc::{addrinfo, c_char, c_int, c_void, size_t, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a name leads, for a thread: nothing if nobody has that name.
fn addresses(me: ThreadId, name: &str) -> Vec<IpAddr> {
    if let Ok(ip) = name.trim_matches(['[', ']']).parse() {
        return vec![ip];
    }
    let name = name.trim_end_matches('.');
    if name == "localhost" {
        return vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    }
    let found = call(me, |kernel| kernel.process.nodes().position(|(_, node)| node.name() == name));
    found.map_or(Vec::new(), |index| {
        let node = NodeId(index as u16);
        vec![IpAddr::V4(address_v4(node)), IpAddr::V6(address_v6(node))]
    })
}

/// One answer, in one allocation with its address.
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
            ai_protocol: if kind == libc::SOCK_DGRAM { libc::IPPROTO_UDP } else { libc::IPPROTO_TCP },
            ai_addrlen: 0,
            ai_addr: std::ptr::null_mut(),
            ai_canonname: std::ptr::null_mut(),
            ai_next: next,
        },
        address: [0; size_of::<sockaddr_in6>()],
    });
    let place = answer.address.as_mut_ptr();
    // SAFETY: the array is as large as the larger structure; both are written unaligned.
    unsafe {
        match ip {
            IpAddr::V4(ip) => {
                let mut v4: sockaddr_in = std::mem::zeroed();
                v4.sin_family = libc::AF_INET as libc::sa_family_t;
                v4.sin_port = port.to_be();
                v4.sin_addr.s_addr = u32::from(ip).to_be();
                place.cast::<sockaddr_in>().write_unaligned(v4);
                answer.info.ai_family = libc::AF_INET;
                answer.info.ai_addrlen = size_of::<sockaddr_in>() as socklen_t;
            }
            IpAddr::V6(ip) => {
                let mut v6: sockaddr_in6 = std::mem::zeroed();
                v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                v6.sin6_port = port.to_be();
                v6.sin6_addr.s6_addr = ip.octets();
                place.cast::<sockaddr_in6>().write_unaligned(v6);
                answer.info.ai_family = libc::AF_INET6;
                answer.info.ai_addrlen = size_of::<sockaddr_in6>() as socklen_t;
            }
        }
    }
    answer.info.ai_addr = place.cast::<sockaddr>();
    Box::into_raw(answer).cast()
}

/// # Safety
/// As `getaddrinfo`.
unsafe fn look_up(
    me: ThreadId,
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    // SAFETY: the caller's structure.
    let (family, kind, flags) = unsafe { hints.as_ref() }
        .map_or((libc::AF_UNSPEC, 0, 0), |hints| (hints.ai_family, hints.ai_socktype, hints.ai_flags));
    let port = if service.is_null() {
        0
    } else {
        match system::text(service).parse() {
            Ok(port) => port,
            Err(_) => return libc::EAI_SERVICE,
        }
    };
    let ips = match (node.is_null(), flags & libc::AI_PASSIVE != 0) {
        (true, true) => vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)],
        (true, false) => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        (false, _) => addresses(me, &system::text(node)),
    };
    let kind = if kind == 0 { libc::SOCK_STREAM } else { kind };
    let wanted = |ip: &IpAddr| family == libc::AF_UNSPEC || (family == libc::AF_INET) == ip.is_ipv4();
    let list = ips.into_iter().filter(wanted).rev().fold(std::ptr::null_mut(), |next, ip| answer(ip, port, kind, next));
    if list.is_null() {
        return libc::EAI_NONAME;
    }
    // SAFETY: the caller's pointer.
    unsafe { *result = list };
    0
}

/// The interposed function of this name. What a run was given is freed here; what came from outside goes back there.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn freeaddrinfo(list: *mut addrinfo) {
    if here().is_none() {
        static NEXT: system::Function = system::Function::named(c"freeaddrinfo");
        let next = system::next!(NEXT, fn(*mut addrinfo) -> ());
        // SAFETY: `freeaddrinfo(2)`: the caller's own arguments, under the contract that it keeps.
        return unsafe { next(list) };
    }
    let mut one = list;
    while !one.is_null() {
        // SAFETY: made by `answer` above.
        let answer = unsafe { Box::from_raw(one.cast::<Answer>()) };
        one = answer.info.ai_next;
    }
}

/// # Safety
/// `into` is valid for `len` bytes.
unsafe fn host_name(me: ThreadId, into: *mut c_char, len: size_t) -> c_int {
    let name = call(me, |kernel| kernel[kernel.sched[me].node()].name().to_owned());
    if name.len() + 1 > len {
        return super::io::result(Err(libc::ENAMETOOLONG));
    }
    // SAFETY: the caller's buffer, whose size was checked.
    let into = unsafe { super::io::buffer_mut(into.cast::<c_void>(), name.len() + 1) };
    into[..name.len()].copy_from_slice(name.as_bytes());
    into[name.len()] = 0;
    0
}

super::interposed! {
    fn getaddrinfo(
        node: *const c_char,
        service: *const c_char,
        hints: *const addrinfo,
        result: *mut *mut addrinfo
    ) -> c_int = next;
    // SAFETY: the caller's pointers.
    |me| unsafe { look_up(me, node, service, hints, result) };
    shared fn gethostname(into: *mut c_char, len: size_t) -> c_int = next;
    // SAFETY: `gethostname(3)`: the caller passes a buffer of the length that it names.
    |me| unsafe { host_name(me, into, len) };
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
    ) -> c_int: "names of addresses are not built";
    fn gethostbyname(name: *const c_char) -> *mut c_void: "use getaddrinfo";
}
