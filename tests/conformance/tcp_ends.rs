//! The ends of TCP connections: shutdown, close, reset, and what is left to read.

use crate::calls::{
    ALL, arrive, bind, connect, connection, in_order, listen, listener, local, option, poll, port, read, receive,
    result, send, set_option, set_structure, shutdown, tcp,
};

/// Lets a close reset the connection.
fn reset_at_close(fd: &crate::calls::Fd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    assert_eq!(set_structure(fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger), "ok");
}

crate::question::questions! {
    fn tcp_close_is_the_end_of_the_stream() -> String {
        let (client, server) = connection();
        send(&client, b"bye", 0);
        drop(client);
        arrive();
        in_order(&[poll(&server, ALL), read(&server, 9), read(&server, 9), read(&server, 9)])
    }
    fn tcp_first_and_second_write_to_a_closed_peer() -> String {
        let (client, server) = connection();
        drop(client);
        arrive();
        let first = send(&server, b"x", 0);
        arrive();
        let second = send(&server, b"y", 0);
        arrive();
        in_order(&[first, second, send(&server, b"z", 0)])
    }
    fn tcp_read_after_a_write_to_a_closed_peer() -> String {
        let (client, server) = connection();
        drop(client);
        arrive();
        send(&server, b"x", 0);
        arrive();
        in_order(&[read(&server, 9), read(&server, 9)])
    }
    fn tcp_close_with_unread_bytes_resets() -> String {
        let (client, server) = connection();
        send(&server, b"unread", 0);
        arrive();
        drop(client);
        arrive();
        in_order(&[poll(&server, ALL), read(&server, 9), read(&server, 9)])
    }
    fn tcp_close_with_linger_zero_resets() -> String {
        let (client, server) = connection();
        reset_at_close(&client);
        drop(client);
        arrive();
        in_order(&[poll(&server, ALL), read(&server, 9), read(&server, 9), poll(&server, ALL)])
    }
    fn tcp_a_reset_discards_bytes_that_were_not_read() -> String {
        let (client, server) = connection();
        send(&client, b"lost", 0);
        arrive();
        reset_at_close(&client);
        drop(client);
        arrive();
        in_order(&[read(&server, 9), read(&server, 9)])
    }
    fn tcp_write_after_a_reset() -> String {
        let (client, server) = connection();
        reset_at_close(&client);
        drop(client);
        arrive();
        in_order(&[send(&server, b"x", 0), send(&server, b"x", 0)])
    }
    fn tcp_the_error_after_a_reset_is_taken_once() -> String {
        let (client, server) = connection();
        reset_at_close(&client);
        drop(client);
        arrive();
        let error = || option(&server, libc::SOL_SOCKET, libc::SO_ERROR);
        in_order(&[error(), error(), read(&server, 1)])
    }
    fn tcp_names_and_shutdown_after_a_reset() -> String {
        let (client, server) = connection();
        reset_at_close(&client);
        drop(client);
        arrive();
        let mut name = local(0);
        let mut len = size_of_val(&name) as libc::socklen_t;
        // SAFETY: both pointers are valid until the call returns.
        let peer = result(unsafe { libc::getpeername(server.0, (&raw mut name).cast(), &mut len) });
        in_order(&[peer, shutdown(&server, libc::SHUT_RDWR), (port(&server) > 0).to_string()])
    }
    fn tcp_shutdown_of_writes_lets_the_peer_answer() -> String {
        let (client, server) = connection();
        let shut = shutdown(&client, libc::SHUT_WR);
        arrive();
        let ended = read(&server, 9);
        let answered = send(&server, b"answer", 0);
        arrive();
        in_order(&[shut, ended, answered, read(&client, 9), send(&client, b"x", 0)])
    }
    fn tcp_events_after_the_peer_shut_its_writes() -> String {
        let (client, server) = connection();
        shutdown(&client, libc::SHUT_WR);
        arrive();
        in_order(&[poll(&server, ALL), poll(&client, ALL)])
    }
    fn tcp_events_after_both_shut_their_writes() -> String {
        let (client, server) = connection();
        shutdown(&client, libc::SHUT_WR);
        shutdown(&server, libc::SHUT_WR);
        arrive();
        in_order(&[poll(&server, ALL), poll(&client, ALL)])
    }
    fn tcp_bytes_that_arrive_after_a_shutdown_of_reads() -> String {
        let (client, server) = connection();
        let shut = shutdown(&server, libc::SHUT_RD);
        let before = receive(&server, 9, libc::MSG_DONTWAIT);
        send(&client, b"late", 0);
        arrive();
        in_order(&[shut, before, receive(&server, 9, libc::MSG_DONTWAIT), receive(&server, 9, libc::MSG_DONTWAIT)])
    }
    fn tcp_shutdown_of_reads_is_not_seen_by_the_peer() -> String {
        let (client, server) = connection();
        shutdown(&server, libc::SHUT_RD);
        let sent = send(&client, b"x", 0);
        arrive();
        in_order(&[sent, poll(&client, ALL), poll(&server, ALL)])
    }
    fn tcp_shutdown_twice() -> String {
        let (client, _server) = connection();
        in_order(&[shutdown(&client, libc::SHUT_WR), shutdown(&client, libc::SHUT_WR), shutdown(&client, libc::SHUT_RDWR)])
    }
    fn tcp_shutdown_of_an_unconnected_socket() -> String {
        in_order(&[shutdown(&tcp(), libc::SHUT_WR), shutdown(&tcp(), 9)])
    }
    fn tcp_shutdown_of_a_listener_refuses_clients() -> String {
        let (listener, port) = listener();
        let shut = shutdown(&listener, libc::SHUT_RDWR);
        in_order(&[shut, connect(&tcp(), &local(port))])
    }
    fn tcp_close_of_a_listener_resets_its_queue() -> String {
        let (listener, port) = listener();
        let client = tcp();
        connect(&client, &local(port));
        arrive();
        drop(listener);
        arrive();
        in_order(&[read(&client, 1), read(&client, 1)])
    }
    fn tcp_the_port_of_a_closed_connection_is_free_for_a_client() -> String {
        let (client, server) = connection();
        let used = port(&client);
        drop(client);
        drop(server);
        arrive();
        bind(&tcp(), &local(used))
    }
    fn tcp_the_port_of_a_server_that_closed_first_without_reuse() -> String {
        let (listener, at) = listener();
        let client = tcp();
        connect(&client, &local(at));
        let server = crate::calls::accept(&listener);
        drop(server);
        arrive();
        drop((client, listener));
        arrive();
        bind(&tcp(), &local(at))
    }
    fn tcp_the_port_of_a_server_that_closed_first_with_reuse() -> String {
        let (listener, at) = listener();
        set_option(&listener, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        let client = tcp();
        connect(&client, &local(at));
        let server = crate::calls::accept(&listener);
        drop(server);
        arrive();
        drop((client, listener));
        arrive();
        let fd = tcp();
        set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        in_order(&[bind(&fd, &local(at)), listen(&fd, 1)])
    }
    fn tcp_urgent_bytes_are_apart() -> String {
        let (client, server) = connection();
        send(&client, b"ab", 0);
        arrive();
        in_order(&[receive(&server, 9, libc::MSG_OOB), receive(&server, 9, 0)])
    }
    fn tcp_a_dropped_duplicate_does_not_close() -> String {
        let (client, server) = connection();
        // SAFETY: it takes no pointer.
        let copy = crate::calls::Fd(unsafe { libc::dup(client.0) });
        drop(client);
        arrive();
        let open = receive(&server, 1, libc::MSG_DONTWAIT);
        drop(copy);
        arrive();
        in_order(&[open, receive(&server, 1, libc::MSG_DONTWAIT)])
    }
}
