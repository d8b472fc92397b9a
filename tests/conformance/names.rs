//! Names of hosts and services.

use crate::calls::in_order;
use std::ffi::{CStr, CString};

/// The kinds and ports of the addresses of a host and a service; or the error.
fn look_up(host: Option<&str>, service: Option<&str>, flags: i32, family: i32, kind: i32) -> String {
    let text = |text: Option<&str>| text.map(|text| CString::new(text).expect("it has no zero"));
    let (host, service) = (text(host), text(service));
    let pointer = |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
    // SAFETY: zeros are valid hints; the texts live until the call returns; the list is read before it is freed.
    unsafe {
        let mut hints: libc::addrinfo = std::mem::zeroed();
        (hints.ai_flags, hints.ai_family, hints.ai_socktype) = (flags, family, kind);
        let mut list = std::ptr::null_mut();
        let error = libc::getaddrinfo(pointer(&host), pointer(&service), &hints, &mut list);
        if error != 0 {
            return format!("error {error}");
        }
        let mut found = Vec::new();
        let mut entry = list;
        while let Some(info) = entry.as_ref() {
            let address = match info.ai_family {
                libc::AF_INET => {
                    let address = &*info.ai_addr.cast::<libc::sockaddr_in>();
                    let ip = std::net::Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
                    format!("{ip}:{}", u16::from_be(address.sin_port))
                }
                _ => {
                    let address = &*info.ai_addr.cast::<libc::sockaddr_in6>();
                    let ip = std::net::Ipv6Addr::from(address.sin6_addr.s6_addr);
                    format!("[{ip}]:{}", u16::from_be(address.sin6_port))
                }
            };
            found.push(format!("{address}/{}", info.ai_socktype));
            entry = info.ai_next;
        }
        libc::freeaddrinfo(list);
        found.join(" ")
    }
}

const STREAM: i32 = libc::SOCK_STREAM;

crate::question::questions! {
    fn name_localhost_in_v4() -> String {
        look_up(Some("localhost"), None, 0, libc::AF_INET, STREAM)
    }
    fn name_that_is_an_address() -> String {
        look_up(Some("192.0.2.1"), Some("80"), 0, libc::AF_UNSPEC, STREAM)
    }
    fn name_that_is_a_v6_address() -> String {
        look_up(Some("::1"), Some("80"), 0, libc::AF_UNSPEC, STREAM)
    }
    fn name_that_must_be_an_address() -> String {
        look_up(Some("localhost"), None, libc::AI_NUMERICHOST, libc::AF_UNSPEC, STREAM)
    }
    fn name_for_every_kind_of_socket() -> String {
        look_up(Some("127.0.0.1"), Some("80"), 0, libc::AF_INET, 0)
    }
    fn name_of_no_host_is_the_loopback() -> String {
        look_up(None, Some("80"), 0, libc::AF_INET, STREAM)
    }
    fn name_of_no_host_for_a_listener() -> String {
        look_up(None, Some("80"), libc::AI_PASSIVE, libc::AF_INET, STREAM)
    }
    fn name_of_neither() -> String {
        look_up(None, None, 0, libc::AF_UNSPEC, STREAM)
    }
    fn name_of_a_service_that_must_be_a_number() -> String {
        look_up(Some("127.0.0.1"), Some("http"), libc::AI_NUMERICSERV, libc::AF_INET, STREAM)
    }
    fn name_of_the_wrong_family() -> String {
        look_up(Some("::1"), None, 0, libc::AF_INET, STREAM)
    }
    fn name_errors_have_texts() -> String {
        // SAFETY: the texts are static.
        let text = |code| unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy().into_owned();
        in_order(&[text(libc::EAI_NONAME), text(libc::EAI_AGAIN)])
    }
    fn name_of_an_address_as_numbers() -> String {
        let address = crate::calls::local(80);
        let (mut host, mut service) = ([0; 64], [0; 16]);
        // SAFETY: the address and the rooms live until the call returns.
        let code = unsafe {
            libc::getnameinfo(
                (&raw const address).cast(), size_of_val(&address) as _, host.as_mut_ptr(), 64, service.as_mut_ptr(), 16,
                libc::NI_NUMERICHOST | libc::NI_NUMERICSERV,
            )
        };
        // SAFETY: the call wrote zeros at their ends.
        let text = |bytes: &[libc::c_char]| unsafe { CStr::from_ptr(bytes.as_ptr()) }.to_string_lossy().into_owned();
        format!("{code} {} {}", text(&host), text(&service))
    }
}
