//! Open files: open, positioned reads and writes, sizes, syncs, locks.
//! Paths are in `paths`, directories in `directories`.

use super::block::{blocking, call};
use super::io::{count, describe, int, parts_len, read_into, read_vectors, result, sync, write_from, write_vectors};
use super::paths::path_of;
use super::user_memory::{Source, UserSlice, UserSliceMut};
use super::user_vectors::{UserVectors, UserVectorsMut};
use crate::kernel::Errno;
use crate::kernel::fs::disk::OpenFile;
use crate::kernel::process::fd::file_description::Manner;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_int, c_uint, c_void, iovec, mode_t, off_t, size_t, ssize_t};

/// # Safety
/// `path` is null or a C string.
unsafe fn open_at(me: ThreadId, directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: `openat(2)`: the caller passes a C string.
    let path = unsafe { path_of(path) };
    result(call(me, |kernel| {
        let at = kernel.directory(me, directory)?;
        path.required()?.with_bytes(kernel, |kernel, path| kernel.file_open(me, at, path, flags, mode))
    }))
}

fn at(offset: off_t) -> Result<Manner, Errno> {
    Ok(Manner { offset: Some(u64::try_from(offset).map_err(|_| libc::EINVAL)?), ..Manner::default() })
}

/// As [`at`], for calls that take -1 for the descriptor's own position, and flags, of which none is supported.
fn at_or_here(offset: off_t, flags: c_int) -> Result<Manner, Errno> {
    match (offset, flags) {
        (_, 1..) | (_, ..=-1) => Err(libc::EOPNOTSUPP),
        (-1, 0) => Ok(Manner::default()),
        (offset, 0) => at(offset),
    }
}

fn seek(me: ThreadId, fd: c_int, offset: off_t, whence: c_int) -> off_t {
    result(call(me, |kernel| {
        let id = describe(kernel, me, fd, "lseek")?;
        match kernel.with_file(id, |file, disk, _| file.seek(disk, offset, whence)) {
            Err(libc::EINVAL)
                if kernel.process.description(id).is_some_and(|description| {
                    !matches!(description.kind(), crate::kernel::process::fd::kind::Kind::File(_))
                }) =>
            {
                Err(libc::ESPIPE)
            }
            outcome => outcome.map(|offset| offset as off_t),
        }
    }))
}

fn set_size(me: ThreadId, fd: c_int, size: off_t) -> Result<(), Errno> {
    let size = u64::try_from(size).map_err(|_| libc::EINVAL)?;
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "ftruncate")?;
        kernel.file_resize(
            me,
            id,
            |file, disk, now| {
                if file.writable { disk.truncate(file.inode, size, now) } else { Err(libc::EINVAL) }
            },
        )
    })
}

fn allocate(me: ThreadId, fd: c_int, mode: c_int, offset: off_t, len: off_t) -> Result<(), Errno> {
    let (Ok(offset), Ok(len)) = (u64::try_from(offset), u64::try_from(len)) else { return Err(libc::EINVAL) };
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "fallocate")?;
        kernel.file_resize(me, id, |file, disk, now| disk.allocate(file.inode, mode, offset, len, now))
    })
}

