//! Lists of buffers that the program passes to `readv(2)`, `sendmsg(2)` and their kin.
//! As in `user_memory`, these are pointers and never references.

use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::Errno;
use libc::iovec;

/// The buffers of a gathered write.
#[derive(Clone, Copy)]
pub(crate) struct UserVectors(UserSlice<iovec>);

impl UserVectors {
    /// # Safety
    /// `parts` is null or an array of `len`, each of which names memory that is valid for reads until the interposed function
    /// returns.
    pub(crate) const unsafe fn new(parts: *const iovec, len: usize) -> Self {
        // SAFETY: this function's own contract: an array of `len` structures, or null.
        Self(unsafe { UserSlice::new(parts, len) })
    }

    /// Copies of the bytes of all buffers, in order.
    pub(crate) fn gather(self) -> Result<Vec<u8>, Errno> {
        self.0.check()?;
        let mut whole = Vec::with_capacity(self.0.iter().map(|part| part.iov_len).sum());
        for part in self.0.iter() {
            // SAFETY: `new`: each structure names memory that is valid for reads.
            unsafe { UserSlice::new(part.iov_base.cast::<u8>(), part.iov_len) }.copy_in(&mut whole)?;
        }
        Ok(whole)
    }
}

/// The buffers of a scattered read.
#[derive(Clone, Copy)]
pub(crate) struct UserVectorsMut(UserSlice<iovec>);

impl UserVectorsMut {
    /// # Safety
    /// `parts` is null or an array of `len`, each of which names memory that is valid for writes until the interposed function
    /// returns.
    pub(crate) const unsafe fn new(parts: *const iovec, len: usize) -> Self {
        // SAFETY: this function's own contract: an array of `len` structures, or null.
        Self(unsafe { UserSlice::new(parts, len) })
    }

    fn parts(self) -> impl Iterator<Item = UserSliceMut<u8>> {
        // SAFETY: `new`: each structure names memory that is valid for writes.
        self.0.iter().map(|part| unsafe { UserSliceMut::new(part.iov_base.cast::<u8>(), part.iov_len) })
    }

    /// Fails with `EFAULT` if the array or one of its buffers is null and has a length.
    pub(crate) fn check(self) -> Result<(), Errno> {
        self.0.check()?;
        self.parts().try_for_each(UserSliceMut::check)
    }

    /// The number of bytes that fit into all buffers.
    pub(crate) fn size(self) -> usize {
        self.parts().map(UserSliceMut::len).sum()
    }

    /// The buffer, if there is only one.
    pub(crate) fn only(self) -> Option<UserSliceMut<u8>> {
        self.parts().next().filter(|_| self.0.len() == 1)
    }

    /// Copies bytes to the buffers, in order, as far as they go.
    pub(crate) fn scatter(self, from: &[u8]) -> Result<(), Errno> {
        let mut rest = from;
        for part in self.parts() {
            rest = &rest[part.copy_out(rest)?..];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::{null, null_mut};

    fn vector(bytes: &mut [u8]) -> iovec {
        iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
    }

    fn vectors(parts: &[iovec]) -> (UserVectors, UserVectorsMut) {
        // SAFETY: the tests keep the array, and what its structures name, until they are done with the result.
        unsafe { (UserVectors::new(parts.as_ptr(), parts.len()), UserVectorsMut::new(parts.as_ptr(), parts.len())) }
    }

    #[test]
    fn buffers_are_gathered_and_scattered_in_order() {
        let (mut one, mut two, mut three) = (*b"ab", *b"", *b"cde");
        let parts = [vector(&mut one), vector(&mut two), vector(&mut three)];
        let (from, into) = vectors(&parts);
        assert_eq!(from.gather(), Ok(b"abcde".to_vec()));
        assert_eq!((into.size(), into.check(), into.only().is_none()), (5, Ok(()), true));
        assert_eq!(into.scatter(b"xyz"), Ok(()));
        assert_eq!((&one, &three), (b"xy", b"zde"));
        let (_, into) = vectors(&parts[2..]);
        assert_eq!(into.only().map(UserSliceMut::len), Some(3));
    }

    #[test]
    fn a_null_buffer_among_others_is_a_fault() {
        let mut one = *b"ab";
        let parts = [vector(&mut one), iovec { iov_base: null_mut(), iov_len: 1 }];
        let (from, into) = vectors(&parts);
        assert_eq!(from.gather(), Err(libc::EFAULT));
        assert_eq!((into.check(), into.scatter(b"xyz")), (Err(libc::EFAULT), Err(libc::EFAULT)));
        // SAFETY: null is always allowed.
        let (from, into) = unsafe { (UserVectors::new(null(), 1), UserVectorsMut::new(null(), 1)) };
        assert_eq!((from.gather(), into.check()), (Err(libc::EFAULT), Err(libc::EFAULT)));
    }
}
