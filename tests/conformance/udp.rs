//! UDP: datagrams, errors that arrive later, broadcast and multicast.

use crate::calls::{
    ALL, Fd, address, arrive, be_patient, bind, connect, errno, in_order, local, option, poll, port, read, receive,
    result, send, set_option, set_structure, shutdown, success, udp,
};
use libc::SOL_SOCKET;

/// A bound socket, and its port.
fn bound() -> (Fd, u16) {
    let fd = udp();
    assert_eq!(bind(&fd, &local(0)), "ok");
    let port = port(&fd);
    (fd, port)
}

fn send_to(fd: &Fd, bytes: &[u8], to: &libc::sockaddr_in) -> String {
    let len = size_of_val(to) as libc::socklen_t;
    // SAFETY: the bytes and the address live until the call returns.
    result(
        unsafe { libc::sendto(fd.0, bytes.as_ptr().cast(), bytes.len(), 0, std::ptr::from_ref(to).cast(), len) } as i64
    )
}

crate::question::questions! {
    fn udp_a_datagram_arrives_whole() -> String {
        let (server, port) = bound();
        let sent = [send_to(&udp(), b"one", &local(port)), send_to(&udp(), b"two", &local(port))];
        arrive();
        in_order(&[sent.concat(), receive(&server, 99, 0), receive(&server, 99, 0)])
    }
    fn udp_a_short_read_drops_the_rest() -> String {
        let (server, port) = bound();
        send_to(&udp(), b"abcdef", &local(port));
        send_to(&udp(), b"next", &local(port));
        arrive();
        in_order(&[receive(&server, 2, 0), receive(&server, 9, 0)])
    }
    fn udp_truncation_shows_the_whole_size() -> String {
        let (server, port) = bound();
        send_to(&udp(), b"abcdef", &local(port));
        arrive();
        let mut bytes = [0_u8; 2];
        // SAFETY: the bytes live until the call returns.
        result(unsafe { libc::recv(server.0, bytes.as_mut_ptr().cast(), 2, libc::MSG_TRUNC) } as i64)
    }
    fn udp_an_empty_datagram_is_read_as_nothing() -> String {
        let (server, port) = bound();
        let sent = send_to(&udp(), b"", &local(port));
        arrive();
        in_order(&[sent, poll(&server, libc::POLLIN), receive(&server, 9, 0), receive(&server, 9, libc::MSG_DONTWAIT)])
    }
    fn udp_peek_leaves_the_datagram() -> String {
        let (server, port) = bound();
        send_to(&udp(), b"ab", &local(port));
        arrive();
        in_order(&[receive(&server, 1, libc::MSG_PEEK), receive(&server, 9, 0)])
    }
    fn udp_readable_bytes_are_those_of_the_first_datagram() -> String {
        let (server, port) = bound();
        send_to(&udp(), b"abc", &local(port));
        send_to(&udp(), b"de", &local(port));
        arrive();
        let mut count = -1;
        // SAFETY: the number lives until the call returns.
        unsafe { libc::ioctl(server.0, libc::FIONREAD, &raw mut count) };
        count.to_string()
    }
    fn udp_write_without_a_peer() -> String {
        let fd = udp();
        in_order(&[send(&fd, b"x", 0), crate::calls::write(&fd, b"x")])
    }
    fn udp_a_closed_port_refuses_a_connected_socket() -> String {
        let (server, port) = bound();
        drop(server);
        let client = udp();
        let connected = connect(&client, &local(port));
        let first = send(&client, b"x", 0);
        arrive();
        in_order(&[connected, first, poll(&client, ALL), send(&client, b"x", 0)])
    }
    fn udp_a_closed_port_refuses_a_read() -> String {
        let (server, port) = bound();
        drop(server);
        let client = udp();
        connect(&client, &local(port));
        send(&client, b"x", 0);
        arrive();
        be_patient(&client);
        in_order(&[read(&client, 9), read(&client, 9)])
    }
    fn udp_an_unconnected_socket_hears_of_no_refusal() -> String {
        let (server, port) = bound();
        drop(server);
        let client = udp();
        let sent = [send_to(&client, b"x", &local(port)), send_to(&client, b"x", &local(port))];
        arrive();
        in_order(&[sent.concat(), poll(&client, libc::POLLIN | libc::POLLOUT)])
    }
    fn udp_a_connected_socket_drops_what_others_send() -> String {
        let (server, at) = bound();
        let (friend, from) = bound();
        connect(&server, &local(from));
        send_to(&udp(), b"stranger", &local(at));
        send_to(&friend, b"friend", &local(at));
        arrive();
        in_order(&[receive(&server, 99, libc::MSG_DONTWAIT), receive(&server, 99, libc::MSG_DONTWAIT)])
    }
    fn udp_connect_again_and_disconnect() -> String {
        let client = udp();
        let first = connect(&client, &local(9));
        let second = connect(&client, &local(10));
        let mut nobody = local(0);
        nobody.sin_family = libc::AF_UNSPEC as _;
        let third = connect(&client, &nobody);
        in_order(&[first, second, third, send(&client, b"x", 0)])
    }
    fn udp_two_binds_of_one_port() -> String {
        let (_one, port) = bound();
        bind(&udp(), &local(port))
    }
    fn udp_two_binds_with_reuse_of_the_address() -> String {
        let (one, other) = (udp(), udp());
        set_option(&one, SOL_SOCKET, libc::SO_REUSEADDR, 1);
        set_option(&other, SOL_SOCKET, libc::SO_REUSEADDR, 1);
        let first = bind(&one, &local(0));
        in_order(&[first, bind(&other, &local(port(&one)))])
    }
    fn udp_two_binds_with_reuse_of_the_port() -> String {
        let (one, other) = (udp(), udp());
        set_option(&one, SOL_SOCKET, libc::SO_REUSEPORT, 1);
        set_option(&other, SOL_SOCKET, libc::SO_REUSEPORT, 1);
        let first = bind(&one, &local(0));
        in_order(&[first, bind(&other, &local(port(&one)))])
    }
    fn udp_a_shutdown_wakes_a_reader() -> String {
        let (fd, port) = bound();
        connect(&fd, &local(port));
        let number = fd.0;
        let stopper = std::thread::spawn(move || {
            arrive();
            // SAFETY: it takes no pointer.
            success(unsafe { libc::shutdown(number, libc::SHUT_RDWR) })
        });
        let got = read(&fd, 9);
        in_order(&[got, stopper.join().expect("it does not panic")])
    }
    fn udp_shutdown_without_a_peer() -> String {
        shutdown(&udp(), libc::SHUT_RD)
    }
    fn udp_the_largest_datagram() -> String {
        let (_server, port) = bound();
        let bytes = vec![0; 65_508];
        in_order(&[send_to(&udp(), &bytes[..65_507], &local(port)), send_to(&udp(), &bytes, &local(port))])
    }
    fn udp_broadcast_needs_the_option() -> String {
        let fd = udp();
        send_to(&fd, b"x", &address([255, 255, 255, 255], 9))
    }
    fn udp_listen_and_accept() -> String {
        let (fd, _) = bound();
        in_order(&[crate::calls::listen(&fd, 1), crate::calls::outcome(crate::calls::accept(&fd))])
    }
    fn udp_read_times_out() -> String {
        let (fd, _) = bound();
        be_patient(&fd);
        read(&fd, 1)
    }
    fn udp_leaving_a_group_that_was_not_joined() -> String {
        let group = libc::ip_mreq {
            imr_multiaddr: libc::in_addr { s_addr: u32::from_ne_bytes([239, 1, 2, 3]) },
            imr_interface: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        };
        set_structure(&udp(), libc::IPPROTO_IP, libc::IP_DROP_MEMBERSHIP, &group)
    }
    fn udp_events_of_a_fresh_socket() -> String {
        poll(&udp(), ALL)
    }
    fn udp_the_sender_of_a_datagram() -> String {
        let (server, at) = bound();
        let (client, from) = bound();
        send_to(&client, b"x", &local(at));
        arrive();
        let mut name = local(0);
        let mut len = size_of_val(&name) as libc::socklen_t;
        let mut byte = 0_u8;
        // SAFETY: all pointers are valid until the call returns.
        let got = unsafe { libc::recvfrom(server.0, (&raw mut byte).cast(), 1, 0, (&raw mut name).cast(), &mut len) };
        format!("{} {} {len}", if got < 0 { errno() } else { got.to_string() }, u16::from_be(name.sin_port) == from)
    }
    fn udp_options_of_time_to_live() -> String {
        let fd = udp();
        let before = option(&fd, libc::IPPROTO_IP, libc::IP_MULTICAST_TTL);
        let looped = option(&fd, libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP);
        in_order(&[before, looped, option(&fd, libc::IPPROTO_IP, libc::IP_TTL)])
    }
}
