//! Files in memory: `mmap` and its kin. Anonymous memory is the real system's.
//! A shared mapping is real shared memory that the kernel keeps equal to the file; a private one is a copy.

use super::block::{blocking, call};
use super::current::here;
use super::io::{describe, int};
use super::user_memory::UserSliceMut;
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::due::Blocking;
use crate::kernel::process::fd::number::FIRST;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_void, off_t, size_t};

/// # Safety
/// As for `mmap(2)`: the caller answers for memory that a fixed address replaces.
unsafe fn map_really(
    address: *mut c_void,
    len: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    // SAFETY: `mmap(2)`: the caller answers for memory that a fixed address replaces; any other mapping is fresh.
    let mapped = unsafe {
        system::call(
            libc::SYS_mmap,
            address.addr(),
            len,
            protection as usize,
            flags as usize,
            fd as usize,
            offset as usize,
        )
    };
    system::result(mapped) as *mut c_void
}

/// A mapping of a file on a virtual disk.
///
/// # Safety
/// As for `mmap(2)`: the caller answers for memory that a fixed address replaces.
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
    let (id, inode) = call(me, |kernel| {
        let id = describe(kernel, me, fd, "mmap")?;
        Ok::<_, Errno>((id, kernel.mappable(id, writes)?))
    })?;
    if shared {
        let end = start.checked_add(len as u64).ok_or(libc::EOVERFLOW)?;
        let memory = super::current::kernel(me, |kernel| kernel.image(me, inode, end, writes))?;
        // SAFETY: this function's own contract; the shared memory takes the file's place.
        let mapped = unsafe { map_really(address, len, protection, flags, memory, offset) };
        if mapped == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::ENOMEM));
        }
        super::current::kernel(me, |kernel| kernel.mapped(me, inode, mapped.addr(), len));
        return Ok(mapped);
    }
    let kept = flags & (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE);
    let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | kept;
    // SAFETY: this function's own contract; fresh memory takes the file's place.
    let mapped = unsafe { map_really(address, len, libc::PROT_READ | libc::PROT_WRITE, anonymous, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return Err(libc::ENOMEM);
    }
    // SAFETY: `len` bytes that were just mapped for writing, and that nobody unmaps before this call returns.
    let mut into = unsafe { UserSliceMut::new(mapped.cast::<u8>(), len) };
    let copied: Result<usize, Errno> = blocking(me, |kernel| kernel.file_read(me, id, Some(start), &mut into));
    // SAFETY: both calls concern the mapping that was just made and that nobody else knows of.
    unsafe {
        match copied {
            Ok(_) => {
                system::call(libc::SYS_mprotect, mapped.addr(), len, protection as usize, 0, 0, 0);
                Ok(mapped)
            }
            Err(errno) => {
                system::call(libc::SYS_munmap, mapped.addr(), len, 0, 0, 0, 0);
                Err(errno)
            }
        }
    }
}

/// # Safety
/// As for `mmap(2)`: the caller answers for memory that a fixed address replaces.
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
        // SAFETY: this function's own contract.
        return unsafe { map_really(address, len, protection, flags, fd, offset) };
    }
    // SAFETY: this function's own contract.
    unsafe { map_file(me, address, len, protection, flags, fd, offset) }.unwrap_or_else(|errno| {
        system::set_errno(errno);
        libc::MAP_FAILED
    })
}

fn sync_memory(me: ThreadId, address: usize, len: usize, flags: c_int) -> Result<(), Errno> {
    let files = super::current::kernel(me, |kernel| kernel.mapped_at(me, address, len));
    for inode in files {
        let mut began = None;
        blocking(me, |kernel| match began {
            None => {
                began = Some(kernel.sched.now_ns());
                let node = kernel.sched[me].node();
                kernel.pull_image(node, inode);
                if flags & libc::MS_SYNC == 0 {
                    return Ok(Blocking::Done(()));
                }
                Ok(kernel.device_begins(me))
            }
            Some(began) => kernel.inode_synced(me, inode, began),
        })?;
    }
    Ok(())
}

super::interposed! {
    fn mmap(
        address: *mut c_void,
        len: size_t,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: off_t
    ) -> *mut c_void = libc::SYS_mmap;
    // SAFETY: `mmap(2)`: the caller answers for memory that a fixed address replaces.
    |me| unsafe { map(me, address, len, protection, flags, fd, offset) };
    fn mmap64(
        address: *mut c_void,
        len: size_t,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: off_t
    ) -> *mut c_void = libc::SYS_mmap;
    // SAFETY: `mmap(2)`: the caller answers for memory that a fixed address replaces.
    |me| unsafe { map(me, address, len, protection, flags, fd, offset) };
    fn munmap(address: *mut c_void, len: size_t) -> c_int = libc::SYS_munmap;
    |me| {
        super::current::kernel(me, |kernel| kernel.unmapped(me, address.addr(), len));
        // SAFETY: `munmap(2)`: the caller uses the memory no longer.
        system::result(unsafe { system::call(libc::SYS_munmap, address.addr(), len, 0, 0, 0, 0) }) as c_int
    };
    fn msync(address: *mut c_void, len: size_t, flags: c_int) -> c_int = libc::SYS_msync;
    |me| int(sync_memory(me, address.addr(), len, flags));
}

/// The interposed function of this name.
///
/// # Safety
/// As the C library's function; declared with plain integers, which is how the variadic argument arrives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mremap(address: usize, old: usize, new: usize, flags: c_int, to: usize) -> *mut c_void {
    if let Some(me) = here()
        && super::current::kernel(me, |kernel| kernel.is_mapped(me, address))
    {
        super::refuse("mremap of a file on a virtual disk is not supported: unmap it and map it again");
    }
    // SAFETY: `mremap(2)`: the caller uses the memory at its old address no longer.
    system::result(unsafe { system::call(libc::SYS_mremap, address, old, new, flags as usize, to, 0) }) as *mut c_void
}
