//! Users and owners: every process of a run is root on its own machine, as in most containers, and owns what it makes.
//! Permissions are not checked: root's never are.

use super::block::call;
use super::io::{describe, int};
use super::paths::{on_path, path_of};
use super::user_memory::UserSlice;
use crate::kernel::Errno;
use crate::kernel::fs::disk::{Disk, InodeId};
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_int, gid_t, uid_t};

const ROOT: uid_t = 0;

/// Gives the file at a path to other owners; the highest number leaves an owner as it is.
fn give(me: ThreadId, directory: c_int, path: UserSlice<u8>, (user, group): (uid_t, gid_t), flags: c_int) -> c_int {
    if path.len() == 0 && flags & libc::AT_EMPTY_PATH != 0 {
        return give_open(me, directory, user, group);
    }
    int(on_path(me, directory, path, |disk, at, path, now| {
        let inode = disk.lookup(at, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0)?;
        change(disk, inode, user, group, now)
    }))
}

fn give_open(me: ThreadId, fd: c_int, user: uid_t, group: gid_t) -> c_int {
    int(call(me, |kernel| {
        let id = describe(kernel, me, fd, "fchown")?;
        kernel.with_file(id, |file, disk, now| change(disk, file.inode, user, group, now))
    }))
}

fn change(disk: &mut Disk, inode: InodeId, user: uid_t, group: gid_t, now_ns: i64) -> Result<(), Errno> {
    let meant = |number| (number != u32::MAX).then_some(number);
    disk.chown(inode, meant(user), meant(group), now_ns)
}

super::interposed! {
    fn getuid() -> uid_t = libc::SYS_getuid;
    |_me| ROOT;
    fn geteuid() -> uid_t = libc::SYS_geteuid;
    |_me| ROOT;
    fn getgid() -> gid_t = libc::SYS_getgid;
    |_me| ROOT;
    fn getegid() -> gid_t = libc::SYS_getegid;
    |_me| ROOT;
    fn chown(path: *const c_char, user: uid_t, group: gid_t) -> c_int = next;
    // SAFETY: `chown(2)`: the caller passes a C string.
    |me| give(me, libc::AT_FDCWD, unsafe { path_of(path) }, (user, group), 0);
    fn lchown(path: *const c_char, user: uid_t, group: gid_t) -> c_int = next;
    // SAFETY: `lchown(2)`: the caller passes a C string.
    |me| give(me, libc::AT_FDCWD, unsafe { path_of(path) }, (user, group), libc::AT_SYMLINK_NOFOLLOW);
    fn fchownat(directory: c_int, path: *const c_char, user: uid_t, group: gid_t, flags: c_int) -> c_int =
        libc::SYS_fchownat;
    // SAFETY: `fchownat(2)`: the caller passes a C string.
    |me| give(me, directory, unsafe { path_of(path) }, (user, group), flags);
    fn fchown(fd: c_int, user: uid_t, group: gid_t) -> c_int = libc::SYS_fchown;
    |me| give_open(me, fd, user, group);
}
