//! Attributes of files and of the disk itself: times, modes, room; and what a process has of its own: its working directory.
//! Names are made and removed in `paths`, owners are in `users`.

use super::block::{blocking, call};
use super::io::{describe, int, result};
use super::paths::{bytes, on_disk};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::fs::disk::{DiskFault, FileKind, InodeId, OpenFile, Statfs};
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_int, mode_t, timespec, timeval};

/// What `UTIME_NOW` and `UTIME_OMIT` mean, and a null pointer: two times, of access and of change.
///
/// # Safety
/// `times` is null or an array of two.
unsafe fn two_times(times: *const timespec, now_ns: i64) -> [Option<i64>; 2] {
    if times.is_null() {
        return [Some(now_ns); 2];
    }
    [0, 1].map(|index| {
        // SAFETY: the caller's array.
        let time = unsafe { &*times.add(index) };
        match time.tv_nsec {
            libc::UTIME_OMIT => None,
            libc::UTIME_NOW => Some(now_ns),
            nanoseconds => Some(time.tv_sec * 1_000_000_000 + nanoseconds),
        }
    })
}

/// # Safety
/// As `utimensat`.
unsafe fn set_times(
    me: ThreadId,
    directory: c_int,
    path: *const c_char,
    times: *const timespec,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller's string; null stands for the descriptor itself.
    let path = if path.is_null() { &b""[..] } else { unsafe { bytes(path) } };
    if path.is_empty() {
        return int(set_times_of(me, directory, times));
    }
    int(on_disk(me, directory, |disk, at, now| {
        let inode = disk.lookup(at, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0)?;
        // SAFETY: the caller's array.
        let [accessed, modified] = unsafe { two_times(times, now) };
        disk.set_times(inode, accessed, modified, now)
    }))
}

fn set_times_of(me: ThreadId, fd: c_int, times: *const timespec) -> Result<(), Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "futimens")?;
        kernel.with_file(id, |file, disk, now| {
            // SAFETY: the caller's array of two.
            let [accessed, modified] = unsafe { two_times(times, now) };
            disk.set_times(file.inode, accessed, modified, now)
        })
    })
}

/// # Safety
/// `times` is null or an array of two.
unsafe fn coarse(times: *const timeval) -> Option<[timespec; 2]> {
    if times.is_null() {
        return None;
    }
    Some([0, 1].map(|index| {
        // SAFETY: the caller's array.
        let time = unsafe { &*times.add(index) };
        timespec { tv_sec: time.tv_sec, tv_nsec: time.tv_usec * 1_000 }
    }))
}

/// # Safety
/// `into` is valid for one structure.
unsafe fn write_statfs(it: Statfs, into: *mut libc::statfs) {
    // SAFETY: the caller's buffer; all-zero is a valid structure.
    unsafe {
        let mut to: libc::statfs = std::mem::zeroed();
        to.f_type = it.magic as _;
        to.f_bsize = it.block_bytes as _;
        to.f_frsize = it.block_bytes as _;
        to.f_blocks = it.blocks as _;
        to.f_bfree = it.blocks_free as _;
        to.f_bavail = it.blocks_free as _;
        to.f_files = it.files as _;
        to.f_ffree = it.files_free as _;
        to.f_namelen = it.name_bytes_max as _;
        *into = to;
    }
}

/// # Safety
/// `into` is valid for one structure.
unsafe fn write_statvfs(it: Statfs, into: *mut libc::statvfs) {
    // SAFETY: the caller's buffer; all-zero is a valid structure.
    unsafe {
        let mut to: libc::statvfs = std::mem::zeroed();
        to.f_bsize = it.block_bytes as _;
        to.f_frsize = it.block_bytes as _;
        to.f_blocks = it.blocks as _;
        to.f_bfree = it.blocks_free as _;
        to.f_bavail = it.blocks_free as _;
        to.f_files = it.files as _;
        to.f_ffree = it.files_free as _;
        to.f_favail = it.files_free as _;
        to.f_namemax = it.name_bytes_max as _;
        *into = to;
    }
}

