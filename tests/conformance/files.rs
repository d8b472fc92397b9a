//! Files: opening, positions, sizes, holes.

use crate::calls::{errno, file, in_order, open, outcome, path, read, result, seek, success, write};

fn size(name: &str) -> String {
    std::fs::metadata(path(name).to_str().expect("it is text"))
        .map_or_else(|error| format!("{:?}", error.kind()), |data| data.len().to_string())
}

fn truncate(fd: &crate::calls::Fd, to: i64) -> String {
    // SAFETY: it takes no pointer.
    success(unsafe { libc::ftruncate(fd.0, to) })
}

crate::question::questions! {
    fn file_that_is_not_there() -> String {
        in_order(&[outcome(open("none", libc::O_RDONLY)), outcome(open("none/x", libc::O_RDONLY | libc::O_CREAT))])
    }
    fn file_that_must_be_new() -> String {
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        in_order(&[outcome(open("new", flags)), outcome(open("new", flags))])
    }
    fn file_with_a_slash_at_its_end() -> String {
        drop(file("plain", b""));
        in_order(&[outcome(open("plain/", libc::O_RDONLY)), outcome(open("other/", libc::O_RDWR | libc::O_CREAT))])
    }
    fn file_below_a_file() -> String {
        drop(file("plain", b""));
        outcome(open("plain/x", libc::O_RDONLY))
    }
    fn file_with_a_long_name() -> String {
        let flags = libc::O_RDWR | libc::O_CREAT;
        in_order(&[outcome(open(&"n".repeat(255), flags)), outcome(open(&"n".repeat(256), flags))])
    }
    fn file_opened_for_reading_is_not_written() -> String {
        drop(file("a", b"abc"));
        let fd = open("a", libc::O_RDONLY).expect("it is there");
        in_order(&[write(&fd, b"x"), truncate(&fd, 0), size("a")])
    }
    fn file_opened_for_writing_is_not_read() -> String {
        drop(file("a", b"abc"));
        read(&open("a", libc::O_WRONLY).expect("it is there"), 1)
    }
    fn file_truncated_at_open() -> String {
        drop(file("a", b"abc"));
        let opened = outcome(open("a", libc::O_RDWR | libc::O_TRUNC));
        in_order(&[opened, size("a")])
    }
    fn file_append_ignores_the_position() -> String {
        drop(file("a", b"abc"));
        let fd = open("a", libc::O_RDWR | libc::O_APPEND).expect("it is there");
        seek(&fd, 1, libc::SEEK_SET);
        in_order(&[write(&fd, b"d"), seek(&fd, 0, libc::SEEK_CUR), size("a")])
    }
    fn file_positioned_writes_leave_the_position() -> String {
        let fd = file("a", b"abcdef");
        // SAFETY: the bytes live until the calls return.
        let wrote = unsafe { libc::pwrite(fd.0, b"XY".as_ptr().cast(), 2, 2) };
        in_order(&[result(wrote as i64), seek(&fd, 0, libc::SEEK_CUR), read(&fd, 9)])
    }
    fn file_positioned_reads_before_the_start() -> String {
        let fd = file("a", b"abc");
        let mut byte = 0_u8;
        // SAFETY: the byte lives until the calls return.
        let (before, beyond) = unsafe {
            let before = result(libc::pread(fd.0, (&raw mut byte).cast(), 1, -1) as i64);
            (before, result(libc::pread(fd.0, (&raw mut byte).cast(), 1, 100) as i64))
        };
        in_order(&[before, beyond])
    }
    fn file_positions() -> String {
        let fd = file("a", b"abcdef");
        in_order(&[
            seek(&fd, 2, libc::SEEK_SET),
            seek(&fd, 2, libc::SEEK_CUR),
            seek(&fd, -1, libc::SEEK_END),
            seek(&fd, -9, libc::SEEK_CUR),
            seek(&fd, 100, libc::SEEK_SET),
            seek(&fd, 0, 99),
        ])
    }
    fn file_read_beyond_its_end() -> String {
        let fd = file("a", b"abc");
        seek(&fd, 10, libc::SEEK_SET);
        read(&fd, 9)
    }
    fn file_write_beyond_its_end_leaves_a_hole() -> String {
        let fd = file("a", b"ab");
        seek(&fd, 4, libc::SEEK_SET);
        write(&fd, b"c");
        seek(&fd, 0, libc::SEEK_SET);
        read(&fd, 9)
    }
    fn file_grows_and_shrinks() -> String {
        let fd = file("a", b"abcdef");
        let shrunk = [truncate(&fd, 2), size("a")].concat();
        let grown = [truncate(&fd, 5), size("a")].concat();
        in_order(&[shrunk, grown, read(&fd, 9), truncate(&fd, -1)])
    }
    fn file_data_and_holes() -> String {
        let fd = file("a", b"");
        truncate(&fd, 1 << 20);
        seek(&fd, 1 << 19, libc::SEEK_SET);
        write(&fd, b"x");
        in_order(&[seek(&fd, 0, libc::SEEK_DATA), seek(&fd, 1 << 19, libc::SEEK_HOLE), seek(&fd, 1 << 21, libc::SEEK_DATA)])
    }
    fn file_that_is_removed_stays_open() -> String {
        let fd = file("a", b"abc");
        // SAFETY: the path lives until the call returns.
        let removed = success(unsafe { libc::unlink(path("a").as_ptr()) });
        in_order(&[removed, size("a"), read(&fd, 9), write(&fd, b"d")])
    }
    fn file_room_is_booked() -> String {
        let fd = file("a", b"");
        // SAFETY: it takes no pointer.
        let booked = unsafe { libc::posix_fallocate(fd.0, 0, 4_096) };
        in_order(&[booked.to_string(), size("a")])
    }
    fn file_sync_of_things_that_have_none() -> String {
        let fd = file("a", b"abc");
        // SAFETY: they take no pointer.
        unsafe { in_order(&[success(libc::fsync(fd.0)), success(libc::fdatasync(fd.0)), success(libc::fsync(crate::calls::tcp().0))]) }
    }
    fn file_scattered_writes_and_reads() -> String {
        let fd = file("a", b"");
        let parts = [
            libc::iovec { iov_base: b"ab".as_ptr().cast_mut().cast(), iov_len: 2 },
            libc::iovec { iov_base: b"cde".as_ptr().cast_mut().cast(), iov_len: 3 },
        ];
        // SAFETY: the parts live until the calls return.
        let (wrote, negative) = unsafe { (libc::writev(fd.0, parts.as_ptr(), 2), libc::writev(fd.0, parts.as_ptr(), -1)) };
        let refused = result(negative as i64);
        seek(&fd, 0, libc::SEEK_SET);
        in_order(&[result(wrote as i64), refused, read(&fd, 9)])
    }
    fn file_mode_of_a_new_one_follows_the_mask() -> String {
        // SAFETY: they take no pointer, and the path lives until the call returns.
        let mode = unsafe {
            libc::umask(0o027);
            libc::close(libc::open(path("a").as_ptr(), libc::O_CREAT | libc::O_WRONLY, 0o666));
            let mut stat: libc::stat = std::mem::zeroed();
            libc::stat(path("a").as_ptr(), &mut stat);
            stat.st_mode & 0o777
        };
        format!("{mode:o}")
    }
    fn file_a_mapping_shows_writes() -> String {
        let fd = file("a", b"abcd");
        // SAFETY: a fresh mapping of one page, of which four bytes are used.
        unsafe {
            let map = libc::mmap(std::ptr::null_mut(), 4_096, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED, fd.0, 0);
            if map == libc::MAP_FAILED {
                return errno();
            }
            map.cast::<u8>().write(b'X');
            let synced = success(libc::msync(map, 4_096, libc::MS_SYNC));
            let seen = read(&fd, 9);
            in_order(&[synced, seen, success(libc::munmap(map, 4_096))])
        }
    }
    fn file_a_mapping_of_nothing() -> String {
        let fd = file("a", b"abcd");
        // SAFETY: nothing is used of the mappings.
        unsafe {
            let empty = libc::mmap(std::ptr::null_mut(), 0, libc::PROT_READ, libc::MAP_SHARED, fd.0, 0) == libc::MAP_FAILED;
            let why = errno();
            let odd = libc::mmap(std::ptr::null_mut(), 4_096, libc::PROT_READ, libc::MAP_SHARED, fd.0, 7) == libc::MAP_FAILED;
            format!("{empty} {why} {odd} {}", errno())
        }
    }
    fn file_copy_between_descriptors() -> String {
        let (from, to) = (file("a", b"abcdef"), file("b", b""));
        // SAFETY: null offsets mean the positions.
        let copied = unsafe { libc::copy_file_range(from.0, std::ptr::null_mut(), to.0, std::ptr::null_mut(), 4, 0) };
        in_order(&[result(copied as i64), seek(&from, 0, libc::SEEK_CUR), size("b")])
    }
}
