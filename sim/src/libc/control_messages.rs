//! Control messages: the data that `sendmsg` and `recvmsg` carry beside the bytes of a datagram.
//! They are walked by hand, over copies of their heads, because the C library's macros need references to the message.

use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::Errno;
use crate::kernel::net::udp::{Outgoing, Received};
use libc::{c_int, cmsghdr, msghdr};
use std::net::IpAddr;

/// The information that a socket wants beside each datagram.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) traffic: bool,
    pub(super) address: bool,
}

const HEAD: usize = size_of::<cmsghdr>();

/// The bytes that a message of this length takes up in a list.
fn space(len: usize) -> usize {
    len.next_multiple_of(size_of::<usize>())
}

/// Reads the control messages of a datagram that is to be sent.
///
/// # Safety
/// As for `sendmsg(2)`: `msg_control` is null, or valid for reading `msg_controllen` bytes.
pub(super) unsafe fn read(message: &msghdr, outgoing: &mut Outgoing) -> Result<(), Errno> {
    if message.msg_control.is_null() {
        return Ok(());
    }
    let (control, len) = (message.msg_control.cast::<u8>().cast_const(), message.msg_controllen);
    let mut at = 0;
    while at + HEAD <= len {
        // SAFETY: this function's own contract: a head lies within the control messages.
        let head: cmsghdr = unsafe { UserSlice::one(control.add(at).cast()) }.read()?;
        let message_len = head.cmsg_len;
        if message_len < HEAD || message_len > len - at {
            return Err(libc::EINVAL);
        }
        // SAFETY: this function's own contract: the whole message lies within the control messages.
        let value = unsafe { UserSlice::new(control.add(at + HEAD), message_len - HEAD) };
        read_one(&head, value, outgoing)?;
        at += space(message_len);
    }
    Ok(())
}

fn read_one(head: &cmsghdr, value: UserSlice<u8>, outgoing: &mut Outgoing) -> Result<(), Errno> {
    match (head.cmsg_level, head.cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_TOS) | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
            // A number or a single byte.
            let number = match value.array::<4>() {
                Some(bytes) => c_int::from_ne_bytes(bytes),
                None => c_int::from(value.get(0).ok_or(libc::EINVAL)?),
            };
            outgoing.traffic = Some(number as u8);
        }
        (libc::IPPROTO_UDP, libc::UDP_SEGMENT) => {
            outgoing.segment_bytes = Some(u16::from_ne_bytes(value.array().ok_or(libc::EINVAL)?));
        }
        // A node has one address of each kind, so the source address that is named here is the one that it has.
        (libc::IPPROTO_IP, libc::IP_PKTINFO) | (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {}
        (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
            super::refuse(
                "descriptors sent over a socket (SCM_RIGHTS): every process of a run is a machine's only one",
            );
        }
        _ => return Err(libc::EINVAL),
    }
    Ok(())
}

/// A list of control messages that is being written.
struct List {
    to: UserSliceMut<u8>,
    used: usize,
    truncated: bool,
}

impl List {
    /// Adds a message. One that does not fit is left out, and `MSG_CTRUNC` reports it.
    fn put(&mut self, level: c_int, kind: c_int, value: &[u8]) {
        let len = HEAD + value.len();
        if self.to.is_null() || self.used + space(len) > self.to.len() {
            self.truncated = true;
            return;
        }
        let mut bytes = [0; 64];
        bytes[std::mem::offset_of!(cmsghdr, cmsg_len)..][..size_of::<usize>()].copy_from_slice(&len.to_ne_bytes());
        bytes[std::mem::offset_of!(cmsghdr, cmsg_level)..][..4].copy_from_slice(&level.to_ne_bytes());
        bytes[std::mem::offset_of!(cmsghdr, cmsg_type)..][..4].copy_from_slice(&kind.to_ne_bytes());
        bytes[HEAD..len].copy_from_slice(value);
        let _count = self.to.copy_out_at(self.used, &bytes[..len]);
        self.used += space(len);
    }
}

