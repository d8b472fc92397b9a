//! Descriptors of every kind, as `fcntl`, `ioctl`, `dup3` and futexes show them on Linux.

use crate::harness::{Module, campaigns};
use crate::time::secs;
use afterlife::Sim;
use std::fs::OpenOptions;
use std::io::{Error, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{sleep, spawn};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        fcntl_shows_the_access_mode: 2,
        fionread_counts_readable_bytes: 2,
        dup3_onto_the_same_descriptor_is_invalid: 2,
        a_futex_wake_reaches_only_waiters_that_share_a_bit: 2,
    ])
}

fn access_mode(fd: &impl AsRawFd) -> i32 {
    // SAFETY: the command takes no argument.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) & (libc::O_ACCMODE | libc::O_APPEND) }
}

fn fcntl_shows_the_access_mode(sim: &mut Sim) {
    sim.client_main("program", |_| {
        let writer = OpenOptions::new().write(true).create(true).truncate(true).open("/tmp/file").expect("it is made");
        let reader = OpenOptions::new().read(true).open("/tmp/file").expect("it is there");
        let both = OpenOptions::new().read(true).append(true).open("/tmp/file").expect("it is there");
        assert_eq!(
            [access_mode(&reader), access_mode(&writer), access_mode(&both)],
            [libc::O_RDONLY, libc::O_WRONLY, libc::O_RDWR | libc::O_APPEND]
        );
        let (receiver, sender) = std::io::pipe().expect("there are free numbers");
        assert_eq!([access_mode(&receiver), access_mode(&sender)], [libc::O_RDONLY, libc::O_WRONLY]);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("there are free ports");
        assert_eq!(access_mode(&socket), libc::O_RDWR);
        0
    });
}

fn readable(fd: &impl AsRawFd) -> Result<i32, Option<i32>> {
    let mut count = -1;
    // SAFETY: the request stores one number.
    match unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut count) } {
        0 => Ok(count),
        _ => Err(Error::last_os_error().raw_os_error()),
    }
}

fn fionread_counts_readable_bytes(sim: &mut Sim) {
    sim.client_main("program", |_| {
        std::fs::write("/tmp/file", b"0123456789").expect("it is written");
        let mut file = std::fs::File::open("/tmp/file").expect("it is there");
        file.read_exact(&mut [0; 3]).expect("it has ten bytes");
        assert_eq!(readable(&file), Ok(7));

        let (receiver, mut sender) = std::io::pipe().expect("there are free numbers");
        sender.write_all(b"four").expect("there is room");
        assert_eq!([readable(&receiver), readable(&sender)], [Ok(4), Ok(4)]);

        let (mut one, other) = UnixStream::pair().expect("there are free numbers");
        one.write_all(b"seven..").expect("there is room");
        assert_eq!([readable(&one), readable(&other)], [Ok(0), Ok(7)]);

        let listener = TcpListener::bind("127.0.0.1:7000").expect("the port is free");
        assert_eq!(readable(&listener), Err(Some(libc::EINVAL)));
        let mut client = TcpStream::connect("127.0.0.1:7000").expect("it listens");
        let (server, _) = listener.accept().expect("it waits");
        assert_eq!(readable(&server), Ok(0));
        client.write_all(b"five.").expect("there is room");
        sleep(secs(1));
        assert_eq!(readable(&server), Ok(5));

        let socket = UdpSocket::bind("127.0.0.1:7001").expect("the port is free");
        for datagram in [&b"first"[..], b"second"] {
            socket.send_to(datagram, "127.0.0.1:7001").expect("it is sent");
            sleep(secs(1));
        }
        assert_eq!(readable(&socket), Ok(5), "the first datagram alone");
        0
    });
}

fn dup3_onto_the_same_descriptor_is_invalid(sim: &mut Sim) {
    sim.client_main("program", |_| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("there are free ports");
        let fd = socket.as_raw_fd();
        // SAFETY: neither call closes a descriptor that it does not name.
        unsafe {
            assert_eq!(libc::dup2(fd, fd), fd);
            assert_eq!(libc::dup3(fd, fd, 0), -1);
        }
        assert_eq!(Error::last_os_error().raw_os_error(), Some(libc::EINVAL));
        0
    });
}

fn futex(word: &AtomicU32, operation: i32, value: u32, mask: u32) -> i64 {
    let no_time = std::ptr::null::<libc::timespec>();
    // SAFETY: the word outlives the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, no_time, 0_usize, mask) }
}

fn a_futex_wake_reaches_only_waiters_that_share_a_bit(sim: &mut Sim) {
    sim.client_main("program", |_| {
        let (word, woken) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let waiters = [0b01, 0b10].map(|mask| {
            let (word, woken) = (word.clone(), woken.clone());
            let waiter = spawn(move || {
                futex(&word, libc::FUTEX_WAIT_BITSET, 0, mask);
                woken.fetch_or(mask, Ordering::SeqCst);
            });
            sleep(secs(1));
            waiter
        });
        assert_eq!(futex(&word, libc::FUTEX_WAKE_BITSET, 9, 0b10), 1);
        sleep(secs(1));
        assert_eq!(woken.load(Ordering::SeqCst), 0b10);
        assert_eq!(futex(&word, libc::FUTEX_WAKE_BITSET, 9, 0), -1, "a mask without bits is invalid");
        assert_eq!(futex(&word, libc::FUTEX_WAKE, 9, 0), 1);
        for waiter in waiters {
            waiter.join().expect("it does not panic");
        }
        0
    });
}
