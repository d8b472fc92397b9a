//! Paths: access, directories, links, renames, removal, modes.
//! Contents are in `files` and `io`; `stat` and its kin are in `stat`.

use super::block::call;
use super::io::{count, describe, int};
use super::user_memory::{Source, UserSlice, UserSliceMut};
use crate::kernel::Errno;
use crate::kernel::fs::disk::{Disk, FileKind, InodeId, NAME_BYTES_MAX, PATH_BYTES_MAX};
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_int, c_uint, c_void, mode_t, off_t, size_t, ssize_t};

/// A path that the program passed.
///
/// # Safety
/// `path` is null, or a C string that nobody changes until the interposed function returns.
pub(crate) unsafe fn path_of(path: *const c_char) -> UserSlice<u8> {
    // SAFETY: this function's own contract.
    let path = unsafe { UserSlice::string(path) };
    if path.len() > NAME_BYTES_MAX {
        report_if_too_long(path);
    }
    path
}

/// Reports a path that the disk will refuse with `ENAMETOOLONG`.
#[cold]
fn report_if_too_long(path: UserSlice<u8>) {
    let Some(me) = super::current::here() else { return };
    super::current::kernel(me, |kernel| {
        let too_long = path.len() >= PATH_BYTES_MAX
            || path
                .with_bytes(kernel, |_, path| path.split(|byte| *byte == b'/').any(|name| name.len() > NAME_BYTES_MAX));
        if too_long {
            let bytes = u32::try_from(path.len()).unwrap_or(u32::MAX);
            kernel.emit(me, crate::event::What::LongPath { bytes });
        }
    });
}

/// Works on the calling node's disk, with the directory that relative paths start from, the bytes of a path, and the time.
pub(crate) fn on_path<R>(
    me: ThreadId,
    directory: c_int,
    path: UserSlice<u8>,
    work: impl FnOnce(&mut Disk, InodeId, &[u8], i64) -> Result<R, Errno>,
) -> Result<R, Errno> {
    call(me, |kernel| {
        let at = kernel.directory(me, directory)?;
        path.required()?.with_bytes(kernel, |kernel, path| {
            let (disk, now) = kernel.disk_for_path(me, at, path);
            work(disk, at, path, now)
        })
    })
}

/// The calling process's umask.
fn mask(me: ThreadId) -> mode_t {
    super::current::kernel(me, |kernel| kernel[kernel.sched[me].node()].storage().umask())
}

/// Changes a directory entry of the calling node's disk, and reports it.
fn change(
    me: ThreadId,
    directory: c_int,
    path: UserSlice<u8>,
    work: impl FnOnce(&mut Disk, InodeId, &[u8], i64) -> Result<(), Errno>,
) -> c_int {
    int(on_path(me, directory, path, work).inspect(|()| {
        super::current::kernel(me, |kernel| {
            path.with_bytes(kernel, |kernel, path| kernel.entry_changed(me, path));
        });
    }))
}

fn make_directory(me: ThreadId, directory: c_int, path: UserSlice<u8>, mode: mode_t) -> c_int {
    let mask = mask(me);
    change(me, directory, path, |disk, at, path, now| disk.mkdir(at, path, mode & !mask, now).map(|_| ()))
}

fn remove(me: ThreadId, directory: c_int, path: UserSlice<u8>, flags: c_int) -> c_int {
    change(me, directory, path, |disk, at, path, now| {
        if flags & libc::AT_REMOVEDIR != 0 { disk.rmdir(at, path, now) } else { disk.unlink(at, path, now) }
    })
}

/// A path relative to an open directory.
type At = (c_int, UserSlice<u8>);

fn rename_paths(me: ThreadId, (from_at, from): At, (to_at, to): At, flags: c_uint) -> c_int {
    let from_directory = match call(me, |kernel| kernel.directory(me, from_at)) {
        Ok(directory) => directory,
        Err(errno) => return int(Err(errno)),
    };
    change(me, to_at, to, |disk, at, to, now| {
        from.required()?.with_bytes(disk, |disk, from| disk.rename((from_directory, from), (at, to), flags, now))
    })
}

/// The descriptor in `/proc/self/fd/3`.
fn descriptor_in(path: &[u8]) -> Option<c_int> {
    std::str::from_utf8(path.strip_prefix(b"/proc/self/fd/")?).ok()?.parse().ok()
}

fn make_link(me: ThreadId, (from_at, from): At, (to_at, to): At, flags: c_int) -> c_int {
    // The two ways to name a file that has no name yet (`O_TMPFILE`).
    let by_number = super::current::kernel(me, |kernel| from.with_bytes(kernel, |_, from| descriptor_in(from)));
    let open = by_number.or((from.len() == 0 && flags & libc::AT_EMPTY_PATH != 0).then_some(from_at));
    let inode = match open {
        Some(fd) => call(me, |kernel| {
            let id = describe(kernel, me, fd, "linkat")?;
            kernel.with_file(id, |file, _, _| Ok(file.inode))
        }),
        None => {
            on_path(me, from_at, from, |disk, at, from, _| disk.lookup(at, from, flags & libc::AT_SYMLINK_FOLLOW != 0))
        }
    };
    match inode {
        Ok(inode) => change(me, to_at, to, |disk, at, to, now| disk.link_inode(inode, at, to, now)),
        Err(errno) => int(Err(errno)),
    }
}