/// # Safety
/// `path` is a C string.
unsafe fn room_at(me: ThreadId, path: *const c_char) -> Result<Statfs, Errno> {
    // SAFETY: the caller's string.
    let path = unsafe { bytes(path) };
    on_disk(me, libc::AT_FDCWD, |disk, at, _| disk.lookup(at, path, true).map(|_| disk.statfs()))
}

fn room_of(me: ThreadId, fd: c_int) -> Result<Statfs, Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "fstatfs")?;
        kernel.with_file(id, |_, disk, _| Ok(disk.statfs()))
    })
}

fn change_directory(me: ThreadId, find: impl FnOnce(&mut Kernel) -> Result<InodeId, Errno>) -> Result<(), Errno> {
    call(me, |kernel| {
        let inode = find(kernel)?;
        let node = &mut kernel.process[kernel.sched[me].node()];
        if node.disk().kind(inode)? != FileKind::Directory {
            return Err(libc::ENOTDIR);
        }
        node.disk().retain(inode);
        if let Some(before) = node.storage_mut().change_directory(inode) {
            node.disk().release(before);
        }
        Ok(())
    })
}

/// The calling process's working directory, as a path.
pub(crate) fn working_directory(me: ThreadId) -> Result<Vec<u8>, Errno> {
    call(me, |kernel| {
        let node = &mut kernel.process[kernel.sched[me].node()];
        let inode = node.storage().working_directory();
        node.disk().directory_path(inode)
    })
}

/// `sync` and `syncfs`: the device takes its time, once for all of it.
fn sync_disk(me: ThreadId) -> Result<(), Errno> {
    let mut began = false;
    blocking(me, |kernel| {
        let node = kernel.sched[me].node();
        if !std::mem::replace(&mut began, true) {
            for inode in kernel.mapped_files(node) {
                kernel.pull_image(node, inode);
            }
            return Ok(kernel.device_begins(me));
        }
        let disk = kernel[node].disk();
        if disk.has_fault(DiskFault::Stalled) {
            return Ok(Blocking::Wait(crate::kernel::sched::thread::Wait::Stall, u64::MAX));
        }
        match disk.sync_all() {
            true => Ok(Blocking::Done(())),
            false => Err(libc::EIO),
        }
    })
}

