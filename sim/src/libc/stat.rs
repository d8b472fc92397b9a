//! `stat`, `statx`, `statfs` and their kin: attributes of files and of the disk.
//! They are changed in `attributes` and `users`.

use super::block::call;
use super::io::{describe, int};
use super::paths::{on_path, path_of};
use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::Errno;
use crate::kernel::fs::disk::{ROOT, Stat, Statfs};
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_int, c_uint};

/// The attributes of a descriptor of any kind.
fn attributes_of(me: ThreadId, fd: c_int) -> Result<Stat, Errno> {
    call(me, |kernel| {
        if (0..=2).contains(&fd) {
            return kernel[crate::event::NodeId(0)].disk().stat(ROOT, b"/dev/null", true);
        }
        let id = describe(kernel, me, fd, "fstat")?;
        if !matches!(kernel.process.description(id).map(|description| description.kind()), Some(Kind::File(_))) {
            let mut stat = kernel[crate::event::NodeId(0)].disk().stat(ROOT, b"/dev/null", true)?;
            stat.mode = libc::S_IFSOCK | 0o777;
            return Ok(stat);
        }
        kernel.with_file(id, |file, disk, _| disk.stat_inode(file.inode))
    })
}

/// The attributes at a path, or of the descriptor if the path is empty and the flags allow it.
fn attributes_at(me: ThreadId, directory: c_int, path: UserSlice<u8>, flags: c_int) -> Result<Stat, Errno> {
    if path.len() == 0 && flags & libc::AT_EMPTY_PATH != 0 {
        return attributes_of(me, directory);
    }
    on_path(me, directory, path, |disk, at, path, _| disk.stat(at, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0))
}

fn split(ns: i64) -> (i64, i64) {
    (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000))
}

fn shown_stat(stat: &Stat) -> libc::stat {
    // SAFETY: zeros are a valid structure of numbers.
    let mut shown: libc::stat = unsafe { std::mem::zeroed() };
    shown.st_dev = stat.dev;
    shown.st_ino = stat.ino as _;
    shown.st_mode = stat.mode;
    shown.st_nlink = stat.nlink as _;
    shown.st_uid = stat.uid;
    shown.st_gid = stat.gid;
    shown.st_rdev = stat.rdev;
    shown.st_size = stat.size as _;
    shown.st_blksize = stat.block_bytes as _;
    shown.st_blocks = stat.blocks as _;
    (shown.st_atime, shown.st_atime_nsec) = split(stat.accessed_ns);
    (shown.st_mtime, shown.st_mtime_nsec) = split(stat.modified_ns);
    (shown.st_ctime, shown.st_ctime_nsec) = split(stat.changed_ns);
    shown
}

fn shown_statx(stat: &Stat) -> libc::statx {
    let time = |ns| {
        let (seconds, nanoseconds) = split(ns);
        // SAFETY: zeros are a valid structure of numbers.
        let mut time: libc::statx_timestamp = unsafe { std::mem::zeroed() };
        time.tv_sec = seconds;
        time.tv_nsec = nanoseconds as u32;
        time
    };
    // SAFETY: zeros are a valid structure of numbers.
    let mut shown: libc::statx = unsafe { std::mem::zeroed() };
    shown.stx_mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
    shown.stx_blksize = stat.block_bytes as u32;
    shown.stx_nlink = stat.nlink as u32;
    shown.stx_uid = stat.uid;
    shown.stx_gid = stat.gid;
    shown.stx_mode = stat.mode as u16;
    shown.stx_ino = stat.ino;
    shown.stx_size = stat.size;
    shown.stx_blocks = stat.blocks;
    shown.stx_atime = time(stat.accessed_ns);
    shown.stx_mtime = time(stat.modified_ns);
    shown.stx_ctime = time(stat.changed_ns);
    shown.stx_btime = time(stat.born_ns);
    shown.stx_dev_major = libc::major(stat.dev);
    shown.stx_dev_minor = libc::minor(stat.dev);
    shown
}

fn shown_statfs(stat: &Statfs) -> libc::statfs {
    // SAFETY: zeros are a valid structure of numbers.
    let mut shown: libc::statfs = unsafe { std::mem::zeroed() };
    shown.f_type = stat.magic as _;
    shown.f_bsize = stat.block_bytes as _;
    shown.f_frsize = stat.block_bytes as _;
    shown.f_blocks = stat.blocks as _;
    shown.f_bfree = stat.blocks_free as _;
    shown.f_bavail = stat.blocks_free as _;
    shown.f_files = stat.files as _;
    shown.f_ffree = stat.files_free as _;
    shown.f_namelen = stat.name_bytes_max as _;
    shown
}

fn shown_statvfs(stat: &Statfs) -> libc::statvfs {
    // SAFETY: zeros are a valid structure of numbers.
    let mut shown: libc::statvfs = unsafe { std::mem::zeroed() };
    shown.f_bsize = stat.block_bytes as _;
    shown.f_frsize = stat.block_bytes as _;
    shown.f_blocks = stat.blocks as _;
    shown.f_bfree = stat.blocks_free as _;
    shown.f_bavail = stat.blocks_free as _;
    shown.f_files = stat.files as _;
    shown.f_ffree = stat.files_free as _;
    shown.f_favail = stat.files_free as _;
    shown.f_namemax = stat.name_bytes_max as _;
    shown
}

