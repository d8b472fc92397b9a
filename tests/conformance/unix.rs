//! Unix sockets: pairs, paths, messages with descriptors.

use crate::calls::{
    ALL, Fd, arrive, in_order, option, poll, read, receive, result, send, shutdown, socket, success, write,
};

fn pair(kind: i32) -> (Fd, Fd) {
    let mut both = [-1; 2];
    // SAFETY: room for two descriptors.
    let made = unsafe { libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, both.as_mut_ptr()) };
    assert_eq!(success(made), "ok");
    (Fd(both[0]), Fd(both[1]))
}

/// A name in the abstract namespace, or a path of the question's folder.
fn address(name: &str) -> (libc::sockaddr_un, libc::socklen_t) {
    // SAFETY: zeros are a valid address.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as _;
    for (to, from) in address.sun_path.iter_mut().zip(name.bytes()) {
        *to = from as _;
    }
    (address, (size_of::<libc::sa_family_t>() + name.len() + usize::from(!name.starts_with('\0'))) as _)
}

fn bind(fd: &Fd, name: &str) -> String {
    let (address, len) = address(name);
    // SAFETY: the address lives until the call returns.
    success(unsafe { libc::bind(fd.0, (&raw const address).cast(), len) })
}

fn connect(fd: &Fd, name: &str) -> String {
    let (address, len) = address(name);
    // SAFETY: the address lives until the call returns.
    success(unsafe { libc::connect(fd.0, (&raw const address).cast(), len) })
}

fn stream() -> Fd {
    socket(libc::AF_UNIX, libc::SOCK_STREAM)
}

/// A path that fits into an address, whatever the folder.
fn here(name: &str) -> String {
    let short = if crate::question::folder().is_empty() { format!("/{name}") } else { name.to_owned() };
    assert!(short.len() < 100);
    short
}

