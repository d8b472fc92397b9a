//! TCP: binding, listening, connecting, reading and writing.

use crate::calls::{
    ALL, Fd, accept, arrive, be_patient, bind, connect, connection, errno, in_order, listen, listener, local, option,
    outcome, poll, port, read, receive, result, send, set_nonblocking, set_option, socket, tcp, write,
};

crate::question::questions! {
    fn tcp_listen_without_bind_takes_a_port() -> String {
        let fd = tcp();
        in_order(&[listen(&fd, 1), (port(&fd) > 0).to_string()])
    }
    fn tcp_second_bind_of_one_socket() -> String {
        let fd = tcp();
        in_order(&[bind(&fd, &local(0)), bind(&fd, &local(0))])
    }
    fn tcp_bind_of_a_port_that_is_listened_on() -> String {
        let (_listener, port) = listener();
        bind(&tcp(), &local(port))
    }
    fn tcp_bind_with_reuse_of_a_port_that_is_listened_on() -> String {
        let (_listener, port) = listener();
        let fd = tcp();
        set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        bind(&fd, &local(port))
    }
    fn tcp_two_binds_with_reuse_and_no_listener() -> String {
        let (one, other) = (tcp(), tcp());
        set_option(&one, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        set_option(&other, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        let first = bind(&one, &local(0));
        in_order(&[first, bind(&other, &local(port(&one)))])
    }
    fn tcp_bind_of_a_foreign_address() -> String {
        bind(&tcp(), &crate::calls::address([203, 0, 113, 7], 0))
    }
    fn tcp_connect_to_a_closed_port() -> String {
        let (listener, port) = listener();
        drop(listener);
        connect(&tcp(), &local(port))
    }
    fn tcp_second_connect_of_a_connected_socket() -> String {
        let (listener, port) = listener();
        let client = tcp();
        let first = connect(&client, &local(port));
        let second = connect(&client, &local(port));
        drop(listener);
        in_order(&[first, second])
    }
    fn tcp_connect_of_a_listener() -> String {
        let (one, port) = listener();
        connect(&one, &local(port))
    }
    fn tcp_non_blocking_connect_is_in_progress_and_then_done() -> String {
        let (_listener, port) = listener();
        let client = tcp();
        set_nonblocking(&client);
        let first = connect(&client, &local(port));
        arrive();
        let error = option(&client, libc::SOL_SOCKET, libc::SO_ERROR);
        in_order(&[first, poll(&client, libc::POLLOUT), error, connect(&client, &local(port))])
    }
    fn tcp_non_blocking_connect_to_a_closed_port() -> String {
        let (listener, port) = listener();
        drop(listener);
        let client = tcp();
        set_nonblocking(&client);
        let first = connect(&client, &local(port));
        arrive();
        let events = poll(&client, ALL);
        let error = option(&client, libc::SOL_SOCKET, libc::SO_ERROR);
        in_order(&[first, events, error, option(&client, libc::SOL_SOCKET, libc::SO_ERROR)])
    }
    fn tcp_accept_of_an_empty_queue() -> String {
        let (listener, _) = listener();
        set_nonblocking(&listener);
        outcome(accept(&listener))
    }
    fn tcp_accept_with_a_timeout() -> String {
        let (listener, _) = listener();
        be_patient(&listener);
        outcome(accept(&listener))
    }
    fn tcp_accept_of_a_socket_that_does_not_listen() -> String {
        outcome(accept(&tcp()))
    }
    fn tcp_accept_of_a_connection_whose_client_has_gone() -> String {
        let (listener, port) = listener();
        let client = tcp();
        let connected = connect(&client, &local(port));
        let sent = send(&client, b"bye", 0);
        drop(client);
        arrive();
        let served = accept(&listener).expect("it is in the queue");
        in_order(&[connected, sent, read(&served, 9), read(&served, 9)])
    }
    fn tcp_accepted_sockets_are_blocking_though_the_listener_is_not() -> String {
        let (listener, port) = listener();
        set_nonblocking(&listener);
        let client = tcp();
        connect(&client, &local(port));
        arrive();
        let served = accept(&listener).expect("it is in the queue");
        // SAFETY: it takes no pointer.
        (unsafe { libc::fcntl(served.0, libc::F_GETFL) } & libc::O_NONBLOCK).to_string()
    }
    fn tcp_bytes_arrive_in_order_and_in_one_piece() -> String {
        let (client, server) = connection();
        let sent = [send(&client, b"after", 0), send(&client, b"life", 0)];
        arrive();
        in_order(&[sent.concat(), read(&server, 99)])
    }
    fn tcp_read_of_nothing_when_bytes_wait() -> String {
        let (client, server) = connection();
        send(&client, b"x", 0);
        arrive();
        in_order(&[read(&server, 0), read(&server, 9)])
    }
    fn tcp_write_of_nothing() -> String {
        let (client, _server) = connection();
        write(&client, b"")
    }
    fn tcp_peek_leaves_the_bytes() -> String {
        let (client, server) = connection();
        send(&client, b"abc", 0);
        arrive();
        in_order(&[receive(&server, 2, libc::MSG_PEEK), receive(&server, 9, 0)])
    }
    fn tcp_wait_for_all_bytes() -> String {
        let (client, server) = connection();
        let later = std::thread::spawn(move || {
            send(&client, b"ab", 0);
            arrive();
            send(&client, b"cd", 0);
            client
        });
        let got = receive(&server, 4, libc::MSG_WAITALL);
        drop(later.join());
        got
    }
    fn tcp_wait_for_all_bytes_ends_with_the_stream() -> String {
        let (client, server) = connection();
        send(&client, b"ab", 0);
        drop(client);
        receive(&server, 4, libc::MSG_WAITALL)
    }
    fn tcp_truncation_flag_discards_bytes() -> String {
        let (client, server) = connection();
        send(&client, b"abcd", 0);
        arrive();
        let mut none = [0_u8; 4];
        // SAFETY: the bytes live until the call returns.
        let count = unsafe { libc::recv(server.0, none.as_mut_ptr().cast(), 2, libc::MSG_TRUNC) };
        in_order(&[result(count as i64), receive(&server, 9, 0)])
    }
    fn tcp_number_of_readable_bytes() -> String {
        let (client, server) = connection();
        let mut before = -1;
        let mut after = -1;
        // SAFETY: the number lives until the call returns.
        unsafe { libc::ioctl(server.0, libc::FIONREAD, &raw mut before) };
        send(&client, b"abcde", 0);
        arrive();
        // SAFETY: as above.
        unsafe { libc::ioctl(server.0, libc::FIONREAD, &raw mut after) };
        format!("{before} {after}")
    }
    fn tcp_number_of_readable_bytes_of_a_listener() -> String {
        let (listener, _) = listener();
        let mut count = -1;
        // SAFETY: the number lives until the call returns.
        let called = unsafe { libc::ioctl(listener.0, libc::FIONREAD, &raw mut count) };
        format!("{} {count}", result(called))
    }
    fn tcp_read_of_a_socket_that_is_not_connected() -> String {
        let fd = tcp();
        in_order(&[read(&fd, 1), write(&fd, b"x"), receive(&fd, 1, 0), send(&fd, b"x", 0)])
    }
    fn tcp_read_of_a_listener() -> String {
        let (listener, _) = listener();
        in_order(&[read(&listener, 1), send(&listener, b"x", 0)])
    }
    fn tcp_read_times_out() -> String {
        let (_client, server) = connection();
        be_patient(&server);
        read(&server, 1)
    }
    fn tcp_read_without_waiting() -> String {
        let (_client, server) = connection();
        receive(&server, 1, libc::MSG_DONTWAIT)
    }
    fn tcp_a_full_window_stops_a_writer() -> String {
        let (client, _server) = connection();
        set_nonblocking(&client);
        let chunk = vec![0; 1 << 16];
        for _ in 0..4_096 {
            // SAFETY: the bytes live until the call returns.
            if unsafe { libc::send(client.0, chunk.as_ptr().cast(), chunk.len(), libc::MSG_NOSIGNAL) } < 0 {
                return in_order(&[errno(), poll(&client, libc::POLLOUT)]);
            }
        }
        "never".to_owned()
    }
    fn tcp_names_of_both_ends_agree() -> String {
        let (client, server) = connection();
        let mut name = local(0);
        let mut len = size_of_val(&name) as libc::socklen_t;
        // SAFETY: both pointers are valid until the call returns.
        let called = unsafe { libc::getpeername(server.0, (&raw mut name).cast(), &mut len) };
        format!("{} {} {len}", result(called), u16::from_be(name.sin_port) == port(&client))
    }
    fn tcp_peer_name_of_an_unconnected_socket() -> String {
        let fd = tcp();
        let mut name = local(0);
        let mut len = size_of_val(&name) as libc::socklen_t;
        // SAFETY: both pointers are valid until the call returns.
        result(unsafe { libc::getpeername(fd.0, (&raw mut name).cast(), &mut len) })
    }
    fn tcp_events_of_a_fresh_socket() -> String {
        poll(&tcp(), ALL)
    }
    fn tcp_events_of_a_listener_with_and_without_a_client() -> String {
        let (listener, port) = listener();
        let before = poll(&listener, ALL);
        let client = tcp();
        connect(&client, &local(port));
        arrive();
        in_order(&[before, poll(&listener, ALL)])
    }
    fn tcp_events_of_a_connection_with_and_without_bytes() -> String {
        let (client, server) = connection();
        let before = poll(&server, ALL);
        send(&client, b"x", 0);
        arrive();
        in_order(&[before, poll(&server, ALL)])
    }
    fn tcp_kinds_of_sockets_that_do_not_exist() -> String {
        let try_kind = |family, kind, protocol| {
            // SAFETY: it takes no pointer.
            let fd = unsafe { libc::socket(family, kind, protocol) };
            let said = result(fd);
            drop(Fd(fd));
            said
        };
        in_order(&[
            try_kind(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_UDP),
            try_kind(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_TCP),
            try_kind(libc::AF_INET, 99, 0),
        ])
    }
    fn tcp_a_v6_listener_serves_v4_clients() -> String {
        let listener = socket(libc::AF_INET6, libc::SOCK_STREAM);
        // SAFETY: zeros are the wildcard address.
        let mut any: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
        any.sin6_family = libc::AF_INET6 as _;
        // SAFETY: the address lives until the call returns.
        let bound = unsafe { libc::bind(listener.0, (&raw const any).cast(), size_of_val(&any) as libc::socklen_t) };
        let listening = listen(&listener, 4);
        let mut len = size_of_val(&any) as libc::socklen_t;
        // SAFETY: both pointers are valid until the call returns.
        unsafe { libc::getsockname(listener.0, (&raw mut any).cast(), &mut len) };
        in_order(&[result(bound), listening, connect(&tcp(), &local(u16::from_be(any.sin6_port)))])
    }
    fn tcp_a_v6_only_listener_refuses_v4_clients() -> String {
        let listener = socket(libc::AF_INET6, libc::SOCK_STREAM);
        set_option(&listener, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1);
        // SAFETY: zeros are the wildcard address.
        let mut any: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
        any.sin6_family = libc::AF_INET6 as _;
        // SAFETY: the address lives until the call returns.
        unsafe { libc::bind(listener.0, (&raw const any).cast(), size_of_val(&any) as libc::socklen_t) };
        listen(&listener, 4);
        let mut len = size_of_val(&any) as libc::socklen_t;
        // SAFETY: both pointers are valid until the call returns.
        unsafe { libc::getsockname(listener.0, (&raw mut any).cast(), &mut len) };
        let port = u16::from_be(any.sin6_port);
        in_order(&[connect(&tcp(), &local(port)), bind(&tcp(), &local(port))])
    }
    fn tcp_two_listeners_with_reuse_of_the_port() -> String {
        let (one, other) = (tcp(), tcp());
        set_option(&one, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1);
        set_option(&other, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1);
        let first = [bind(&one, &local(0)), listen(&one, 4)].concat();
        in_order(&[first, bind(&other, &local(port(&one))), listen(&other, 4)])
    }
}