fn disk_at(me: ThreadId, path: UserSlice<u8>) -> Result<Statfs, Errno> {
    on_path(me, libc::AT_FDCWD, path, |disk, at, path, _| disk.lookup(at, path, true).map(|inode| disk.statfs(inode)))
}

fn disk_of(me: ThreadId, fd: c_int) -> Result<Statfs, Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "fstatfs")?;
        kernel.with_file(id, |file, disk, _| Ok(disk.statfs(file.inode)))
    })
}

/// Interposed functions that fill a structure at `into`: about a path or about a descriptor. Where a name has two forms, both
/// structures have one layout on 64-bit Linux.
macro_rules! fills {
    (by path $($name:ident: $structure:ty = $($number:tt)::+; |$me:ident, $path:ident| $found:expr, $shown:ident;)*) => {
        super::interposed! {
            $(fn $name(path: *const c_char, into: *mut $structure) -> c_int = $($number)::+;
            |$me| {
                // SAFETY: `stat(2)`, `statfs(2)`, `statvfs(3)`: the caller passes a C string and room for the structure.
                let ($path, into) = unsafe { (path_of(path), UserSliceMut::one(into)) };
                int($found.and_then(|found| into.write($shown(&found))))
            };)*
        }
    };
    (by descriptor $($name:ident: $structure:ty = $($number:tt)::+; |$me:ident, $fd:ident| $found:expr, $shown:ident;)*) => {
        super::interposed! {
            $(fn $name(fd: c_int, into: *mut $structure) -> c_int = $($number)::+;
            |$me| {
                let $fd = fd;
                // SAFETY: `fstat(2)`, `fstatfs(2)`, `fstatvfs(3)`: the caller passes room for the structure.
                let into = unsafe { UserSliceMut::one(into) };
                int($found.and_then(|found| into.write($shown(&found))))
            };)*
        }
    };
}

fills! {
    by path
    stat: libc::stat = next; |me, path| attributes_at(me, libc::AT_FDCWD, path, 0), shown_stat;
    stat64: libc::stat = next; |me, path| attributes_at(me, libc::AT_FDCWD, path, 0), shown_stat;
    lstat: libc::stat = next;
    |me, path| attributes_at(me, libc::AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW), shown_stat;
    lstat64: libc::stat = next;
    |me, path| attributes_at(me, libc::AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW), shown_stat;
    statfs: libc::statfs = next; |me, path| disk_at(me, path), shown_statfs;
    statfs64: libc::statfs = next; |me, path| disk_at(me, path), shown_statfs;
    statvfs: libc::statvfs = next; |me, path| disk_at(me, path), shown_statvfs;
    statvfs64: libc::statvfs = next; |me, path| disk_at(me, path), shown_statvfs;
}

fills! {
    by descriptor
    fstat: libc::stat = libc::SYS_fstat; |me, fd| attributes_of(me, fd), shown_stat;
    fstat64: libc::stat = libc::SYS_fstat; |me, fd| attributes_of(me, fd), shown_stat;
    fstatfs: libc::statfs = libc::SYS_fstatfs; |me, fd| disk_of(me, fd), shown_statfs;
    fstatfs64: libc::statfs = libc::SYS_fstatfs; |me, fd| disk_of(me, fd), shown_statfs;
    fstatvfs: libc::statvfs = next; |me, fd| disk_of(me, fd), shown_statvfs;
    fstatvfs64: libc::statvfs = next; |me, fd| disk_of(me, fd), shown_statvfs;
}

fn stat_at(me: ThreadId, directory: c_int, path: UserSlice<u8>, into: UserSliceMut<libc::stat>, flags: c_int) -> c_int {
    int(attributes_at(me, directory, path, flags).and_then(|found| into.write(shown_stat(&found))))
}

super::interposed! {
    fn fstatat(directory: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int =
        libc::SYS_newfstatat;
    // SAFETY: `fstatat(2)`: the caller passes a C string and room for the structure.
    |me| unsafe { stat_at(me, directory, path_of(path), UserSliceMut::one(into), flags) };
    fn fstatat64(directory: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int =
        libc::SYS_newfstatat;
    // SAFETY: `fstatat(2)`: the caller passes a C string and room for the structure.
    |me| unsafe { stat_at(me, directory, path_of(path), UserSliceMut::one(into), flags) };
    fn statx(
        directory: c_int,
        path: *const c_char,
        flags: c_int,
        _mask: c_uint,
        into: *mut libc::statx
    ) -> c_int = libc::SYS_statx;
    |me| {
        // SAFETY: `statx(2)`: the caller passes a C string and room for the structure. std passes null for both, to learn
        // whether the call exists.
        let (path, into) = unsafe { (path_of(path), UserSliceMut::one(into)) };
        if into.is_null() {
            return int(Err(libc::EFAULT));
        }
        int(attributes_at(me, directory, path, flags).and_then(|found| into.write(shown_statx(&found))))
    };
}