super::interposed! {
    fn utimensat(directory: c_int, path: *const c_char, times: *const timespec, flags: c_int) -> c_int =
        libc::SYS_utimensat;
    // SAFETY: the caller's pointers.
    |me| unsafe { set_times(me, directory, path, times, flags) };
    fn futimens(fd: c_int, times: *const timespec) -> c_int = next;
    |me| int(set_times_of(me, fd, times));
    fn utimes(path: *const c_char, times: *const timeval) -> c_int = next;
    |me| {
        // SAFETY: `utimes(3)`: the caller passes a valid pointer.
        unsafe {
            let times = coarse(times);
            set_times(me, libc::AT_FDCWD, path, times.as_ref().map_or(std::ptr::null(), |it| it.as_ptr()), 0)
        }
    };
    fn futimes(fd: c_int, times: *const timeval) -> c_int = next;
    |me| {
        // SAFETY: `futimes(2)`: the caller passes an array of the size that the call fills.
        let times = unsafe { coarse(times) };
        int(set_times_of(me, fd, times.as_ref().map_or(std::ptr::null(), |it| it.as_ptr())))
    };
    fn fchmodat(directory: c_int, path: *const c_char, mode: mode_t, flags: c_int) -> c_int = next;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        int(on_disk(me, directory, |disk, at, now| {
            let inode = disk.lookup(at, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0)?;
            disk.chmod(inode, mode, now)
        }))
    };
    fn statfs(path: *const c_char, into: *mut libc::statfs) -> c_int = next;
    // SAFETY: `statfs(2)`: the caller passes a valid pointer.
    |me| int(unsafe { room_at(me, path).map(|it| write_statfs(it, into)) });
    fn statfs64(path: *const c_char, into: *mut libc::statfs) -> c_int = next;
    // SAFETY: the caller's pointers; both structures have one layout on 64-bit Linux.
    |me| int(unsafe { room_at(me, path).map(|it| write_statfs(it, into)) });
    fn fstatfs(fd: c_int, into: *mut libc::statfs) -> c_int = libc::SYS_fstatfs;
    // SAFETY: `fstatfs(2)`: the caller passes a structure that the call fills.
    |me| int(room_of(me, fd).map(|it| unsafe { write_statfs(it, into) }));
    fn fstatfs64(fd: c_int, into: *mut libc::statfs) -> c_int = libc::SYS_fstatfs;
    // SAFETY: `fstatfs64(2)`: the caller passes a structure that the call fills.
    |me| int(room_of(me, fd).map(|it| unsafe { write_statfs(it, into) }));
    fn statvfs(path: *const c_char, into: *mut libc::statvfs) -> c_int = next;
    // SAFETY: `statvfs(3)`: the caller passes a valid pointer.
    |me| int(unsafe { room_at(me, path).map(|it| write_statvfs(it, into)) });
    fn statvfs64(path: *const c_char, into: *mut libc::statvfs) -> c_int = next;
    // SAFETY: `statvfs64(3)`: the caller passes a valid pointer.
    |me| int(unsafe { room_at(me, path).map(|it| write_statvfs(it, into)) });
    fn fstatvfs(fd: c_int, into: *mut libc::statvfs) -> c_int = next;
    // SAFETY: `fstatvfs(3)`: the caller passes a structure that the call fills.
    |me| int(room_of(me, fd).map(|it| unsafe { write_statvfs(it, into) }));
    fn fstatvfs64(fd: c_int, into: *mut libc::statvfs) -> c_int = next;
    // SAFETY: `fstatvfs64(3)`: the caller passes a structure that the call fills.
    |me| int(room_of(me, fd).map(|it| unsafe { write_statvfs(it, into) }));
    fn chdir(path: *const c_char) -> c_int = next;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        int(change_directory(me, |kernel| {
            let at = kernel.directory(me, libc::AT_FDCWD)?;
            kernel.process[kernel.sched[me].node()].disk().lookup(at, path, true)
        }))
    };
    fn fchdir(fd: c_int) -> c_int = libc::SYS_fchdir;
    |me| int(change_directory(me, |kernel| kernel.directory(me, fd)));
    fn umask(mask: mode_t) -> mode_t = next;
    |me| call(me, |kernel| {
        let node = &mut kernel.process[kernel.sched[me].node()];
        node.storage_mut().set_umask(mask & 0o777)
    });
    fn syncfs(fd: c_int) -> c_int = libc::SYS_syncfs;
    |me| int(call(me, |kernel| describe(kernel, me, fd, "syncfs")).and_then(|_| sync_disk(me)));
    fn posix_fadvise(fd: c_int, offset: libc::off_t, len: libc::off_t, advice: c_int) -> c_int = next;
    |me| advise(me, fd, offset, len, advice).err().unwrap_or(0);
    fn posix_fadvise64(fd: c_int, offset: libc::off_t, len: libc::off_t, advice: c_int) -> c_int = next;
    |me| advise(me, fd, offset, len, advice).err().unwrap_or(0);
    fn mkstemp(template: *mut c_char) -> c_int = next;
    // SAFETY: the caller's writable string.
    |me| result(unsafe { temporary(me, template, 0, Some(0)) });
    fn mkstemp64(template: *mut c_char) -> c_int = next;
    // SAFETY: the caller's writable string.
    |me| result(unsafe { temporary(me, template, 0, Some(0)) });
    fn mkostemp(template: *mut c_char, flags: c_int) -> c_int = next;
    // SAFETY: the caller's writable string.
    |me| result(unsafe { temporary(me, template, 0, Some(flags)) });
    fn mkstemps(template: *mut c_char, suffix: c_int) -> c_int = next;
    // SAFETY: the caller's writable string.
    |me| result(unsafe { temporary(me, template, suffix, Some(0)) });
    fn mkdtemp(template: *mut c_char) -> *mut c_char = next;
    // SAFETY: the caller's writable string.
    |me| match result(unsafe { temporary(me, template, 0, None) }) {
        -1 => std::ptr::null_mut(),
        _ => template,
    };
}