/// Writes the control messages of a datagram that was received. Returns their length and the flags that they add to the message.
///
/// # Safety
/// As for `recvmsg(2)`: `msg_control` is null, or valid for writing `msg_controllen` bytes.
pub(super) unsafe fn write(message: &msghdr, received: &Received, wanted: Wanted) -> (usize, c_int) {
    // SAFETY: this function's own contract.
    let to = unsafe { UserSliceMut::new(message.msg_control.cast::<u8>(), message.msg_controllen) };
    let mut list = List { to, used: 0, truncated: false };
    if wanted.address {
        put_packet_info(&mut list, received);
    }
    if wanted.traffic && received.from.ip().to_canonical().is_ipv4() {
        list.put(libc::IPPROTO_IP, libc::IP_TOS, &[received.traffic]);
    } else if wanted.traffic {
        list.put(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &c_int::from(received.traffic).to_ne_bytes());
    }
    (list.used, if list.truncated { libc::MSG_CTRUNC } else { 0 })
}

/// `IP_PKTINFO` or `IPV6_PKTINFO`: the interface, which is always the first, and the address that the datagram was sent to.
fn put_packet_info(list: &mut List, received: &Received) {
    let interface = 1_u32.to_ne_bytes();
    match received.to.ip() {
        // `in_pktinfo`: the interface, the local address, the destination.
        IpAddr::V4(ip) if received.from.is_ipv4() => {
            let info = [interface, ip.octets(), ip.octets()];
            list.put(libc::IPPROTO_IP, libc::IP_PKTINFO, info.as_flattened());
        }
        // `in6_pktinfo`: the destination, the interface.
        ip => {
            let ip = match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            let mut info = [0; 20];
            info[..16].copy_from_slice(&ip.octets());
            info[16..].copy_from_slice(&interface);
            list.put(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
    }
}

const _: () = assert!(size_of::<libc::in_pktinfo>() == 12 && size_of::<libc::in6_pktinfo>() == 20);

#[cfg(test)]
mod tests {
    use super::*;

    fn received(traffic: u8) -> Received {
        let address = "10.0.0.1:7".parse().expect("an address");
        Received { count: 0, whole: 0, from: address, to: address, traffic }
    }

    fn message(control: &mut [u64], bytes: usize) -> msghdr {
        // SAFETY: zeros are a valid message.
        let mut message: msghdr = unsafe { std::mem::zeroed() };
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = bytes as _;
        message
    }

    #[test]
    fn the_c_library_reads_the_messages_that_are_written() {
        let mut control = [0_u64; 16];
        let mut message = message(&mut control, 128);
        // SAFETY: the control messages live until they were read.
        unsafe {
            let (len, flags) = write(&message, &received(5), Wanted { traffic: true, address: true });
            message.msg_controllen = len as _;
            assert_eq!(flags, 0);
            let first = libc::CMSG_FIRSTHDR(&message);
            assert_eq!(((*first).cmsg_level, (*first).cmsg_type), (libc::IPPROTO_IP, libc::IP_PKTINFO));
            let info = libc::CMSG_DATA(first).cast::<libc::in_pktinfo>().read_unaligned();
            assert_eq!((info.ipi_ifindex, info.ipi_addr.s_addr.to_ne_bytes()), (1, [10, 0, 0, 1]));
            let second = libc::CMSG_NXTHDR(&message, first);
            assert_eq!(((*second).cmsg_level, (*second).cmsg_type), (libc::IPPROTO_IP, libc::IP_TOS));
            assert_eq!(libc::CMSG_DATA(second).read(), 5);
            assert!(libc::CMSG_NXTHDR(&message, second).is_null());
        }
    }

    #[test]
    fn messages_that_were_written_read_back() {
        let mut control = [0_u64; 16];
        let mut message = message(&mut control, 128);
        let mut outgoing = Outgoing::default();
        // SAFETY: the control messages live until they were read.
        unsafe {
            let (len, _) = write(&message, &received(5), Wanted { traffic: true, address: true });
            message.msg_controllen = len as _;
            assert_eq!(read(&message, &mut outgoing), Ok(()));
        }
        assert_eq!(outgoing.traffic, Some(5));
    }

    #[test]
    fn a_message_that_does_not_fit_is_left_out_and_reported() {
        let mut control = [0_u64; 16];
        let message = message(&mut control, 32);
        // SAFETY: the control messages live until they were written.
        let written = unsafe { write(&message, &received(5), Wanted { traffic: true, address: true }) };
        assert_eq!((space(HEAD + 12), written), (32, (32, libc::MSG_CTRUNC)));
    }

    #[test]
    fn a_message_longer_than_its_list_is_invalid() {
        let mut control = [0_u64; 2];
        control[0] = 64;
        let message = message(&mut control, 16);
        // SAFETY: the control messages live until they were read.
        assert_eq!(unsafe { read(&message, &mut Outgoing::default()) }, Err(libc::EINVAL));
    }
}
