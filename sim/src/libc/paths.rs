//! Paths: what is there, what is made, renamed and removed.
//! Contents are not touched here.

use super::block::call;
use super::io::{buffer_mut, count, describe, int};
use crate::kernel::Errno;
use crate::kernel::fs::disk::{Disk, FileKind, InodeId, NAME_BYTES_MAX, PATH_BYTES_MAX, ROOT, Stat};
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_int, c_uint, c_void, mode_t, off_t, size_t, ssize_t};
use std::ffi::CStr;

/// The bytes of a C string.
///
/// # Safety
/// `path` is a C string that outlives the call.
pub(crate) unsafe fn bytes<'a>(path: *const c_char) -> &'a [u8] {
    // SAFETY: as said.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    if path.len() > NAME_BYTES_MAX {
        tell_if_too_long(path);
    }
    path
}

/// Tells of a path that the disk will refuse with `ENAMETOOLONG`.
#[cold]
fn tell_if_too_long(path: &[u8]) {
    let too_long = path.len() >= PATH_BYTES_MAX || path.split(|it| *it == b'/').any(|name| name.len() > NAME_BYTES_MAX);
    if let (true, Some(me)) = (too_long, super::current::here()) {
        let bytes = u32::try_from(path.len()).unwrap_or(u32::MAX);
        super::current::kernel(me, |kernel| kernel.emit(me, crate::event::What::LongPath { bytes }));
    }
}

/// Works on the calling node's disk.
pub(crate) fn on_disk<R>(
    me: ThreadId,
    directory: c_int,
    work: impl FnOnce(&mut Disk, InodeId, i64) -> Result<R, Errno>,
) -> Result<R, Errno> {
    call(me, |kernel| {
        let at = kernel.directory(me, directory)?;
        let node = kernel.sched[me].node();
        let now = kernel.wall_ns(node);
        work(kernel[node].disk(), at, now)
    })
}

/// The calling process's umask.
fn mask(me: ThreadId) -> mode_t {
    super::current::kernel(me, |kernel| kernel[kernel.sched[me].node()].storage().umask())
}

/// Changes a directory entry of the calling node's disk and tells of it.
fn change(
    me: ThreadId,
    directory: c_int,
    path: &[u8],
    work: impl FnOnce(&mut Disk, InodeId, i64) -> Result<(), Errno>,
) -> c_int {
    int(on_disk(me, directory, work).inspect(|()| {
        super::current::kernel(me, |kernel| kernel.entry_changed(me, path));
    }))
}

/// The attributes of a descriptor of any kind.
fn attributes_of(me: ThreadId, fd: c_int) -> Result<Stat, Errno> {
    call(me, |kernel| {
        if (0..=2).contains(&fd) {
            return kernel[crate::event::NodeId(0)].disk().stat(ROOT, b"/dev/null", true);
        }
        let id = describe(kernel, me, fd, "fstat")?;
        if !matches!(kernel.process.description(id).map(|it| it.kind()), Some(Kind::File(_))) {
            let mut stat = kernel[crate::event::NodeId(0)].disk().stat(ROOT, b"/dev/null", true)?;
            stat.mode = libc::S_IFSOCK | 0o777;
            return Ok(stat);
        }
        kernel.with_file(id, |file, disk, _| disk.stat_inode(file.inode))
    })
}

/// # Safety
/// `into` is valid for one structure.
unsafe fn write_stat(stat: &Stat, into: *mut libc::stat) {
    // SAFETY: the caller's buffer; all-zero is a valid structure.
    unsafe {
        let mut it: libc::stat = std::mem::zeroed();
        it.st_dev = stat.dev;
        it.st_ino = stat.ino as _;
        it.st_mode = stat.mode;
        it.st_nlink = stat.nlink as _;
        it.st_uid = stat.uid;
        it.st_gid = stat.gid;
        it.st_rdev = stat.rdev;
        it.st_size = stat.size as _;
        it.st_blksize = stat.block_bytes as _;
        it.st_blocks = stat.blocks as _;
        (it.st_atime, it.st_atime_nsec) = split(stat.accessed_ns);
        (it.st_mtime, it.st_mtime_nsec) = split(stat.modified_ns);
        (it.st_ctime, it.st_ctime_nsec) = split(stat.changed_ns);
        *into = it;
    }
}

