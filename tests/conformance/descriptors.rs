//! Descriptors: numbers, duplicates, flags.

use crate::calls::{Fd, errno, file, in_order, open, read, result, seek, success, write};

fn control(fd: i32, command: i32, argument: i32) -> String {
    // SAFETY: these commands take a number.
    result(unsafe { libc::fcntl(fd, command, argument) })
}

crate::question::questions! {
    fn descriptor_numbers_are_the_lowest_free_ones() -> String {
        let (one, other) = (file("a", b""), file("b", b""));
        let (first, second) = (one.0, other.0);
        drop(one);
        let again = file("c", b"");
        format!("{} {}", second - first, again.0 == first)
    }
    fn descriptor_numbers_begin_after_the_standard_streams() -> String {
        file("a", b"").0.to_string()
    }
    fn descriptor_close_twice() -> String {
        let fd = file("a", b"").0;
        // SAFETY: it takes no pointer.
        success(unsafe { libc::close(fd) })
    }
    fn descriptor_that_was_never_open() -> String {
        let fd = std::mem::ManuallyDrop::new(Fd(9_999));
        in_order(&[read(&fd, 1), write(&fd, b"x"), seek(&fd, 0, 0), control(9_999, libc::F_GETFD, 0)])
    }
    fn descriptor_duplicates_share_a_position() -> String {
        let one = file("a", b"abcdef");
        // SAFETY: it takes no pointer.
        let other = Fd(unsafe { libc::dup(one.0) });
        in_order(&[read(&one, 2), read(&other, 2), seek(&one, 0, libc::SEEK_CUR)])
    }
    fn descriptor_two_opens_do_not() -> String {
        let one = file("a", b"abcdef");
        let other = open("a", libc::O_RDONLY).expect("it is there");
        in_order(&[read(&one, 2), read(&other, 2)])
    }
    fn descriptor_dup2_onto_itself_and_onto_another() -> String {
        let (one, other) = (file("a", b"a"), file("b", b"b"));
        // SAFETY: they take no pointer.
        let (same, moved) = unsafe { (libc::dup2(one.0, one.0) == one.0, libc::dup2(one.0, other.0) == other.0) };
        format!("{same} {moved} {}", read(&other, 9))
    }
    fn descriptor_dup2_of_a_closed_one() -> String {
        let one = file("a", b"");
        // SAFETY: it takes no pointer.
        result(unsafe { libc::dup2(9_999, one.0) })
    }
    fn descriptor_dup3_onto_itself() -> String {
        let one = file("a", b"");
        // SAFETY: it takes no pointer.
        result(unsafe { libc::dup3(one.0, one.0, 0) })
    }
    fn descriptor_closes_at_exec_if_asked() -> String {
        let one = file("a", b"");
        let before = control(one.0, libc::F_GETFD, 0);
        let set = control(one.0, libc::F_SETFD, 0);
        in_order(&[before, set, control(one.0, libc::F_GETFD, 0)])
    }
    fn descriptor_duplicates_do_not_close_at_exec() -> String {
        let one = file("a", b"");
        // SAFETY: they take no pointer.
        let (plain, asked) = unsafe { (Fd(libc::dup(one.0)), Fd(libc::fcntl(one.0, libc::F_DUPFD_CLOEXEC, 0))) };
        in_order(&[control(plain.0, libc::F_GETFD, 0), control(asked.0, libc::F_GETFD, 0)])
    }
    fn descriptor_access_modes_are_shown() -> String {
        let modes = [libc::O_RDONLY, libc::O_WRONLY, libc::O_RDWR, libc::O_WRONLY | libc::O_APPEND];
        drop(file("a", b""));
        let shown = modes.map(|mode| {
            let fd = open("a", mode).expect("it is there");
            // SAFETY: this command takes no argument.
            let flags = unsafe { libc::fcntl(fd.0, libc::F_GETFL) };
            (flags & (libc::O_ACCMODE | libc::O_APPEND)).to_string()
        });
        in_order(&shown)
    }
    fn descriptor_non_blocking_is_shared_by_duplicates() -> String {
        let one = crate::calls::tcp();
        // SAFETY: it takes no pointer.
        let other = Fd(unsafe { libc::dup(one.0) });
        crate::calls::set_nonblocking(&one);
        // SAFETY: this command takes no argument.
        (unsafe { libc::fcntl(other.0, libc::F_GETFL) } & libc::O_NONBLOCK != 0).to_string()
    }
    fn descriptor_append_can_be_set_later() -> String {
        let one = file("a", b"abc");
        let set = control(one.0, libc::F_SETFL, libc::O_APPEND);
        let wrote = write(&one, b"d");
        in_order(&[set, wrote, seek(&one, 0, libc::SEEK_END)])
    }
    fn descriptor_duplicate_from_a_lowest_number() -> String {
        let one = file("a", b"");
        // SAFETY: this command takes a number.
        let copy = Fd(unsafe { libc::fcntl(one.0, libc::F_DUPFD, 50) });
        (copy.0 - 50).to_string()
    }
    fn descriptor_unknown_command() -> String {
        let one = file("a", b"");
        in_order(&[control(one.0, 9_999, 0), control(9_999, 9_999, 0)])
    }
    fn descriptor_lock_is_refused_to_another_description() -> String {
        let one = file("a", b"");
        let other = open("a", libc::O_RDWR).expect("it is there");
        let lock = |fd: &Fd, how| {
            // SAFETY: it takes no pointer.
            success(unsafe { libc::flock(fd.0, how | libc::LOCK_NB) })
        };
        in_order(&[
            lock(&one, libc::LOCK_EX),
            lock(&other, libc::LOCK_SH),
            lock(&one, libc::LOCK_SH),
            lock(&other, libc::LOCK_SH),
            lock(&one, libc::LOCK_EX),
            lock(&other, libc::LOCK_UN),
            lock(&one, libc::LOCK_EX),
        ])
    }
    fn descriptor_record_locks_are_of_the_process() -> String {
        let one = file("a", b"abc");
        let other = open("a", libc::O_RDWR).expect("it is there");
        let lock = |fd: &Fd, kind: i32| {
            // SAFETY: zeros are a valid structure.
            let mut lock: libc::flock = unsafe { std::mem::zeroed() };
            (lock.l_type, lock.l_len) = (kind as _, 3);
            // SAFETY: the lock lives until the call returns.
            if unsafe { libc::fcntl(fd.0, libc::F_SETLK, &lock) } == -1 { errno() } else { "ok".to_owned() }
        };
        in_order(&[lock(&one, libc::F_WRLCK), lock(&other, libc::F_WRLCK), lock(&one, libc::F_UNLCK)])
    }
}