crate::question::questions! {
    fn unix_a_pair_is_a_stream_in_both_directions() -> String {
        let (one, other) = pair(libc::SOCK_STREAM);
        in_order(&[write(&one, b"ab"), write(&other, b"c"), read(&other, 9), read(&one, 9)])
    }
    fn unix_a_pair_of_datagrams_keeps_their_ends() -> String {
        let (one, other) = pair(libc::SOCK_DGRAM);
        in_order(&[write(&one, b"ab"), write(&one, b"c"), read(&other, 9), read(&other, 9)])
    }
    fn unix_a_pair_of_packets_keeps_their_ends_and_its_own() -> String {
        let (one, other) = pair(libc::SOCK_SEQPACKET);
        let sent = [write(&one, b"ab"), write(&one, b"c")].concat();
        drop(one);
        in_order(&[sent, read(&other, 9), read(&other, 9), read(&other, 9)])
    }
    fn unix_a_closed_peer_is_the_end_and_then_a_broken_pipe() -> String {
        let (one, other) = pair(libc::SOCK_STREAM);
        write(&one, b"x");
        drop(one);
        in_order(&[poll(&other, ALL), read(&other, 9), read(&other, 9), send(&other, b"y", 0)])
    }
    fn unix_a_peer_that_leaves_bytes_unread_resets() -> String {
        let (one, other) = pair(libc::SOCK_STREAM);
        write(&other, b"unread");
        drop(one);
        in_order(&[read(&other, 9), read(&other, 9), send(&other, b"y", 0)])
    }
    fn unix_shutdown_of_writes() -> String {
        let (one, other) = pair(libc::SOCK_STREAM);
        let shut = shutdown(&one, libc::SHUT_WR);
        in_order(&[shut, read(&other, 9), send(&one, b"x", 0), write(&other, b"y"), read(&one, 9)])
    }
    fn unix_shutdown_of_reads_breaks_the_peers_pipe() -> String {
        let (one, other) = pair(libc::SOCK_STREAM);
        in_order(&[shutdown(&one, libc::SHUT_RD), send(&other, b"x", 0), read(&one, 9)])
    }
    fn unix_a_full_stream_stops_a_writer() -> String {
        let (one, _other) = pair(libc::SOCK_STREAM);
        crate::calls::set_nonblocking(&one);
        let chunk = [0; 4_096];
        for _ in 0..1 << 14 {
            let sent = send(&one, &chunk, 0);
            if sent != "4096" {
                return in_order(&[sent, poll(&one, libc::POLLOUT)]);
            }
        }
        "never".to_owned()
    }
    fn unix_a_path_is_bound_once() -> String {
        let (one, other) = (stream(), stream());
        in_order(&[bind(&one, &here("s")), bind(&other, &here("s"))])
    }
    fn unix_a_path_outlives_its_socket() -> String {
        let one = stream();
        let bound = bind(&one, &here("s"));
        crate::calls::listen(&one, 1);
        drop(one);
        let refused = connect(&stream(), &here("s"));
        in_order(&[bound, refused, bind(&stream(), &here("s"))])
    }
    fn unix_connect_to_a_path_that_is_not_there() -> String {
        connect(&stream(), &here("nobody"))
    }
    fn unix_connect_to_a_plain_file() -> String {
        drop(crate::calls::file("plain", b"x"));
        connect(&stream(), &here("plain"))
    }
    fn unix_connect_to_a_socket_that_does_not_listen() -> String {
        let one = stream();
        bind(&one, &here("s"));
        connect(&stream(), &here("s"))
    }
    fn unix_an_abstract_name_goes_with_its_socket() -> String {
        let name = format!("\0conformance-{}", std::process::id());
        let one = stream();
        let bound = bind(&one, &name);
        crate::calls::listen(&one, 1);
        let connected = connect(&stream(), &name);
        drop(one);
        in_order(&[bound, connected, connect(&stream(), &name)])
    }
    fn unix_a_stream_does_not_connect_to_datagrams() -> String {
        let one = socket(libc::AF_UNIX, libc::SOCK_DGRAM);
        bind(&one, &here("d"));
        connect(&stream(), &here("d"))
    }
    fn unix_a_server_accepts() -> String {
        let server = stream();
        bind(&server, &here("s"));
        crate::calls::listen(&server, 1);
        let client = stream();
        let connected = connect(&client, &here("s"));
        let accepted = crate::calls::accept(&server).expect("it is in the queue");
        in_order(&[connected, write(&client, b"hello"), read(&accepted, 9)])
    }
    fn unix_a_descriptor_travels_in_a_message() -> String {
        let (one, other) = pair(libc::SOCK_STREAM);
        let file = crate::calls::file("passed", b"content");
        let mut byte = *b"x";
        let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
        let mut space = [0_u64; 8];
        // SAFETY: the message points to the part and the space, which live until the calls return; the space has room for a descriptor.
        unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            (message.msg_iov, message.msg_iovlen) = (&mut part, 1);
            message.msg_control = space.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(4) as _;
            let header = libc::CMSG_FIRSTHDR(&message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(4) as _;
            libc::CMSG_DATA(header).cast::<i32>().write_unaligned(file.0);
            let sent = result(libc::sendmsg(one.0, &message, 0) as i64);
            space = [0; 8];
            message.msg_controllen = size_of_val(&space) as _;
            let got = result(libc::recvmsg(other.0, &mut message, 0) as i64);
            let header = libc::CMSG_FIRSTHDR(&message);
            if header.is_null() {
                return in_order(&[sent, got, "no descriptor".to_owned()]);
            }
            let passed = Fd(libc::CMSG_DATA(header).cast::<i32>().read_unaligned());
            in_order(&[sent, got, read(&passed, 9)])
        }
    }
    fn unix_the_credentials_of_a_peer() -> String {
        let (one, _other) = pair(libc::SOCK_STREAM);
        let mut peer = libc::ucred { pid: -1, uid: 9, gid: 9 };
        let mut len = size_of_val(&peer) as libc::socklen_t;
        // SAFETY: both pointers are valid until the call returns.
        let got = unsafe { libc::getsockopt(one.0, libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut peer).cast(), &mut len) };
        // SAFETY: it takes no pointer.
        let is_own = unsafe { (peer.pid, peer.uid) == (libc::getpid(), libc::getuid()) };
        format!("{} {is_own} {len}", result(got))
    }
    fn unix_kind_and_family() -> String {
        let (one, _other) = pair(libc::SOCK_DGRAM);
        in_order(&[option(&one, libc::SOL_SOCKET, libc::SO_TYPE), option(&one, libc::SOL_SOCKET, libc::SO_DOMAIN)])
    }
    fn unix_peek_and_wait_for_all() -> String {
        let (one, other) = pair(libc::SOCK_STREAM);
        write(&one, b"ab");
        let peeked = receive(&other, 1, libc::MSG_PEEK);
        let later = std::thread::spawn(move || {
            arrive();
            write(&one, b"cd");
            one
        });
        let all = receive(&other, 4, libc::MSG_WAITALL);
        drop(later.join());
        in_order(&[peeked, all])
    }
}