fn make_symlink(me: ThreadId, target: UserSlice<u8>, directory: c_int, path: UserSlice<u8>) -> c_int {
    change(me, directory, path, |disk, at, path, now| {
        target.required()?.with_bytes(disk, |disk, target| disk.symlink(target, at, path, now).map(|_| ()))
    })
}

fn read_link(me: ThreadId, directory: c_int, path: UserSlice<u8>, into: UserSliceMut<u8>) -> ssize_t {
    let target = on_path(me, directory, path, |disk, at, path, _| disk.readlink(at, path));
    count(target.and_then(|target| into.copy_out(&target)))
}

/// Copies a path into the caller's buffer, or into one that the caller frees.
///
/// # Safety
/// `into` is null, or valid for writing `len` bytes.
pub(crate) unsafe fn give_path(path: Result<Vec<u8>, Errno>, into: *mut c_char, len: usize) -> *mut c_char {
    let outcome = path.and_then(|path| {
        if !into.is_null() && path.len() + 1 > len {
            return Err(libc::ERANGE);
        }
        let start = match into.is_null() {
            // SAFETY: `malloc` has no contract; `realpath(3)` and `getcwd(3)` let the caller free the result with `free`.
            true => unsafe { libc::malloc(path.len() + 1) }.cast::<c_char>(),
            false => into,
        };
        // SAFETY: fresh memory of this size, or this function's own contract: `len` bytes, which are enough.
        let buffer = unsafe { UserSliceMut::new(start.cast::<u8>(), path.len() + 1) };
        buffer.copy_out(&path)?;
        buffer.set(path.len(), 0)?;
        Ok(start)
    });
    outcome.unwrap_or_else(|errno| {
        crate::host::system::set_errno(errno);
        std::ptr::null_mut()
    })
}

fn change_mode(me: ThreadId, directory: c_int, path: UserSlice<u8>, mode: mode_t, follow: bool) -> c_int {
    int(on_path(me, directory, path, |disk, at, path, now| {
        let inode = disk.lookup(at, path, follow)?;
        disk.chmod(inode, mode, now)
    }))
}

fn change_mode_of(me: ThreadId, fd: c_int, mode: mode_t) -> c_int {
    int(call(me, |kernel| {
        let id = describe(kernel, me, fd, "fchmod")?;
        kernel.with_file(id, |file, disk, now| disk.chmod(file.inode, mode, now))
    }))
}

fn has_access(me: ThreadId, directory: c_int, path: UserSlice<u8>, mode: c_int, follow: bool) -> c_int {
    int(on_path(me, directory, path, |disk, at, path, _| disk.access(at, path, mode, follow)))
}

/// Interposed functions of one path, which they take as a C string.
macro_rules! path_calls {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty = $($number:tt)::+; |$me:ident, $path:ident| $body:expr;)*) => {
        super::interposed! {
            $(fn $name($($argument: $type),*) -> $result = $($number)::+;
            |$me| {
                // SAFETY: every manual page in section 2 that has a path: the caller passes a C string.
                let $path = unsafe { path_of($path) };
                $body
            };)*
        }
    };
}

