//! Files in memory: `mmap` and its kin. Memory that is no file's passes through to the real system.
//! A shared mapping is one of real shared memory that the kernel keeps equal to the file; a private one is a copy.

use super::baton::{blocking, door};
use super::here::here;
use super::io::{describe, int};
use crate::kernel::Errno;
use crate::kernel::number::FIRST;
use crate::kernel::thread::ThreadId;
use crate::kernel::world::Turn;
use crate::real;
use libc::{c_int, c_void, off_t, size_t};

/// # Safety
/// As `mmap`.
unsafe fn map_really(
    address: *mut c_void,
    len: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    // SAFETY: handed on; only this process's memory is concerned.
    let mapped = unsafe {
        real::call(
            libc::SYS_mmap,
            address.addr(),
            len,
            protection as usize,
            flags as usize,
            fd as usize,
            offset as usize,
        )
    };
    real::result(mapped) as *mut c_void
}

/// A mapping of a file on a virtual disk.
///
/// # Safety
/// As `mmap`.
unsafe fn map_file(
    me: ThreadId,
    address: *mut c_void,
    len: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> Result<*mut c_void, Errno> {
    let start = u64::try_from(offset).map_err(|_| libc::EINVAL)?;
    if len == 0 || !start.is_multiple_of(4096) {
        return Err(libc::EINVAL);
    }
    let shared = matches!(flags & libc::MAP_TYPE, libc::MAP_SHARED | libc::MAP_SHARED_VALIDATE);
    let writes = shared && protection & libc::PROT_WRITE != 0;
    let (id, inode) = door(me, |world| {
        let id = describe(world, me, fd, "mmap")?;
        Ok::<_, Errno>((id, world.mappable(id, writes)?))
    })?;
    if shared {
        let end = start.checked_add(len as u64).ok_or(libc::EOVERFLOW)?;
        let memory = super::here::kernel(me, |world| world.image(me, inode, end, writes))?;
        // SAFETY: as the caller's, of the shared memory in place of the file.
        let mapped = unsafe { map_really(address, len, protection, flags, memory, offset) };
        if mapped == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::ENOMEM));
        }
        super::here::kernel(me, |world| world.mapped(me, inode, mapped.addr(), len));
        return Ok(mapped);
    }
    let kept = flags & (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE);
    let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | kept;
    // SAFETY: as the caller's, of fresh memory in place of the file.
    let mapped = unsafe { map_really(address, len, libc::PROT_READ | libc::PROT_WRITE, anonymous, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return Err(libc::ENOMEM);
    }
    // SAFETY: just mapped for writing.
    let into = unsafe { super::io::buffer_mut(mapped, len) };
    let copied = blocking(me, |world| -> Result<Turn<usize>, Errno> { world.file_read(me, id, Some(start), into) });
    // SAFETY: the mapping that was just made.
    unsafe {
        match copied {
            Ok(_) => {
                real::call(libc::SYS_mprotect, mapped.addr(), len, protection as usize, 0, 0, 0);
                Ok(mapped)
            }
            Err(errno) => {
                real::call(libc::SYS_munmap, mapped.addr(), len, 0, 0, 0, 0);
                Err(errno)
            }
        }
    }
}

/// # Safety
/// As `mmap`.
unsafe fn map(
    me: ThreadId,
    address: *mut c_void,
    len: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    if flags & libc::MAP_ANONYMOUS != 0 || fd < FIRST {
        // SAFETY: as the caller's.
        return unsafe { map_really(address, len, protection, flags, fd, offset) };
    }
    // SAFETY: as the caller's.
    unsafe { map_file(me, address, len, protection, flags, fd, offset) }.unwrap_or_else(|errno| {
        real::set_errno(errno);
        libc::MAP_FAILED
    })
}

fn sync_memory(me: ThreadId, address: usize, len: usize, flags: c_int) -> Result<(), Errno> {
    let files = super::here::kernel(me, |world| world.mapped_at(me, address, len));
    for inode in files {
        let mut began = None;
        blocking(me, |world| match began {
            None => {
                began = Some(world.now_ns);
                let node = world.threads[me].node;
                world.pull(node, inode);
                if flags & libc::MS_SYNC == 0 {
                    return Ok(Turn::Done(()));
                }
                Ok(world.device_begins(me))
            }
            Some(began) => world.inode_synced(me, inode, began),
        })?;
    }
    Ok(())
}

super::doors! {
    fn mmap(
        address: *mut c_void,
        len: size_t,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: off_t
    ) -> *mut c_void = libc::SYS_mmap;
    // SAFETY: as the caller's.
    |me| unsafe { map(me, address, len, protection, flags, fd, offset) };
    fn mmap64(
        address: *mut c_void,
        len: size_t,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: off_t
    ) -> *mut c_void = libc::SYS_mmap;
    // SAFETY: as the caller's.
    |me| unsafe { map(me, address, len, protection, flags, fd, offset) };
    fn munmap(address: *mut c_void, len: size_t) -> c_int = libc::SYS_munmap;
    |me| {
        super::here::kernel(me, |world| world.unmapped(me, address.addr(), len));
        // SAFETY: as the caller's.
        real::result(unsafe { real::call(libc::SYS_munmap, address.addr(), len, 0, 0, 0, 0) }) as c_int
    };
    fn msync(address: *mut c_void, len: size_t, flags: c_int) -> c_int = libc::SYS_msync;
    |me| int(sync_memory(me, address.addr(), len, flags));
}

/// The door of this name.
///
/// # Safety
/// As the C library's function; declared with plain integers, which is how the variadic argument arrives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mremap(address: usize, old: usize, new: usize, flags: c_int, to: usize) -> *mut c_void {
    if let Some(me) = here()
        && super::here::kernel(me, |world| world.is_mapped(me, address))
    {
        super::refuse("mremap of a file on a virtual disk is not built: unmap it and map it again");
    }
    // SAFETY: handed on.
    real::result(unsafe { real::call(libc::SYS_mremap, address, old, new, flags as usize, to, 0) }) as *mut c_void
}
