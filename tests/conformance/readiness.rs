//! Readiness: epoll and poll.

use crate::calls::{Fd, arrive, connection, errno, in_order, read, result, send, success};

fn instance() -> Fd {
    // SAFETY: it takes no pointer.
    Fd(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

fn control(epoll: &Fd, operation: i32, fd: i32, events: u32) -> String {
    let mut event = libc::epoll_event { events, u64: 7 };
    // SAFETY: the event lives until the call returns.
    success(unsafe { libc::epoll_ctl(epoll.0, operation, fd, &mut event) })
}

/// The events that are ready now, one call after the other: at most four.
fn ready(epoll: &Fd) -> String {
    let mut all = Vec::new();
    for _ in 0..4 {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: room for one event.
        match unsafe { libc::epoll_wait(epoll.0, &mut event, 1, 0) } {
            1 => all.push(format!("{:x}/{}", { event.events }, { event.u64 })),
            0 => break,
            _ => return errno(),
        }
    }
    all.join(" ")
}

const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
const EDGE: u32 = libc::EPOLLET as u32;
const ONCE: u32 = libc::EPOLLONESHOT as u32;
const RDHUP: u32 = libc::EPOLLRDHUP as u32;

crate::question::questions! {
    fn epoll_level_is_shown_until_it_is_read() -> String {
        let (client, server) = connection();
        let epoll = instance();
        control(&epoll, libc::EPOLL_CTL_ADD, server.0, IN);
        let before = ready(&epoll);
        send(&client, b"x", 0);
        arrive();
        let shown = ready(&epoll);
        read(&server, 9);
        in_order(&[before, shown, ready(&epoll)])
    }
    fn epoll_edge_is_shown_once() -> String {
        let (client, server) = connection();
        let epoll = instance();
        control(&epoll, libc::EPOLL_CTL_ADD, server.0, IN | EDGE);
        send(&client, b"x", 0);
        arrive();
        let first = ready(&epoll);
        send(&client, b"y", 0);
        arrive();
        in_order(&[first, ready(&epoll), ready(&epoll)])
    }
    fn epoll_once_is_shown_once_until_it_is_armed() -> String {
        let (client, server) = connection();
        let epoll = instance();
        control(&epoll, libc::EPOLL_CTL_ADD, server.0, IN | ONCE);
        send(&client, b"x", 0);
        arrive();
        let first = ready(&epoll);
        send(&client, b"y", 0);
        arrive();
        let second = ready(&epoll);
        let armed = control(&epoll, libc::EPOLL_CTL_MOD, server.0, IN | ONCE);
        in_order(&[first, second, armed, ready(&epoll)])
    }
    fn epoll_shows_what_is_ready_when_it_is_added() -> String {
        let (_client, server) = connection();
        let epoll = instance();
        control(&epoll, libc::EPOLL_CTL_ADD, server.0, IN | OUT | EDGE);
        ready(&epoll)
    }
    fn epoll_shows_the_end_of_a_stream() -> String {
        let (client, server) = connection();
        let epoll = instance();
        control(&epoll, libc::EPOLL_CTL_ADD, server.0, IN | RDHUP | EDGE);
        drop(client);
        arrive();
        ready(&epoll)
    }
    fn epoll_adding_twice_and_removing_twice() -> String {
        let (_client, server) = connection();
        let epoll = instance();
        in_order(&[
            control(&epoll, libc::EPOLL_CTL_MOD, server.0, IN),
            control(&epoll, libc::EPOLL_CTL_ADD, server.0, IN),
            control(&epoll, libc::EPOLL_CTL_ADD, server.0, IN),
            control(&epoll, libc::EPOLL_CTL_DEL, server.0, 0),
            control(&epoll, libc::EPOLL_CTL_DEL, server.0, 0),
        ])
    }
    fn epoll_of_a_closed_and_of_a_wrong_descriptor() -> String {
        let epoll = instance();
        let file = crate::calls::file("x", b"");
        in_order(&[
            control(&epoll, libc::EPOLL_CTL_ADD, 999, IN),
            control(&epoll, libc::EPOLL_CTL_ADD, file.0, IN),
            control(&epoll, libc::EPOLL_CTL_ADD, epoll.0, IN),
            control(&file, libc::EPOLL_CTL_ADD, epoll.0, IN),
        ])
    }
    fn epoll_forgets_a_closed_descriptor() -> String {
        let (client, server) = connection();
        let epoll = instance();
        control(&epoll, libc::EPOLL_CTL_ADD, server.0, IN);
        send(&client, b"x", 0);
        arrive();
        drop(server);
        ready(&epoll)
    }
    fn epoll_remembers_a_duplicate_of_a_closed_descriptor() -> String {
        let (client, server) = connection();
        let epoll = instance();
        control(&epoll, libc::EPOLL_CTL_ADD, server.0, IN);
        // SAFETY: it takes no pointer.
        let copy = Fd(unsafe { libc::dup(server.0) });
        drop(server);
        send(&client, b"x", 0);
        arrive();
        let shown = ready(&epoll);
        drop(copy);
        in_order(&[shown, ready(&epoll)])
    }
    fn epoll_without_room_for_events() -> String {
        let epoll = instance();
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: room for one event.
        result(unsafe { libc::epoll_wait(epoll.0, &mut event, 0, 0) })
    }
    fn epoll_within_epoll() -> String {
        let (client, server) = connection();
        let (inner, outer) = (instance(), instance());
        control(&inner, libc::EPOLL_CTL_ADD, server.0, IN);
        let added = control(&outer, libc::EPOLL_CTL_ADD, inner.0, IN);
        let before = ready(&outer);
        send(&client, b"x", 0);
        arrive();
        in_order(&[added, before, ready(&outer)])
    }
    fn poll_of_a_closed_descriptor() -> String {
        // It is not open, so that nothing closes it.
        crate::calls::poll(&std::mem::ManuallyDrop::new(Fd(999)), libc::POLLIN)
    }
    fn poll_of_a_negative_descriptor() -> String {
        let mut entry = libc::pollfd { fd: -1, events: libc::POLLIN, revents: 9 };
        // SAFETY: one entry.
        let ready = unsafe { libc::poll(&mut entry, 1, 0) };
        format!("{ready} {}", entry.revents)
    }
    fn poll_of_a_file_is_always_ready() -> String {
        crate::calls::poll(&crate::calls::file("x", b""), libc::POLLIN | libc::POLLOUT)
    }
    fn poll_waits_for_its_timeout() -> String {
        let begun = std::time::Instant::now();
        // SAFETY: no entries.
        let ready = unsafe { libc::poll(std::ptr::null_mut(), 0, 30) };
        format!("{ready} {}", begun.elapsed().as_millis() >= 30)
    }
}