super::interposed! {
    fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int = next;
    // SAFETY: `open(2)`: the caller passes a C string.
    |me| unsafe { open_at(me, libc::AT_FDCWD, path, flags, mode) };
    fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int = next;
    // SAFETY: `open(2)`: the caller passes a C string.
    |me| unsafe { open_at(me, libc::AT_FDCWD, path, flags, mode) };
    fn creat(path: *const c_char, mode: mode_t) -> c_int = next;
    // SAFETY: `open(2)`: the caller passes a C string.
    |me| unsafe { open_at(me, libc::AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode) };
    fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int = libc::SYS_openat;
    // SAFETY: `open(2)`: the caller passes a C string.
    |me| unsafe { open_at(me, directory, path, flags, mode) };
    fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int = libc::SYS_openat;
    // SAFETY: `open(2)`: the caller passes a C string.
    |me| unsafe { open_at(me, directory, path, flags, mode) };
    fn pread(fd: c_int, into: *mut c_void, count: size_t, offset: off_t) -> ssize_t = libc::SYS_pread64;
    |me| {
        // SAFETY: `pread(2)`: the caller passes `count` writable bytes at `into`.
        let into = unsafe { UserSliceMut::new(into.cast::<u8>(), count) };
        self::count(at(offset).and_then(|manner| read_into(me, fd, into, manner)))
    };
    fn pread64(fd: c_int, into: *mut c_void, count: size_t, offset: off_t) -> ssize_t = libc::SYS_pread64;
    |me| {
        // SAFETY: `pread(2)`: the caller passes `count` writable bytes at `into`.
        let into = unsafe { UserSliceMut::new(into.cast::<u8>(), count) };
        self::count(at(offset).and_then(|manner| read_into(me, fd, into, manner)))
    };
    fn pwrite(fd: c_int, from: *const c_void, count: size_t, offset: off_t) -> ssize_t = libc::SYS_pwrite64;
    |me| {
        // SAFETY: `pwrite(2)`: the caller passes `count` readable bytes at `from`.
        let from = unsafe { UserSlice::new(from.cast::<u8>(), count) };
        self::count(at(offset).and_then(|manner| write_from(me, fd, from, manner)))
    };
    fn pwrite64(fd: c_int, from: *const c_void, count: size_t, offset: off_t) -> ssize_t = libc::SYS_pwrite64;
    |me| {
        // SAFETY: `pwrite(2)`: the caller passes `count` readable bytes at `from`.
        let from = unsafe { UserSlice::new(from.cast::<u8>(), count) };
        self::count(at(offset).and_then(|manner| write_from(me, fd, from, manner)))
    };
    fn preadv(fd: c_int, parts: *const iovec, len: c_int, offset: off_t) -> ssize_t = next;
    |me| {
        // SAFETY: `preadv(2)`: the caller passes an array of `len` writable buffers.
        let parts = unsafe { UserVectorsMut::new(parts, parts_len(len)) };
        count(at(offset).and_then(|manner| read_vectors(me, fd, parts, manner)))
    };
    fn preadv64(fd: c_int, parts: *const iovec, len: c_int, offset: off_t) -> ssize_t = next;
    |me| {
        // SAFETY: `preadv(2)`: the caller passes an array of `len` writable buffers.
        let parts = unsafe { UserVectorsMut::new(parts, parts_len(len)) };
        count(at(offset).and_then(|manner| read_vectors(me, fd, parts, manner)))
    };
    fn preadv2(fd: c_int, parts: *const iovec, len: c_int, offset: off_t, flags: c_int) -> ssize_t = next;
    |me| {
        // SAFETY: `preadv(2)`: the caller passes an array of `len` writable buffers.
        let parts = unsafe { UserVectorsMut::new(parts, parts_len(len)) };
        count(at_or_here(offset, flags).and_then(|manner| read_vectors(me, fd, parts, manner)))
    };
    fn preadv64v2(fd: c_int, parts: *const iovec, len: c_int, offset: off_t, flags: c_int) -> ssize_t = next;
    |me| {
        // SAFETY: `preadv(2)`: the caller passes an array of `len` writable buffers.
        let parts = unsafe { UserVectorsMut::new(parts, parts_len(len)) };
        count(at_or_here(offset, flags).and_then(|manner| read_vectors(me, fd, parts, manner)))
    };
    fn pwritev(fd: c_int, parts: *const iovec, len: c_int, offset: off_t) -> ssize_t = next;
    |me| {
        // SAFETY: `pwritev(2)`: the caller passes an array of `len` readable buffers.
        let parts = unsafe { UserVectors::new(parts, parts_len(len)) };
        count(at(offset).and_then(|manner| write_vectors(me, fd, parts, manner)))
    };
    fn pwritev64(fd: c_int, parts: *const iovec, len: c_int, offset: off_t) -> ssize_t = next;
    |me| {
        // SAFETY: `pwritev(2)`: the caller passes an array of `len` readable buffers.
        let parts = unsafe { UserVectors::new(parts, parts_len(len)) };
        count(at(offset).and_then(|manner| write_vectors(me, fd, parts, manner)))
    };
    fn pwritev2(fd: c_int, parts: *const iovec, len: c_int, offset: off_t, flags: c_int) -> ssize_t = next;
    |me| {
        // SAFETY: `pwritev(2)`: the caller passes an array of `len` readable buffers.
        let parts = unsafe { UserVectors::new(parts, parts_len(len)) };
        count(at_or_here(offset, flags).and_then(|manner| write_vectors(me, fd, parts, manner)))
    };
    fn pwritev64v2(fd: c_int, parts: *const iovec, len: c_int, offset: off_t, flags: c_int) -> ssize_t = next;
    |me| {
        // SAFETY: `pwritev(2)`: the caller passes an array of `len` readable buffers.
        let parts = unsafe { UserVectors::new(parts, parts_len(len)) };
        count(at_or_here(offset, flags).and_then(|manner| write_vectors(me, fd, parts, manner)))
    };
    fn lseek(fd: c_int, offset: off_t, whence: c_int) -> off_t = libc::SYS_lseek;
    |me| seek(me, fd, offset, whence);
    fn lseek64(fd: c_int, offset: off_t, whence: c_int) -> off_t = libc::SYS_lseek;
    |me| seek(me, fd, offset, whence);
    fn ftruncate(fd: c_int, size: off_t) -> c_int = libc::SYS_ftruncate;
    |me| int(set_size(me, fd, size));
    fn ftruncate64(fd: c_int, size: off_t) -> c_int = libc::SYS_ftruncate;
    |me| int(set_size(me, fd, size));
    fn fsync(fd: c_int) -> c_int = libc::SYS_fsync;
    |me| int(sync(me, fd, OpenFile::sync));
    fn fdatasync(fd: c_int) -> c_int = libc::SYS_fdatasync;
    |me| int(sync(me, fd, OpenFile::sync));
    fn sync_file_range(fd: c_int, offset: off_t, len: off_t, _flags: c_uint) -> c_int = libc::SYS_sync_file_range;
    |me| int(blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "sync_file_range")?;
        kernel.file_write_back(me, id, offset as u64, len as u64)
    }));
    fn fallocate(fd: c_int, mode: c_int, offset: off_t, len: off_t) -> c_int = libc::SYS_fallocate;
    |me| int(allocate(me, fd, mode, offset, len));
    fn fallocate64(fd: c_int, mode: c_int, offset: off_t, len: off_t) -> c_int = libc::SYS_fallocate;
    |me| int(allocate(me, fd, mode, offset, len));
    fn posix_fallocate(fd: c_int, offset: off_t, len: off_t) -> c_int = next;
    |me| allocate(me, fd, 0, offset, len).err().unwrap_or(0);
    fn posix_fallocate64(fd: c_int, offset: off_t, len: off_t) -> c_int = next;
    |me| allocate(me, fd, 0, offset, len).err().unwrap_or(0);
    fn flock(fd: c_int, operation: c_int) -> c_int = libc::SYS_flock;
    |me| int(blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "flock")?;
        kernel.file_lock(me, id, operation)
    }));
}