/// The interposed function of this name.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sync() {
    if let Some(me) = super::current::here() {
        // It tells nobody of a failure: the next fsync of each file does.
        let _untold = sync_disk(me);
        return;
    }
    // SAFETY: no argument.
    unsafe { crate::host::system::call(libc::SYS_sync, 0, 0, 0, 0, 0, 0) };
}

/// Of all advice one is taken: what is not needed leaves the page cache.
fn advise(me: ThreadId, fd: c_int, offset: i64, len: i64, advice: c_int) -> Result<(), Errno> {
    let (Ok(start), Ok(len)) = (u64::try_from(offset), u64::try_from(len)) else { return Err(libc::EINVAL) };
    if !(libc::POSIX_FADV_NORMAL..=libc::POSIX_FADV_NOREUSE).contains(&advice) {
        return Err(libc::EINVAL);
    }
    if advice != libc::POSIX_FADV_DONTNEED {
        return Ok(());
    }
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "posix_fadvise")?;
        let end = if len == 0 { u64::MAX } else { start.saturating_add(len) };
        kernel.with_file(id, |file: &mut OpenFile, disk, _| match disk.kind(file.inode)? {
            FileKind::File => disk.evict(file.inode, start, end),
            _ => Ok(()),
        })
    })
}

/// Letters for names that nobody has: as the C library has them.
const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Names that are tried before it is given up.
const ATTEMPTS: u32 = 100;

/// Makes a file (with these flags of `open`) or a directory whose name ends in six letters that the seed draws.
///
/// # Safety
/// `template` is a writable C string.
unsafe fn temporary(me: ThreadId, template: *mut c_char, suffix: c_int, flags: Option<c_int>) -> Result<c_int, Errno> {
    // SAFETY: the caller's string.
    let len = unsafe { bytes(template) }.len();
    let end = usize::try_from(suffix).ok().and_then(|suffix| len.checked_sub(suffix)).ok_or(libc::EINVAL)?;
    // SAFETY: as said.
    let text = unsafe { super::io::buffer_mut(template.cast(), len) };
    if end < 6 || &text[end - 6..end] != b"XXXXXX" {
        return Err(libc::EINVAL);
    }
    for _ in 0..ATTEMPTS {
        let mut random = [0; 6];
        call(me, |kernel| kernel.fill_random(me, &mut random));
        for (letter, random) in text[end - 6..end].iter_mut().zip(random) {
            *letter = LETTERS[usize::from(random) % LETTERS.len()];
        }
        let made = call(me, |kernel| {
            let at = kernel.directory(me, libc::AT_FDCWD)?;
            match flags {
                Some(flags) => {
                    let flags = (flags & !libc::O_ACCMODE) | libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
                    kernel.file_open(me, at, text, flags, 0o600)
                }
                None => {
                    let node = kernel.sched[me].node();
                    let now = kernel.wall_ns(node);
                    kernel[node].disk().mkdir(at, text, 0o700, now)?;
                    kernel.entry_changed(me, text);
                    Ok(0)
                }
            }
        });
        if made != Err(libc::EEXIST) {
            return made;
        }
    }
    Err(libc::EEXIST)
}