fn split(ns: i64) -> (i64, i64) {
    (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000))
}

/// # Safety
/// As `fstatat`.
unsafe fn stat_at(me: ThreadId, directory: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int {
    // SAFETY: the caller's string.
    let path = unsafe { bytes(path) };
    let stat = if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
        attributes_of(me, directory)
    } else {
        on_disk(me, directory, |disk, at, _| disk.stat(at, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0))
    };
    int(stat.map(|stat| {
        // SAFETY: the caller's buffer.
        unsafe { write_stat(&stat, into) }
    }))
}

/// # Safety
/// As `statx`.
unsafe fn statx_at(me: ThreadId, directory: c_int, path: *const c_char, flags: c_int, into: *mut libc::statx) -> c_int {
    // SAFETY: the caller's string; a null path asks whether the call is there at all.
    let path = if path.is_null() { &b""[..] } else { unsafe { bytes(path) } };
    if into.is_null() {
        return super::io::result(Err(libc::EFAULT));
    }
    let stat = if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
        attributes_of(me, directory)
    } else {
        on_disk(me, directory, |disk, at, _| disk.stat(at, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0))
    };
    int(stat.map(|stat| {
        let time = |ns| {
            let (seconds, nanoseconds) = split(ns);
            // SAFETY: all-zero is a valid structure.
            let mut time: libc::statx_timestamp = unsafe { std::mem::zeroed() };
            time.tv_sec = seconds;
            time.tv_nsec = nanoseconds as u32;
            time
        };
        // SAFETY: the caller's buffer; all-zero is a valid structure.
        unsafe {
            let mut it: libc::statx = std::mem::zeroed();
            it.stx_mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
            it.stx_blksize = stat.block_bytes as u32;
            it.stx_nlink = stat.nlink as u32;
            it.stx_uid = stat.uid;
            it.stx_gid = stat.gid;
            it.stx_mode = stat.mode as u16;
            it.stx_ino = stat.ino;
            it.stx_size = stat.size;
            it.stx_blocks = stat.blocks;
            it.stx_atime = time(stat.accessed_ns);
            it.stx_mtime = time(stat.modified_ns);
            it.stx_ctime = time(stat.changed_ns);
            it.stx_btime = time(stat.born_ns);
            it.stx_dev_major = libc::major(stat.dev);
            it.stx_dev_minor = libc::minor(stat.dev);
            *into = it;
        }
    }))
}

fn remove(me: ThreadId, directory: c_int, path: &[u8], flags: c_int) -> c_int {
    change(me, directory, path, |disk, at, now| {
        if flags & libc::AT_REMOVEDIR != 0 { disk.rmdir(at, path, now) } else { disk.unlink(at, path, now) }
    })
}

fn rename_at(me: ThreadId, from_at: c_int, from: &[u8], to_at: c_int, to: &[u8], flags: c_uint) -> c_int {
    let from_directory = match call(me, |kernel| kernel.directory(me, from_at)) {
        Ok(directory) => directory,
        Err(errno) => return int(Err(errno)),
    };
    change(me, to_at, to, |disk, at, now| disk.rename((from_directory, from), (at, to), flags, now))
}

