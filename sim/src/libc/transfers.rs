//! Bytes from one descriptor to another without a buffer of the caller's: `copy_file_range` and `sendfile`.
//! Each call moves one piece at most, as Linux may. `splice` fails with `EINVAL`, and callers read and write instead.

use super::block::{blocking, call};
use super::io::{count, describe, write_from};
use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::Errno;
use crate::kernel::process::fd::file_description::Manner;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_uint, off_t, size_t, ssize_t};

/// The most bytes that one call moves.
const PIECE_BYTES: usize = 256 << 10;

/// The position of one side of a transfer: an offset that the caller passed, or the file's own position.
#[derive(Clone, Copy)]
struct Offset {
    given: UserSlice<off_t>,
    moved: UserSliceMut<off_t>,
}

impl Offset {
    /// # Safety
    /// `offset` is null, or valid for reading and writing a number until the interposed function returns.
    unsafe fn new(offset: *mut off_t) -> Self {
        // SAFETY: this function's own contract.
        unsafe { Self { given: UserSlice::one(offset), moved: UserSliceMut::one(offset) } }
    }

    fn is_given(self) -> bool {
        !self.given.is_null()
    }

    fn get(self, me: ThreadId, id: DescriptionId) -> Result<u64, Errno> {
        match self.given.get(0) {
            Some(offset) => u64::try_from(offset).map_err(|_| libc::EINVAL),
            None => super::current::kernel(me, |kernel| kernel.with_file(id, |file, _, _| Ok(file.pos))),
        }
    }

    fn set(self, me: ThreadId, id: DescriptionId, to: u64) {
        if self.is_given() {
            self.moved.write_if_given(to as off_t);
        } else {
            let _is_file = super::current::kernel(me, |kernel| {
                kernel.with_file(id, |file, _, _| {
                    file.pos = to;
                    Ok(())
                })
            });
        }
    }
}

fn file_of(me: ThreadId, fd: c_int, name: &str) -> Result<DescriptionId, Errno> {
    call(me, |kernel| {
        let id = describe(kernel, me, fd, name)?;
        match kernel.process.description(id).map(|description| description.kind()) {
            Some(Kind::File(_)) => Ok(id),
            _ => Err(libc::EINVAL),
        }
    })
}

fn transfer(
    me: ThreadId,
    (from, from_offset): (c_int, Offset),
    (to, to_offset): (c_int, Option<Offset>),
    len: usize,
) -> Result<usize, Errno> {
    let source = file_of(me, from, "sendfile")?;
    let target = match to_offset {
        Some(offset) => Some((file_of(me, to, "copy_file_range")?, offset)),
        None => None,
    };
    let start = from_offset.get(me, source)?;
    let mut piece = vec![0; len.min(PIECE_BYTES)];
    let got = blocking(me, |kernel| kernel.file_read(me, source, Some(start), &mut &mut piece[..]))?;
    if got == 0 {
        return Ok(0);
    }
    let mut manner = Manner::default();
    if let Some((target, offset)) = target.filter(|(_, offset)| offset.is_given()) {
        manner.offset = Some(offset.get(me, target)?);
    }
    let put = write_from(me, to, &piece[..got], manner)?;
    from_offset.set(me, source, start + put as u64);
    if let (Some((target, target_offset)), Some(offset)) = (target, manner.offset) {
        target_offset.set(me, target, offset + put as u64);
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
        0 => {
            // SAFETY: `copy_file_range(2)`: the caller passes null or an offset, for each side.
            let (from_offset, to_offset) = unsafe { (Offset::new(from_offset), Offset::new(to_offset)) };
            transfer(me, (from, from_offset), (to, Some(to_offset)), len)
        }
        _ => Err(libc::EINVAL),
    });
    fn sendfile(to: c_int, from: c_int, offset: *mut off_t, len: size_t) -> ssize_t = libc::SYS_sendfile;
    // SAFETY: `sendfile(2)`: the caller passes null or an offset.
    |me| count(transfer(me, (from, unsafe { Offset::new(offset) }), (to, None), len));
    fn sendfile64(to: c_int, from: c_int, offset: *mut off_t, len: size_t) -> ssize_t = libc::SYS_sendfile;
    // SAFETY: `sendfile(2)`: the caller passes null or an offset.
    |me| count(transfer(me, (from, unsafe { Offset::new(offset) }), (to, None), len));
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