path_calls! {
    fn access(path: *const c_char, mode: c_int) -> c_int = next;
    |me, path| has_access(me, libc::AT_FDCWD, path, mode, true);
    fn faccessat(directory: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int = next;
    |me, path| has_access(me, directory, path, mode, flags & libc::AT_SYMLINK_NOFOLLOW == 0);
    fn mkdir(path: *const c_char, mode: mode_t) -> c_int = next;
    |me, path| make_directory(me, libc::AT_FDCWD, path, mode);
    fn mkdirat(directory: c_int, path: *const c_char, mode: mode_t) -> c_int = libc::SYS_mkdirat;
    |me, path| make_directory(me, directory, path, mode);
    fn rmdir(path: *const c_char) -> c_int = next;
    |me, path| remove(me, libc::AT_FDCWD, path, libc::AT_REMOVEDIR);
    fn unlink(path: *const c_char) -> c_int = next;
    |me, path| remove(me, libc::AT_FDCWD, path, 0);
    fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int = libc::SYS_unlinkat;
    |me, path| remove(me, directory, path, flags);
    fn chmod(path: *const c_char, mode: mode_t) -> c_int = next;
    |me, path| change_mode(me, libc::AT_FDCWD, path, mode, true);
    fn fchmodat(directory: c_int, path: *const c_char, mode: mode_t, flags: c_int) -> c_int = next;
    |me, path| change_mode(me, directory, path, mode, flags & libc::AT_SYMLINK_NOFOLLOW == 0);
    fn truncate(path: *const c_char, size: off_t) -> c_int = next;
    |me, path| int(on_path(me, libc::AT_FDCWD, path, |disk, at, path, now| {
        let inode = disk.lookup(at, path, true)?;
        if disk.kind(inode)? == FileKind::Directory {
            return Err(libc::EISDIR);
        }
        disk.truncate(inode, u64::try_from(size).map_err(|_| libc::EINVAL)?, now)
    }));
    fn readlink(path: *const c_char, into: *mut c_char, len: size_t) -> ssize_t = next;
    // SAFETY: `readlink(2)`: the caller passes `len` writable bytes at `into`.
    |me, path| read_link(me, libc::AT_FDCWD, path, unsafe { UserSliceMut::new(into.cast::<u8>(), len) });
    fn readlinkat(directory: c_int, path: *const c_char, into: *mut c_char, len: size_t) -> ssize_t = libc::SYS_readlinkat;
    // SAFETY: `readlinkat(2)`: the caller passes `len` writable bytes at `into`.
    |me, path| read_link(me, directory, path, unsafe { UserSliceMut::new(into.cast::<u8>(), len) });
    fn realpath(path: *const c_char, into: *mut c_char) -> *mut c_char = next;
    |me, path| {
        let found = on_path(me, libc::AT_FDCWD, path, |disk, at, path, _| disk.realpath(at, path));
        // SAFETY: `realpath(3)`: the caller passes null or `PATH_MAX` writable bytes.
        unsafe { give_path(found, into, libc::PATH_MAX as usize) }
    };
}

/// Interposed functions of two paths, which they take as C strings.
macro_rules! two_path_calls {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> c_int = $($number:tt)::+;
        |$me:ident, $from:ident, $to:ident| $body:expr;)*) => {
        super::interposed! {
            $(fn $name($($argument: $type),*) -> c_int = $($number)::+;
            |$me| {
                // SAFETY: `rename(2)`, `link(2)` and `symlink(2)`: the caller passes two C strings.
                let ($from, $to) = unsafe { (path_of($from), path_of($to)) };
                $body
            };)*
        }
    };
}

two_path_calls! {
    fn rename(from: *const c_char, to: *const c_char) -> c_int = next;
    |me, from, to| rename_paths(me, (libc::AT_FDCWD, from), (libc::AT_FDCWD, to), 0);
    fn renameat(from_at: c_int, from: *const c_char, to_at: c_int, to: *const c_char) -> c_int = next;
    |me, from, to| rename_paths(me, (from_at, from), (to_at, to), 0);
    fn renameat2(from_at: c_int, from: *const c_char, to_at: c_int, to: *const c_char, flags: c_uint) -> c_int =
        libc::SYS_renameat2;
    |me, from, to| rename_paths(me, (from_at, from), (to_at, to), flags);
    fn link(from: *const c_char, to: *const c_char) -> c_int = next;
    |me, from, to| make_link(me, (libc::AT_FDCWD, from), (libc::AT_FDCWD, to), 0);
    fn linkat(from_at: c_int, from: *const c_char, to_at: c_int, to: *const c_char, flags: c_int) -> c_int =
        libc::SYS_linkat;
    |me, from, to| make_link(me, (from_at, from), (to_at, to), flags);
    fn symlink(target: *const c_char, path: *const c_char) -> c_int = next;
    |me, target, path| make_symlink(me, target, libc::AT_FDCWD, path);
    fn symlinkat(target: *const c_char, directory: c_int, path: *const c_char) -> c_int = libc::SYS_symlinkat;
    |me, target, path| make_symlink(me, target, directory, path);
}

super::interposed! {
    fn fchmod(fd: c_int, mode: mode_t) -> c_int = libc::SYS_fchmod;
    |me| change_mode_of(me, fd, mode);
}

super::unsupported_calls! {
    fn chroot(path: *const c_char) -> c_int: "the root of a node's disk is where it is";
    fn mkfifo(path: *const c_char, mode: mode_t) -> c_int: "named pipes are not supported";
    fn mknod(path: *const c_char, mode: mode_t, device: libc::dev_t) -> c_int: "devices and named pipes are not supported";
    fn mount(
        source: *const c_char,
        target: *const c_char,
        kind: *const c_char,
        flags: libc::c_ulong,
        data: *const c_void
    ) -> c_int: "a node has one disk";
    fn tmpfile() -> *mut libc::FILE: "streams of the C library are not supported: use mkstemp";
    fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, len: size_t) -> ssize_t:
        "extended attributes are not supported";
    fn setxattr(
        path: *const c_char,
        name: *const c_char,
        value: *const c_void,
        len: size_t,
        flags: c_int
    ) -> c_int: "extended attributes are not supported";
}