fn link_at(me: ThreadId, from_at: c_int, from: &[u8], to_at: c_int, to: &[u8], flags: c_int) -> c_int {
    // The two ways to name a file that has no name yet (`O_TMPFILE`).
    let by_number = from.strip_prefix(b"/proc/self/fd/").and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
    let open = by_number.or((from.is_empty() && flags & libc::AT_EMPTY_PATH != 0).then_some(from_at));
    let inode = match open {
        Some(fd) => call(me, |kernel| {
            let id = describe(kernel, me, fd, "linkat")?;
            kernel.with_file(id, |file, _, _| Ok(file.inode))
        }),
        None => on_disk(me, from_at, |disk, at, _| disk.lookup(at, from, flags & libc::AT_SYMLINK_FOLLOW != 0)),
    };
    match inode {
        Ok(inode) => change(me, to_at, to, |disk, at, now| disk.link_inode(inode, at, to, now)),
        Err(errno) => int(Err(errno)),
    }
}

/// # Safety
/// `into` is valid for `len` bytes.
unsafe fn read_link(me: ThreadId, directory: c_int, path: &[u8], into: *mut c_char, len: size_t) -> ssize_t {
    count(on_disk(me, directory, |disk, at, _| disk.readlink(at, path)).map(|target| {
        let fits = target.len().min(len);
        // SAFETY: the caller's buffer.
        unsafe { buffer_mut(into.cast::<c_void>(), fits) }.copy_from_slice(&target[..fits]);
        fits
    }))
}

/// Copies a path into the caller's buffer, or into one that the caller frees.
///
/// # Safety
/// `into` is null or valid for `len` bytes.
unsafe fn give_path(path: Result<Vec<u8>, Errno>, into: *mut c_char, len: usize) -> *mut c_char {
    let outcome = path.and_then(|path| {
        if !into.is_null() && path.len() + 1 > len {
            return Err(libc::ERANGE);
        }
        let place = match into.is_null() {
            // SAFETY: plain allocation; the caller frees it with `free`.
            true => unsafe { libc::malloc(path.len() + 1) }.cast::<c_char>(),
            false => into,
        };
        // SAFETY: large enough in both cases.
        let buffer = unsafe { buffer_mut(place.cast::<c_void>(), path.len() + 1) };
        buffer[..path.len()].copy_from_slice(&path);
        buffer[path.len()] = 0;
        Ok(place)
    });
    outcome.unwrap_or_else(|errno| {
        crate::host::system::set_errno(errno);
        std::ptr::null_mut()
    })
}

fn set_mode(me: ThreadId, fd: c_int, mode: mode_t) -> c_int {
    int(call(me, |kernel| {
        let id = describe(kernel, me, fd, "fchmod")?;
        kernel.with_file(id, |file, disk, now| disk.chmod(file.inode, mode, now))
    }))
}

