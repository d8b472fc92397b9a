//! Pipes and event counters.

use crate::calls::{ALL, Fd, errno, in_order, poll, read, result, seek, set_nonblocking, success, write};

fn pipe() -> (Fd, Fd) {
    let mut both = [-1; 2];
    // SAFETY: room for two descriptors.
    let made = unsafe { libc::pipe2(both.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(success(made), "ok");
    (Fd(both[0]), Fd(both[1]))
}

/// Lets a write to a closed pipe fail instead of ending the process.
fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal installs no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

fn counter(initial: u32, flags: i32) -> Fd {
    // SAFETY: it takes no pointer.
    Fd(unsafe { libc::eventfd(initial, flags | libc::EFD_CLOEXEC) })
}

crate::question::questions! {
    fn pipe_bytes_come_out_in_order() -> String {
        let (reader, writer) = pipe();
        in_order(&[write(&writer, b"ab"), write(&writer, b"cd"), read(&reader, 3), read(&reader, 3)])
    }
    fn pipe_ends_when_its_writer_closes() -> String {
        let (reader, writer) = pipe();
        write(&writer, b"x");
        drop(writer);
        in_order(&[poll(&reader, ALL), read(&reader, 9), read(&reader, 9), poll(&reader, ALL)])
    }
    fn pipe_breaks_when_its_reader_closes() -> String {
        ignore_broken_pipes();
        let (reader, writer) = pipe();
        drop(reader);
        in_order(&[poll(&writer, ALL), write(&writer, b"x")])
    }
    fn pipe_ends_are_one_way() -> String {
        let (reader, writer) = pipe();
        in_order(&[write(&reader, b"x"), read(&writer, 1)])
    }
    fn pipe_has_no_position() -> String {
        let (reader, _writer) = pipe();
        seek(&reader, 0, libc::SEEK_CUR)
    }
    fn pipe_holds_64_kibibytes() -> String {
        let (_reader, writer) = pipe();
        set_nonblocking(&writer);
        let mut total = 0;
        loop {
            let wrote = write(&writer, &[0; 4_096]);
            match wrote.parse::<usize>() {
                Ok(count) => total += count,
                Err(_) => return in_order(&[total.to_string(), wrote, poll(&writer, libc::POLLOUT)]),
            }
        }
    }
    fn pipe_read_without_bytes() -> String {
        let (reader, _writer) = pipe();
        set_nonblocking(&reader);
        read(&reader, 1)
    }
    fn pipe_a_small_write_is_whole_or_not_at_all() -> String {
        let (reader, writer) = pipe();
        set_nonblocking(&writer);
        while write(&writer, &[0; 4_096]) == "4096" {}
        read(&reader, 100);
        in_order(&[write(&writer, &[1; 4_096]), write(&writer, &[1; 50])])
    }
    fn pipe_size_is_shown_by_fcntl() -> String {
        let (reader, _writer) = pipe();
        // SAFETY: this command takes no argument.
        result(unsafe { libc::fcntl(reader.0, libc::F_GETPIPE_SZ) })
    }
    fn pipe_readable_bytes() -> String {
        let (reader, writer) = pipe();
        write(&writer, b"abc");
        let mut count = -1;
        // SAFETY: the number lives until the call returns.
        unsafe { libc::ioctl(reader.0, libc::FIONREAD, &raw mut count) };
        count.to_string()
    }
    fn counter_adds_up_and_is_read_at_once() -> String {
        let fd = counter(2, libc::EFD_NONBLOCK);
        let added = write(&fd, &5_u64.to_ne_bytes());
        let mut value = 0_u64;
        // SAFETY: the number lives until the call returns.
        let got = unsafe { libc::read(fd.0, (&raw mut value).cast(), 8) };
        in_order(&[added, result(got as i64), value.to_string(), read(&fd, 8)])
    }
    fn counter_as_a_semaphore() -> String {
        let fd = counter(2, libc::EFD_NONBLOCK | libc::EFD_SEMAPHORE);
        let mut values = Vec::new();
        for _ in 0..3 {
            let mut value = 0_u64;
            // SAFETY: the number lives until the call returns.
            let got = unsafe { libc::read(fd.0, (&raw mut value).cast(), 8) };
            values.push(if got < 0 { errno() } else { value.to_string() });
        }
        in_order(&values)
    }
    fn counter_takes_eight_bytes() -> String {
        let fd = counter(1, libc::EFD_NONBLOCK);
        in_order(&[write(&fd, &[0; 4]), read(&fd, 4), write(&fd, &u64::MAX.to_ne_bytes())])
    }
    fn counter_that_is_full() -> String {
        let fd = counter(0, libc::EFD_NONBLOCK);
        let first = write(&fd, &(u64::MAX - 1).to_ne_bytes());
        in_order(&[first, write(&fd, &1_u64.to_ne_bytes()), poll(&fd, libc::POLLIN | libc::POLLOUT)])
    }
}
