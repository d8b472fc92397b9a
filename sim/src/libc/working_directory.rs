//! The working directory and the umask of a process.

use super::block::call;
use super::io::int;
use super::paths::{give_path, path_of};
use super::user_memory::Source;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::{FileKind, InodeId};
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_int, mode_t, size_t};

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

fn working_directory(me: ThreadId) -> Result<Vec<u8>, Errno> {
    call(me, |kernel| {
        let node = &mut kernel.process[kernel.sched[me].node()];
        let inode = node.storage().working_directory();
        node.disk().directory_path(inode)
    })
}

super::interposed! {
    fn chdir(path: *const c_char) -> c_int = next;
    |me| {
        // SAFETY: `chdir(2)`: the caller passes a C string.
        let path = unsafe { path_of(path) };
        int(change_directory(me, |kernel| {
            let at = kernel.directory(me, libc::AT_FDCWD)?;
            path.required()?.with_bytes(kernel, |kernel, path| kernel.disk_for_path(me, at, path).0.lookup(at, path, true))
        }))
    };
    fn fchdir(fd: c_int) -> c_int = libc::SYS_fchdir;
    |me| int(change_directory(me, |kernel| kernel.directory(me, fd)));
    fn getcwd(into: *mut c_char, len: size_t) -> *mut c_char = next;
    // SAFETY: `getcwd(3)`: the caller passes null or `len` writable bytes.
    |me| unsafe { give_path(working_directory(me), into, len) };
    fn umask(mask: mode_t) -> mode_t = next;
    |me| call(me, |kernel| {
        let node = &mut kernel.process[kernel.sched[me].node()];
        node.storage_mut().set_umask(mask & 0o777)
    });
}