super::interposed! {
    fn stat(path: *const c_char, into: *mut libc::stat) -> c_int = next;
    // SAFETY: `stat(2)`: the caller passes a valid pointer.
    |me| unsafe { stat_at(me, libc::AT_FDCWD, path, into, 0) };
    fn stat64(path: *const c_char, into: *mut libc::stat) -> c_int = next;
    // SAFETY: `stat64(2)`: the caller passes a valid pointer.
    |me| unsafe { stat_at(me, libc::AT_FDCWD, path, into, 0) };
    fn lstat(path: *const c_char, into: *mut libc::stat) -> c_int = next;
    // SAFETY: `lstat(2)`: the caller passes a valid pointer.
    |me| unsafe { stat_at(me, libc::AT_FDCWD, path, into, libc::AT_SYMLINK_NOFOLLOW) };
    fn lstat64(path: *const c_char, into: *mut libc::stat) -> c_int = next;
    // SAFETY: `lstat64(2)`: the caller passes a valid pointer.
    |me| unsafe { stat_at(me, libc::AT_FDCWD, path, into, libc::AT_SYMLINK_NOFOLLOW) };
    fn fstat(fd: c_int, into: *mut libc::stat) -> c_int = libc::SYS_fstat;
    // SAFETY: `fstat(2)`: the caller passes a structure that the call fills.
    |me| int(attributes_of(me, fd).map(|stat| unsafe { write_stat(&stat, into) }));
    fn fstat64(fd: c_int, into: *mut libc::stat) -> c_int = libc::SYS_fstat;
    // SAFETY: `fstat64(2)`: the caller passes a structure that the call fills.
    |me| int(attributes_of(me, fd).map(|stat| unsafe { write_stat(&stat, into) }));
    fn fstatat(directory: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int =
        libc::SYS_newfstatat;
    // SAFETY: the caller's pointers.
    |me| unsafe { stat_at(me, directory, path, into, flags) };
    fn fstatat64(directory: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int =
        libc::SYS_newfstatat;
    // SAFETY: the caller's pointers.
    |me| unsafe { stat_at(me, directory, path, into, flags) };
    fn statx(
        directory: c_int,
        path: *const c_char,
        flags: c_int,
        _mask: c_uint,
        into: *mut libc::statx
    ) -> c_int = libc::SYS_statx;
    // SAFETY: the caller's pointers.
    |me| unsafe { statx_at(me, directory, path, flags, into) };
    fn access(path: *const c_char, mode: c_int) -> c_int = next;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        int(on_disk(me, libc::AT_FDCWD, |disk, at, _| disk.access(at, path, mode, true)))
    };
    fn faccessat(directory: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int = next;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        int(on_disk(me, directory, |disk, at, _| {
            disk.access(at, path, mode, flags & libc::AT_SYMLINK_NOFOLLOW == 0)
        }))
    };
    fn mkdir(path: *const c_char, mode: mode_t) -> c_int = next;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        let mask = mask(me);
        change(me, libc::AT_FDCWD, path, |disk, at, now| disk.mkdir(at, path, mode & !mask, now).map(|_| ()))
    };
    fn mkdirat(directory: c_int, path: *const c_char, mode: mode_t) -> c_int = libc::SYS_mkdirat;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        let mask = mask(me);
        change(me, directory, path, |disk, at, now| disk.mkdir(at, path, mode & !mask, now).map(|_| ()))
    };
    fn rmdir(path: *const c_char) -> c_int = next;
    // SAFETY: the caller's string.
    |me| remove(me, libc::AT_FDCWD, unsafe { bytes(path) }, libc::AT_REMOVEDIR);
    fn unlink(path: *const c_char) -> c_int = next;
    // SAFETY: the caller's string.
    |me| remove(me, libc::AT_FDCWD, unsafe { bytes(path) }, 0);
    fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int = libc::SYS_unlinkat;
    // SAFETY: the caller's string.
    |me| remove(me, directory, unsafe { bytes(path) }, flags);
    fn rename(from: *const c_char, to: *const c_char) -> c_int = next;
    // SAFETY: the caller's strings.
    |me| unsafe { rename_at(me, libc::AT_FDCWD, bytes(from), libc::AT_FDCWD, bytes(to), 0) };
    fn renameat(from_at: c_int, from: *const c_char, to_at: c_int, to: *const c_char) -> c_int = next;
    // SAFETY: the caller's strings.
    |me| unsafe { rename_at(me, from_at, bytes(from), to_at, bytes(to), 0) };
    fn renameat2(from_at: c_int, from: *const c_char, to_at: c_int, to: *const c_char, flags: c_uint) -> c_int =
        libc::SYS_renameat2;
    // SAFETY: the caller's strings.
    |me| unsafe { rename_at(me, from_at, bytes(from), to_at, bytes(to), flags) };
    fn link(from: *const c_char, to: *const c_char) -> c_int = next;
    // SAFETY: the caller's strings.
    |me| unsafe { link_at(me, libc::AT_FDCWD, bytes(from), libc::AT_FDCWD, bytes(to), 0) };
    fn linkat(from_at: c_int, from: *const c_char, to_at: c_int, to: *const c_char, flags: c_int) -> c_int =
        libc::SYS_linkat;
    // SAFETY: the caller's strings.
    |me| unsafe { link_at(me, from_at, bytes(from), to_at, bytes(to), flags) };
    fn symlink(target: *const c_char, path: *const c_char) -> c_int = next;
    |me| {
        // SAFETY: the caller's strings.
        let (target, path) = unsafe { (bytes(target), bytes(path)) };
        change(me, libc::AT_FDCWD, path, |disk, at, now| disk.symlink(target, at, path, now).map(|_| ()))
    };
    fn symlinkat(target: *const c_char, directory: c_int, path: *const c_char) -> c_int = libc::SYS_symlinkat;
    |me| {
        // SAFETY: the caller's strings.
        let (target, path) = unsafe { (bytes(target), bytes(path)) };
        change(me, directory, path, |disk, at, now| disk.symlink(target, at, path, now).map(|_| ()))
    };
    fn readlink(path: *const c_char, into: *mut c_char, len: size_t) -> ssize_t = next;
    // SAFETY: `readlink(2)`: the caller passes a valid pointer.
    |me| unsafe { read_link(me, libc::AT_FDCWD, bytes(path), into, len) };
    fn readlinkat(directory: c_int, path: *const c_char, into: *mut c_char, len: size_t) -> ssize_t =
        libc::SYS_readlinkat;
    // SAFETY: the caller's pointers.
    |me| unsafe { read_link(me, directory, bytes(path), into, len) };
    fn realpath(path: *const c_char, into: *mut c_char) -> *mut c_char = next;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        let found = on_disk(me, libc::AT_FDCWD, |disk, at, _| disk.realpath(at, path));
        // SAFETY: the caller's buffer holds `PATH_MAX` bytes.
        unsafe { give_path(found, into, libc::PATH_MAX as usize) }
    };
    fn getcwd(into: *mut c_char, len: size_t) -> *mut c_char = next;
    // SAFETY: `getcwd(2)`: the caller passes a buffer of the length that it names.
    |me| unsafe { give_path(super::attributes::working_directory(me), into, len) };
    fn chmod(path: *const c_char, mode: mode_t) -> c_int = next;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        int(on_disk(me, libc::AT_FDCWD, |disk, at, now| {
            let inode = disk.lookup(at, path, true)?;
            disk.chmod(inode, mode, now)
        }))
    };
    fn fchmod(fd: c_int, mode: mode_t) -> c_int = libc::SYS_fchmod;
    |me| set_mode(me, fd, mode);
    fn truncate(path: *const c_char, size: off_t) -> c_int = next;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        int(on_disk(me, libc::AT_FDCWD, |disk, at, now| {
            let inode = disk.lookup(at, path, true)?;
            if disk.kind(inode)? == FileKind::Directory {
                return Err(libc::EISDIR);
            }
            disk.truncate(inode, u64::try_from(size).map_err(|_| libc::EINVAL)?, now)
        }))
    };
}

super::unsupported_calls! {
    fn chroot(path: *const c_char) -> c_int: "the root of a node's disk is where it is";
    fn mkfifo(path: *const c_char, mode: mode_t) -> c_int: "named pipes are not built";
    fn mknod(path: *const c_char, mode: mode_t, device: libc::dev_t) -> c_int: "devices and named pipes are not built";
    fn mount(
        source: *const c_char,
        target: *const c_char,
        kind: *const c_char,
        flags: libc::c_ulong,
        data: *const c_void
    ) -> c_int: "a node has one disk";
    fn tmpfile() -> *mut libc::FILE: "streams of the C library pass no door: use mkstemp";
    fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, len: size_t) -> ssize_t:
        "extended attributes are not built";
    fn setxattr(
        path: *const c_char,
        name: *const c_char,
        value: *const c_void,
        len: size_t,
        flags: c_int
    ) -> c_int: "extended attributes are not built";
}
