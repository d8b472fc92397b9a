//! Bytes from one descriptor to another without a buffer of the caller's: `copy_file_range` and `sendfile`.
//! Each call moves one piece at most, as Linux may; `splice` gives `EINVAL`, and callers read and write instead.

use super::block::{blocking, call};
use super::io::{count, describe, write_from};
use crate::kernel::Errno;
use crate::kernel::process::fd::file_description::Manner;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_uint, off_t, size_t, ssize_t};

/// Bytes that one call moves at most.
const PIECE_BYTES: usize = 256 << 10;

/// Where a file is read or written: at an offset of the caller's, which moves, or at its own position.
///
/// # Safety
/// `offset` is null or valid.
unsafe fn place(me: ThreadId, id: DescriptionId, offset: *mut off_t) -> Result<u64, Errno> {
    if offset.is_null() {
        return super::current::kernel(me, |kernel| kernel.with_file(id, |file, _, _| Ok(file.pos)));
    }
    // SAFETY: the caller's number.
    u64::try_from(unsafe { *offset }).map_err(|_| libc::EINVAL)
}

/// # Safety
/// As [`place`].
unsafe fn move_on(me: ThreadId, id: DescriptionId, offset: *mut off_t, to: u64) {
    if offset.is_null() {
        let _it_is_a_file = super::current::kernel(me, |kernel| {
            kernel.with_file(id, |file, _, _| {
                file.pos = to;
                Ok(())
            })
        });
    } else {
        // SAFETY: the caller's number.
        unsafe { *offset = to as off_t };
    }
}

fn file_of(me: ThreadId, fd: c_int, name: &str) -> Result<DescriptionId, Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, name)?;
        match kernel.process.description(id).map(|it| it.kind()) {
            Some(Kind::File(_)) => Ok(id),
            _ => Err(libc::EINVAL),
        }
    })
}

/// # Safety
/// The offsets are null or valid.
unsafe fn transfer(
    me: ThreadId,
    (from, from_offset): (c_int, *mut off_t),
    (to, to_offset): (c_int, *mut off_t),
    len: usize,
    between_files: bool,
) -> Result<usize, Errno> {
    let source = file_of(me, from, "sendfile")?;
    let target = if between_files { Some(file_of(me, to, "copy_file_range")?) } else { None };
    // SAFETY: as the caller's.
    let start = unsafe { place(me, source, from_offset)? };
    let mut piece = vec![0; len.min(PIECE_BYTES)];
    let got = blocking(me, |kernel| kernel.file_read(me, source, Some(start), &mut piece))?;
    if got == 0 {
        return Ok(0);
    }
    let mut manner = Manner::default();
    if let (Some(target), false) = (target, to_offset.is_null()) {
        // SAFETY: as the caller's.
        manner.offset = Some(unsafe { place(me, target, to_offset)? });
    }
    let put = write_from(me, to, &piece[..got], manner)?;
    // SAFETY: as the caller's.
    unsafe {
        move_on(me, source, from_offset, start + put as u64);
        if let (Some(target), Some(offset)) = (target, manner.offset) {
            move_on(me, target, to_offset, offset + put as u64);
        }
    }
    Ok(put)
}

super::interposed! {
    fn copy_file_range(
        from: c_int,
        from_offset: *mut off_t,
        to: c_int,
        to_offset: *mut off_t,
        len: size_t,
        flags: c_uint
    ) -> ssize_t = libc::SYS_copy_file_range;
    |me| count(match flags {
        // SAFETY: the caller's numbers.
        0 => unsafe { transfer(me, (from, from_offset), (to, to_offset), len, true) },
        _ => Err(libc::EINVAL),
    });
    fn sendfile(to: c_int, from: c_int, offset: *mut off_t, len: size_t) -> ssize_t = libc::SYS_sendfile;
    // SAFETY: the caller's number.
    |me| count(unsafe { transfer(me, (from, offset), (to, std::ptr::null_mut()), len, false) });
    fn sendfile64(to: c_int, from: c_int, offset: *mut off_t, len: size_t) -> ssize_t = libc::SYS_sendfile;
    // SAFETY: the caller's number.
    |me| count(unsafe { transfer(me, (from, offset), (to, std::ptr::null_mut()), len, false) });
    fn splice(
        _from: c_int,
        _from_offset: *mut off_t,
        _to: c_int,
        _to_offset: *mut off_t,
        _len: size_t,
        _flags: c_uint
    ) -> ssize_t = libc::SYS_splice;
    |_me| count(Err(libc::EINVAL));
}
