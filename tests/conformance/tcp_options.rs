//! Options of TCP sockets: defaults, what was set, and what is refused.

use crate::calls::{connection, in_order, listener, option, set_option, set_structure, tcp, udp};
use libc::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET};

/// The value of an option before and after it is set to this.
fn set(level: i32, name: i32, value: i32) -> String {
    let fd = tcp();
    let before = option(&fd, level, name);
    in_order(&[before, set_option(&fd, level, name, value), option(&fd, level, name)])
}

crate::question::questions! {
    fn option_reuse_of_an_address() -> String {
        set(SOL_SOCKET, libc::SO_REUSEADDR, 1)
    }
    fn option_reuse_of_a_port() -> String {
        set(SOL_SOCKET, libc::SO_REUSEPORT, 1)
    }
    fn option_keepalive() -> String {
        set(SOL_SOCKET, libc::SO_KEEPALIVE, 1)
    }
    fn option_keepalive_set_to_two_is_one() -> String {
        set(SOL_SOCKET, libc::SO_KEEPALIVE, 2)
    }
    fn option_broadcast() -> String {
        set(SOL_SOCKET, libc::SO_BROADCAST, 1)
    }
    fn option_no_delay() -> String {
        set(IPPROTO_TCP, libc::TCP_NODELAY, 1)
    }
    fn option_cork() -> String {
        set(IPPROTO_TCP, libc::TCP_CORK, 1)
    }
    fn option_quick_acknowledgements() -> String {
        set(IPPROTO_TCP, libc::TCP_QUICKACK, 0)
    }
    fn option_idle_time_of_keepalive() -> String {
        set(IPPROTO_TCP, libc::TCP_KEEPIDLE, 33)
    }
    fn option_interval_of_keepalive() -> String {
        set(IPPROTO_TCP, libc::TCP_KEEPINTVL, 5)
    }
    fn option_probes_of_keepalive() -> String {
        set(IPPROTO_TCP, libc::TCP_KEEPCNT, 4)
    }
    fn option_idle_time_out_of_range() -> String {
        set(IPPROTO_TCP, libc::TCP_KEEPIDLE, 0)
    }
    fn option_user_timeout() -> String {
        set(IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 4_000)
    }
    fn option_negative_user_timeout() -> String {
        set(IPPROTO_TCP, libc::TCP_USER_TIMEOUT, -1)
    }
    fn option_retries_of_a_syn() -> String {
        set(IPPROTO_TCP, libc::TCP_SYNCNT, 3)
    }
    fn option_deferred_accept() -> String {
        set(IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 0)
    }
    fn option_time_to_live() -> String {
        set(IPPROTO_IP, libc::IP_TTL, 33)
    }
    fn option_time_to_live_out_of_range() -> String {
        set(IPPROTO_IP, libc::IP_TTL, 256)
    }
    fn option_type_of_service() -> String {
        set(IPPROTO_IP, libc::IP_TOS, 0x10)
    }
    fn option_size_of_the_send_buffer_is_doubled() -> String {
        let fd = tcp();
        in_order(&[set_option(&fd, SOL_SOCKET, libc::SO_SNDBUF, 20_000), option(&fd, SOL_SOCKET, libc::SO_SNDBUF)])
    }
    fn option_size_of_the_receive_buffer_is_doubled() -> String {
        let fd = tcp();
        in_order(&[set_option(&fd, SOL_SOCKET, libc::SO_RCVBUF, 20_000), option(&fd, SOL_SOCKET, libc::SO_RCVBUF)])
    }
    fn option_priority() -> String {
        set(SOL_SOCKET, libc::SO_PRIORITY, 4)
    }
    fn option_low_water_mark() -> String {
        set(SOL_SOCKET, libc::SO_RCVLOWAT, 3)
    }
    fn option_kind_of_a_socket() -> String {
        in_order(&[option(&tcp(), SOL_SOCKET, libc::SO_TYPE), option(&udp(), SOL_SOCKET, libc::SO_TYPE)])
    }
    fn option_family_of_a_socket() -> String {
        option(&tcp(), SOL_SOCKET, libc::SO_DOMAIN)
    }
    fn option_protocol_of_a_socket() -> String {
        in_order(&[option(&tcp(), SOL_SOCKET, libc::SO_PROTOCOL), option(&udp(), SOL_SOCKET, libc::SO_PROTOCOL)])
    }
    fn option_whether_a_socket_listens() -> String {
        let (listener, _) = listener();
        in_order(&[option(&tcp(), SOL_SOCKET, libc::SO_ACCEPTCONN), option(&listener, SOL_SOCKET, libc::SO_ACCEPTCONN)])
    }
    fn option_pending_error_of_a_fresh_socket() -> String {
        option(&tcp(), SOL_SOCKET, libc::SO_ERROR)
    }
    fn option_error_cannot_be_set() -> String {
        set_option(&tcp(), SOL_SOCKET, libc::SO_ERROR, 1)
    }
    fn option_that_does_not_exist() -> String {
        in_order(&[option(&tcp(), SOL_SOCKET, 9_999), set_option(&tcp(), SOL_SOCKET, 9_999, 1), option(&tcp(), IPPROTO_TCP, 9_999)])
    }
    fn option_of_a_file() -> String {
        let file = crate::calls::file("x", b"");
        in_order(&[option(&file, SOL_SOCKET, libc::SO_TYPE), set_option(&file, SOL_SOCKET, libc::SO_KEEPALIVE, 1)])
    }
    fn option_that_is_too_short() -> String {
        set_structure(&tcp(), SOL_SOCKET, libc::SO_KEEPALIVE, &1_u8)
    }
    fn option_linger() -> String {
        let fd = tcp();
        let linger = libc::linger { l_onoff: 1, l_linger: 7 };
        let set = set_structure(&fd, SOL_SOCKET, libc::SO_LINGER, &linger);
        let mut read = libc::linger { l_onoff: -1, l_linger: -1 };
        let mut len = size_of_val(&read) as libc::socklen_t;
        // SAFETY: both pointers are valid until the call returns.
        unsafe { libc::getsockopt(fd.0, SOL_SOCKET, libc::SO_LINGER, (&raw mut read).cast(), &mut len) };
        format!("{set}, {} {} {len}", read.l_onoff, read.l_linger)
    }
    fn option_receive_timeout() -> String {
        let fd = tcp();
        let time = libc::timeval { tv_sec: 2, tv_usec: 500_000 };
        let set = set_structure(&fd, SOL_SOCKET, libc::SO_RCVTIMEO, &time);
        let mut read = libc::timeval { tv_sec: -1, tv_usec: -1 };
        let mut len = size_of_val(&read) as libc::socklen_t;
        // SAFETY: both pointers are valid until the call returns.
        unsafe { libc::getsockopt(fd.0, SOL_SOCKET, libc::SO_RCVTIMEO, (&raw mut read).cast(), &mut len) };
        format!("{set}, {} {} {len}", read.tv_sec, read.tv_usec)
    }
    fn option_receive_timeout_with_too_many_microseconds() -> String {
        set_structure(&tcp(), SOL_SOCKET, libc::SO_RCVTIMEO, &libc::timeval { tv_sec: 0, tv_usec: 1_000_000 })
    }
    fn option_v6_only_of_a_v4_socket() -> String {
        in_order(&[option(&tcp(), IPPROTO_IPV6, libc::IPV6_V6ONLY), set_option(&tcp(), IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)])
    }
    fn option_v6_only_of_a_v6_socket() -> String {
        let fd = crate::calls::socket(libc::AF_INET6, libc::SOCK_STREAM);
        let before = option(&fd, IPPROTO_IPV6, libc::IPV6_V6ONLY);
        in_order(&[before, set_option(&fd, IPPROTO_IPV6, libc::IPV6_V6ONLY, 1), option(&fd, IPPROTO_IPV6, libc::IPV6_V6ONLY)])
    }
    fn option_accepted_sockets_inherit() -> String {
        let (listener, port) = listener();
        set_option(&listener, SOL_SOCKET, libc::SO_KEEPALIVE, 1);
        set_option(&listener, IPPROTO_TCP, libc::TCP_NODELAY, 1);
        set_option(&listener, IPPROTO_TCP, libc::TCP_KEEPIDLE, 44);
        let client = tcp();
        crate::calls::connect(&client, &crate::calls::local(port));
        let server = crate::calls::accept(&listener).expect("it is in the queue");
        let keepalive = option(&server, SOL_SOCKET, libc::SO_KEEPALIVE);
        in_order(&[keepalive, option(&server, IPPROTO_TCP, libc::TCP_NODELAY), option(&server, IPPROTO_TCP, libc::TCP_KEEPIDLE)])
    }
    fn option_state_of_a_connection() -> String {
        let (client, _server) = connection();
        // SAFETY: zeros are a valid structure.
        let mut info: [u8; 256] = [0; 256];
        let mut len = 1;
        // SAFETY: both pointers are valid until the call returns. One byte is asked for: the state.
        unsafe { libc::getsockopt(client.0, IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &mut len) };
        format!("{} {len}", info[0])
    }
}
