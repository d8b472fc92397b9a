//! UDP control messages as QUIC stacks use them: ECN marks, addresses, many datagrams in one call.
//! Plain datagrams are in `udp`.

use crate::harness::{Module, campaigns};
use crate::time::secs;
use afterlife::Sim;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread::sleep;

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        ecn_marks_and_addresses_arrive_as_control_messages: 5,
        one_call_sends_many_datagrams: 5,
    ])
}

fn set(socket: &UdpSocket, level: i32, option: i32, value: i32) -> Result<(), ErrorKind> {
    // SAFETY: a value of the caller's.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), 4) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().kind()) }
}

/// A buffer with the alignment of control messages.
#[repr(align(8))]
struct Control([u8; 128]);

/// Sends bytes with control messages; each is a level, a type and a value.
fn send(socket: &UdpSocket, bytes: &[u8], to: SocketAddr, control: &[(i32, i32, &[u8])]) -> isize {
    let SocketAddr::V4(v4) = to else { panic!("these tests use IPv4") };
    let mut buffer = Control([0; 128]);
    // SAFETY: everything that the message points to outlives the call, and the buffer is large enough.
    unsafe {
        let mut name: libc::sockaddr_in = std::mem::zeroed();
        name.sin_family = libc::AF_INET as _;
        name.sin_port = v4.port().to_be();
        name.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
        let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_name = (&raw mut name).cast();
        message.msg_namelen = size_of::<libc::sockaddr_in>() as _;
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = buffer.0.as_mut_ptr().cast();
        message.msg_controllen = 128;
        let (mut at, mut used) = (libc::CMSG_FIRSTHDR(&raw const message), 0);
        for (level, kind, value) in control {
            (*at).cmsg_level = *level;
            (*at).cmsg_type = *kind;
            (*at).cmsg_len = libc::CMSG_LEN(value.len() as _) as _;
            libc::CMSG_DATA(at).copy_from_nonoverlapping(value.as_ptr(), value.len());
            used += libc::CMSG_SPACE(value.len() as _) as usize;
            at = libc::CMSG_NXTHDR(&raw const message, at);
        }
        message.msg_controllen = used as _;
        libc::sendmsg(socket.as_raw_fd(), &raw const message, 0)
    }
}

/// A datagram's length, its traffic class, and the address that it was sent to.
type Got = (usize, Option<u8>, Option<Ipv4Addr>);

/// The datagrams of one call.
fn receive_many(socket: &UdpSocket, flags: i32) -> std::io::Result<Vec<Got>> {
    let mut bytes = [[0_u8; 2_048]; 8];
    let mut controls: [Control; 8] = std::array::from_fn(|_| Control([0; 128]));
    let mut parts: Vec<libc::iovec> = bytes
        .iter_mut()
        .map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() })
        .collect();
    // SAFETY: everything that the messages point to outlives the call.
    unsafe {
        let mut messages: [libc::mmsghdr; 8] = std::mem::zeroed();
        for (index, message) in messages.iter_mut().enumerate() {
            message.msg_hdr.msg_iov = &raw mut parts[index];
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_control = controls[index].0.as_mut_ptr().cast();
            message.msg_hdr.msg_controllen = 128;
        }
        let count = libc::recvmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), 8, flags as _, std::ptr::null_mut());
        if count < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let read = |message: &libc::mmsghdr| {
            let (mut traffic, mut address) = (None, None);
            let mut at = libc::CMSG_FIRSTHDR(&raw const message.msg_hdr);
            while !at.is_null() {
                let value = libc::CMSG_DATA(at);
                match ((*at).cmsg_level, (*at).cmsg_type) {
                    (libc::IPPROTO_IP, libc::IP_TOS) => traffic = Some(*value),
                    (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                        let info = value.cast::<libc::in_pktinfo>().read_unaligned();
                        address = Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)));
                    }
                    other => panic!("a control message that nobody asked for: {other:?}"),
                }
                at = libc::CMSG_NXTHDR(&raw const message.msg_hdr, at);
            }
            (message.msg_len as usize, traffic, address)
        };
        Ok(messages[..count as usize].iter().map(read).collect())
    }
}

fn ecn_marks_and_addresses_arrive_as_control_messages(sim: &mut Sim) {
    sim.client_main("server", |_| {
        let socket = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
        assert_eq!(set(&socket, libc::IPPROTO_IP, libc::IP_RECVTOS, 1), Ok(()));
        assert_eq!(set(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1), Ok(()));
        let own = Some(Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(receive_many(&socket, 0).expect("it comes"), [(5, Some(2), own)]);
        sleep(secs(2));
        let mut sizes = receive_many(&socket, 0).expect("they are there");
        sizes.sort_unstable();
        assert_eq!(sizes, [(100, Some(0), own), (1_000, Some(0), own), (1_000, Some(0), own)], "one was cut in three");
        let nothing = receive_many(&socket, libc::MSG_DONTWAIT).expect_err("nothing is left");
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        0
    });
    sim.client_main("client", |_| {
        sleep(secs(1));
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        let to = SocketAddr::from(([10, 0, 0, 1], 9000));
        assert_eq!(send(&socket, b"bytes", to, &[(libc::IPPROTO_IP, libc::IP_TOS, &2_i32.to_ne_bytes())]), 5);
        sleep(secs(1));
        assert_eq!(set(&socket, libc::IPPROTO_UDP, libc::UDP_SEGMENT, 1_500), Ok(()));
        assert_eq!(set(&socket, libc::IPPROTO_UDP, libc::UDP_SEGMENT, 0), Ok(()));
        assert!(set(&socket, libc::IPPROTO_UDP, libc::UDP_GRO, 1).is_err(), "as before Linux 5.0");
        let segments = [(libc::IPPROTO_UDP, libc::UDP_SEGMENT, &1_000_u16.to_ne_bytes()[..])];
        assert_eq!(send(&socket, &[7; 2_100], to, &segments), 2_100);
        0
    });
}

fn one_call_sends_many_datagrams(sim: &mut Sim) {
    sim.client_main("server", |_| {
        let socket = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
        sleep(secs(2));
        let mut sizes: Vec<usize> =
            receive_many(&socket, 0).expect("they are there").iter().map(|datagram| datagram.0).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 2, 3]);
        0
    });
    sim.client_main("client", |_| {
        sleep(secs(1));
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        socket.connect("server:9000").expect("it has a name");
        let bytes = [0_u8; 3];
        let mut parts: Vec<libc::iovec> =
            (1..=3).map(|len| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: len }).collect();
        // SAFETY: everything that the messages point to outlives the call.
        unsafe {
            let mut messages: [libc::mmsghdr; 3] = std::mem::zeroed();
            for (message, part) in messages.iter_mut().zip(&mut parts) {
                message.msg_hdr.msg_iov = part;
                message.msg_hdr.msg_iovlen = 1;
            }
            assert_eq!(libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), 3, 0), 3);
            assert_eq!(messages.map(|message| message.msg_len), [1, 2, 3]);
        }
        0
    });
}
