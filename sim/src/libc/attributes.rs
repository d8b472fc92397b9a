//! Times of files, and the page cache: `utimensat` and its kin, `sync`, `posix_fadvise`.
//! Attributes are shown in `stat`; modes are changed in `paths`, owners in `users`.

use super::block::{blocking, call};
use super::io::{describe, int};
use super::paths::{on_path, path_of};
use super::user_memory::UserSlice;
use crate::kernel::Errno;
use crate::kernel::due::Blocking;
use crate::kernel::fs::disk::{DiskFault, FileKind, OpenFile};
use crate::kernel::sched::thread::{ThreadId, Wait};
use libc::{c_char, c_int, timespec, timeval};

/// The times of access and of modification that a call was given; `None` for now.
type Times = Option<[timespec; 2]>;

/// # Safety
/// `times` is null, or an array of two.
unsafe fn fine(times: *const timespec) -> Times {
    // SAFETY: this function's own contract.
    let times = unsafe { UserSlice::new(times, 2) };
    Some([times.get(0)?, times.get(1)?])
}

/// # Safety
/// `times` is null, or an array of two.
unsafe fn coarse(times: *const timeval) -> Times {
    // SAFETY: this function's own contract.
    let times = unsafe { UserSlice::new(times, 2) };
    Some([times.get(0)?, times.get(1)?].map(|time| timespec { tv_sec: time.tv_sec, tv_nsec: time.tv_usec * 1_000 }))
}

/// The two times in nanoseconds; `None` for one that stays.
fn times_ns(times: Times, now_ns: i64) -> [Option<i64>; 2] {
    let Some(times) = times else { return [Some(now_ns); 2] };
    times.map(|time| match time.tv_nsec {
        libc::UTIME_OMIT => None,
        libc::UTIME_NOW => Some(now_ns),
        nanoseconds => Some(time.tv_sec * 1_000_000_000 + nanoseconds),
    })
}

fn set_times(me: ThreadId, directory: c_int, path: UserSlice<u8>, times: Times, flags: c_int) -> Result<(), Errno> {
    if path.len() == 0 {
        return set_times_of(me, directory, times); // null stands for the descriptor itself
    }
    on_path(me, directory, path, |disk, at, path, now| {
        let inode = disk.lookup(at, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0)?;
        let [accessed, modified] = times_ns(times, now);
        disk.set_times(inode, accessed, modified, now)
    })
}

fn set_times_of(me: ThreadId, fd: c_int, times: Times) -> Result<(), Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "futimens")?;
        kernel.with_file(id, |file, disk, now| {
            let [accessed, modified] = times_ns(times, now);
            disk.set_times(file.inode, accessed, modified, now)
        })
    })
}

/// `sync` and `syncfs`: the device takes its time once for the whole disk.
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
            return Ok(Blocking::Wait(Wait::Stall, u64::MAX));
        }
        match disk.sync_all() {
            true => Ok(Blocking::Done(())),
            false => Err(libc::EIO),
        }
    })
}

/// Follows one kind of advice: data that is not needed leaves the page cache.
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

super::interposed! {
    fn utimensat(directory: c_int, path: *const c_char, times: *const timespec, flags: c_int) -> c_int =
        libc::SYS_utimensat;
    // SAFETY: `utimensat(2)`: the caller passes null or a C string, and null or two times.
    |me| int(unsafe { set_times(me, directory, path_of(path), fine(times), flags) });
    fn futimens(fd: c_int, times: *const timespec) -> c_int = next;
    // SAFETY: `futimens(3)`: the caller passes null or two times.
    |me| int(set_times_of(me, fd, unsafe { fine(times) }));
    fn utimes(path: *const c_char, times: *const timeval) -> c_int = next;
    // SAFETY: `utimes(2)`: the caller passes a C string, and null or two times.
    |me| int(unsafe { set_times(me, libc::AT_FDCWD, path_of(path), coarse(times), 0) });
    fn futimes(fd: c_int, times: *const timeval) -> c_int = next;
    // SAFETY: `futimes(3)`: the caller passes null or two times.
    |me| int(set_times_of(me, fd, unsafe { coarse(times) }));
    fn syncfs(fd: c_int) -> c_int = libc::SYS_syncfs;
    |me| int(call(me, |kernel| describe(kernel, me, fd, "syncfs")).and_then(|_| sync_disk(me)));
    fn posix_fadvise(fd: c_int, offset: libc::off_t, len: libc::off_t, advice: c_int) -> c_int = next;
    |me| advise(me, fd, offset, len, advice).err().unwrap_or(0);
    fn posix_fadvise64(fd: c_int, offset: libc::off_t, len: libc::off_t, advice: c_int) -> c_int = next;
    |me| advise(me, fd, offset, len, advice).err().unwrap_or(0);
}

/// The interposed function of this name.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sync() {
    if let Some(me) = super::current::here() {
        // It has no way to report a failure: the next `fsync` of each file does.
        let _unreported = sync_disk(me);
        return;
    }
    // SAFETY: `sync(2)` takes no argument.
    unsafe { crate::host::system::call(libc::SYS_sync, 0, 0, 0, 0, 0, 0) };
}
