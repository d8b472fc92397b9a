//! Addresses of sockets in the C library's form, for every family.
//! Unix names are taken apart and put together in `unix`.

use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::Errno;
use libc::{c_int, sa_family_t, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The place that a call was given for an address: its bytes, and its length, which the call changes.
#[derive(Clone, Copy)]
pub(crate) struct UserAddress {
    bytes: Option<UserSliceMut<u8>>,
    len: UserSliceMut<socklen_t>,
}

impl UserAddress {
    /// # Safety
    /// `address` is null, or `len` is valid for reading and writing a length, and `address` for writing as many bytes.
    pub(crate) unsafe fn new(address: *mut sockaddr, len: *mut socklen_t) -> Self {
        // SAFETY: this function's own contract; a null length is one of no use.
        unsafe {
            let bytes = match UserSlice::one(len).get(0) {
                Some(len) if !address.is_null() => Some(UserSliceMut::new(address.cast::<u8>(), len as usize)),
                _ => None,
            };
            Self { bytes, len: UserSliceMut::one(len) }
        }
    }

    /// Writes an address, cut to what fits, and its whole length. Does nothing if no address is wanted.
    pub(crate) fn write(self, address: &[u8]) {
        if let Some(bytes) = self.bytes {
            let _count = bytes.copy_out(address);
            self.len.write_if_given(address.len() as socklen_t);
        }
    }

    /// Writes an IP address as a socket of this family shows it.
    pub(crate) fn write_ip(self, address: SocketAddr, v6: bool) {
        let shown = match (address.ip(), v6) {
            (IpAddr::V4(v4), true) => IpAddr::V6(v4.to_ipv6_mapped()),
            (ip, false) => ip.to_canonical(),
            (ip, true) => ip,
        };
        let mut bytes = [0; size_of::<sockaddr_in6>()];
        let len = encode(SocketAddr::new(shown, address.port()), &mut bytes);
        self.write(&bytes[..len as usize]);
    }
}

/// The bytes of an address that a call was given.
///
/// # Safety
/// `address` is null, or valid for reading `len` bytes until the interposed function returns.
pub(crate) unsafe fn given(address: *const sockaddr, len: socklen_t) -> UserSlice<u8> {
    // SAFETY: this function's own contract.
    unsafe { UserSlice::new(address.cast::<u8>(), len as usize) }
}

/// The family of an address; `None` if there is none.
pub(crate) fn family(address: UserSlice<u8>) -> Option<sa_family_t> {
    address.array().map(sa_family_t::from_ne_bytes)
}

/// Reads an IP address; `None` for `AF_UNSPEC`.
pub(crate) fn read_ip(address: UserSlice<u8>) -> Result<Option<SocketAddr>, Errno> {
    use std::mem::offset_of;
    match c_int::from(family(address).ok_or(libc::EINVAL)?) {
        libc::AF_INET if address.len() >= size_of::<sockaddr_in>() => {
            let ip = address.skip(offset_of!(sockaddr_in, sin_addr)).array::<4>().ok_or(libc::EINVAL)?;
            let port = address.skip(offset_of!(sockaddr_in, sin_port)).array().ok_or(libc::EINVAL)?;
            Ok(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), u16::from_be_bytes(port))))
        }
        libc::AF_INET6 if address.len() >= size_of::<sockaddr_in6>() => {
            let ip = address.skip(offset_of!(sockaddr_in6, sin6_addr)).array::<16>().ok_or(libc::EINVAL)?;
            let port = address.skip(offset_of!(sockaddr_in6, sin6_port)).array().ok_or(libc::EINVAL)?;
            let flow = address.skip(offset_of!(sockaddr_in6, sin6_flowinfo)).array().ok_or(libc::EINVAL)?;
            let scope = address.skip(offset_of!(sockaddr_in6, sin6_scope_id)).array().ok_or(libc::EINVAL)?;
            let (ip, port) = (Ipv6Addr::from(ip), u16::from_be_bytes(port));
            let (flow, scope) = (u32::from_ne_bytes(flow), u32::from_ne_bytes(scope));
            Ok(Some(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope))))
        }
        libc::AF_UNSPEC => Ok(None),
        _ => Err(libc::EINVAL),
    }
}

/// Puts an IP address into the C library's form. Returns its length.
pub(crate) fn encode(address: SocketAddr, into: &mut [u8; size_of::<sockaddr_in6>()]) -> socklen_t {
    use std::mem::offset_of;
    let mut put = |at: usize, bytes: &[u8]| into[at..at + bytes.len()].copy_from_slice(bytes);
    let port = address.port().to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => {
            put(offset_of!(sockaddr_in, sin_family), &(libc::AF_INET as sa_family_t).to_ne_bytes());
            put(offset_of!(sockaddr_in, sin_port), &port);
            put(offset_of!(sockaddr_in, sin_addr), &ip.octets());
            size_of::<sockaddr_in>() as socklen_t
        }
        IpAddr::V6(ip) => {
            put(offset_of!(sockaddr_in6, sin6_family), &(libc::AF_INET6 as sa_family_t).to_ne_bytes());
            put(offset_of!(sockaddr_in6, sin6_port), &port);
            put(offset_of!(sockaddr_in6, sin6_addr), &ip.octets());
            size_of::<sockaddr_in6>() as socklen_t
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(address: &str, v6: bool, room: usize) -> (Result<Option<SocketAddr>, Errno>, usize) {
        let mut bytes = [0_u8; 64];
        let mut len = room as socklen_t;
        // SAFETY: both live until the address was written and read.
        unsafe {
            let to = UserAddress::new(bytes.as_mut_ptr().cast(), &raw mut len);
            to.write_ip(address.parse().expect("an address"), v6);
            (read_ip(given(bytes.as_ptr().cast(), len)), len as usize)
        }
    }

    #[test]
    fn an_address_that_was_written_reads_back() {
        assert_eq!(round_trip("10.0.0.1:80", false, 64), (Ok("10.0.0.1:80".parse().ok()), 16));
        assert_eq!(round_trip("[fd00::2]:443", true, 64), (Ok("[fd00::2]:443".parse().ok()), 28));
        assert_eq!(round_trip("10.0.0.1:80", true, 64), (Ok("[::ffff:10.0.0.1]:80".parse().ok()), 28));
    }

    #[test]
    fn an_address_is_cut_to_its_place_and_its_whole_length_is_told() {
        let mut bytes = [7_u8; 16];
        let mut len = 3;
        // SAFETY: both live until the address was written.
        unsafe { UserAddress::new(bytes.as_mut_ptr().cast(), &raw mut len) }.write(&[1, 2, 3, 4, 5]);
        assert_eq!((&bytes[..5], len), (&[1, 2, 3, 7, 7][..], 5));
    }

    #[test]
    fn an_address_that_is_null_or_too_short_is_invalid() {
        // SAFETY: null is always allowed, and the array is longer than it needs to be.
        unsafe {
            assert_eq!(read_ip(given(std::ptr::null(), 16)), Err(libc::EINVAL));
            let bytes = (libc::AF_INET as sa_family_t).to_ne_bytes();
            assert_eq!(read_ip(given(bytes.as_ptr().cast(), 2)), Err(libc::EINVAL));
        }
    }
}
