//! Memory that the program passes to a call: buffers, structures, strings. Lists of buffers are in `user_vectors`.
//! Each type is a pointer with a length and never a reference, so it may be kept while other threads of the simulation run.
//!
//! Bytes are copied in and out. The one loan, [`Source::with_bytes`], ends before the kernel can switch threads.

use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::Disk;
use crate::kernel::sink::Sink;
use libc::c_char;
use std::mem::MaybeUninit;

/// Values that the program lets a call read.
pub(crate) struct UserSlice<T> {
    start: *const T,
    len: usize,
}

/// Values that the program lets a call write. They need not be initialised.
pub(crate) struct UserSliceMut<T> {
    start: *mut MaybeUninit<T>,
    len: usize,
}

impl<T> Clone for UserSlice<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for UserSlice<T> {}

impl<T> Clone for UserSliceMut<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for UserSliceMut<T> {}

fn check<T>(start: *const T, len: usize) -> Result<(), Errno> {
    if start.is_null() && len > 0 { Err(libc::EFAULT) } else { Ok(()) }
}

impl<T: Copy> UserSlice<T> {
    /// # Safety
    /// `start` is null, or valid for reads of `len` initialised values until the interposed function returns.
    #[inline]
    pub(crate) const unsafe fn new(start: *const T, len: usize) -> Self {
        Self { start, len }
    }

    /// One structure.
    ///
    /// # Safety
    /// As for [`UserSlice::new`], for one value.
    #[inline]
    pub(crate) const unsafe fn one(start: *const T) -> Self {
        Self { start, len: 1 }
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_null(self) -> bool {
        self.start.is_null()
    }

    /// Fails with `EFAULT` for a null pointer to more than nothing.
    #[inline]
    pub(crate) fn check(self) -> Result<(), Errno> {
        check(self.start, self.len)
    }

    /// Itself, or `EFAULT` for any null pointer.
    #[inline]
    pub(crate) fn required(self) -> Result<Self, Errno> {
        if self.is_null() { Err(libc::EFAULT) } else { Ok(self) }
    }

    /// A copy of the value at this index; `None` past the end and for a null pointer.
    #[inline]
    pub(crate) fn get(self, index: usize) -> Option<T> {
        if self.start.is_null() || index >= self.len {
            return None;
        }
        // SAFETY: `new`: the value at each index below `len` may be read. Packed structures are not aligned.
        Some(unsafe { self.start.add(index).read_unaligned() })
    }

    /// A copy of the first value, or `EFAULT`.
    #[inline]
    pub(crate) fn read(self) -> Result<T, Errno> {
        self.get(0).ok_or(libc::EFAULT)
    }

    /// Copies of the values, in order; none for a null pointer.
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = T> {
        (0..self.len).map_while(move |index| self.get(index))
    }

    /// The values after the first `count`.
    pub(crate) fn skip(self, count: usize) -> Self {
        let count = count.min(self.len);
        // A null pointer stays null.
        let start = if self.start.is_null() { self.start } else { self.start.wrapping_add(count) };
        Self { start, len: self.len - count }
    }

    /// Appends copies of the values to a vector.
    pub(crate) fn copy_in(self, into: &mut Vec<T>) -> Result<(), Errno> {
        self.check()?;
        if self.len == 0 {
            return Ok(());
        }
        into.reserve_exact(self.len);
        let spare: &mut [MaybeUninit<T>] = into.spare_capacity_mut();
        // SAFETY: `new`: `len` values may be read; as many were just reserved, in memory that is not the program's.
        unsafe {
            std::ptr::copy_nonoverlapping(self.start, spare.as_mut_ptr().cast::<T>(), self.len);
            into.set_len(into.len() + self.len);
        }
        Ok(())
    }
}

impl UserSlice<u8> {
    /// The first bytes, if there are as many.
    #[inline]
    pub(crate) fn array<const LEN: usize>(self) -> Option<[u8; LEN]> {
        if self.is_null() || self.len < LEN {
            return None;
        }
        // SAFETY: `new`: `len` bytes may be read, which are enough.
        Some(unsafe { self.start.cast::<[u8; LEN]>().read() })
    }

    /// The bytes of a C string, without its nul byte; empty for a null pointer.
    ///
    /// # Safety
    /// `text` is null, or a C string that nobody changes until the interposed function returns.
    pub(crate) unsafe fn string(text: *const c_char) -> Self {
        // SAFETY: this function's own contract.
        let len = if text.is_null() { 0 } else { unsafe { libc::strlen(text) } };
        Self { start: text.cast(), len }
    }
}

impl<T: Copy> UserSliceMut<T> {
    /// # Safety
    /// `start` is null, or valid for writes of `len` values until the interposed function returns.
    #[inline]
    pub(crate) const unsafe fn new(start: *mut T, len: usize) -> Self {
        Self { start: start.cast(), len }
    }

    /// One structure.
    ///
    /// # Safety
    /// As for [`UserSliceMut::new`], for one value.
    #[inline]
    pub(crate) const unsafe fn one(start: *mut T) -> Self {
        Self { start: start.cast(), len: 1 }
    }

    #[inline]
    pub(crate) fn is_null(self) -> bool {
        self.start.is_null()
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// Fails with `EFAULT` for a null pointer to more than nothing.
    #[inline]
    pub(crate) fn check(self) -> Result<(), Errno> {
        check(self.start, self.len)
    }

    /// The rest after so many values.
    pub(crate) fn after(self, count: usize) -> Self {
        let count = count.min(self.len);
        // SAFETY: `new`: `len` values may be written, and `count` is no more than that, so that the result begins within them or at
        // their end.
        let start = if self.start.is_null() { self.start } else { unsafe { self.start.add(count) } };
        Self { start, len: self.len - count }
    }

    /// Copies values to the start, as many as fit. Returns their number.
    #[inline]
    pub(crate) fn copy_out(self, from: &[T]) -> Result<usize, Errno> {
        self.copy_out_at(0, from)
    }

    /// Copies values to this index, as many as fit. Returns their number.
    #[inline]
    pub(crate) fn copy_out_at(self, index: usize, from: &[T]) -> Result<usize, Errno> {
        let count = from.len().min(self.len.saturating_sub(index));
        check(self.start, count)?;
        if count > 0 {
            // SAFETY: `new`: the `len` values may be written, and `index + count` is no more than that. `from` is the kernel's.
            unsafe { std::ptr::copy_nonoverlapping(from.as_ptr().cast(), self.start.add(index), count) };
        }
        Ok(count)
    }

    /// Writes the value at this index, or fails with `EFAULT`.
    #[inline]
    pub(crate) fn set(self, index: usize, value: T) -> Result<(), Errno> {
        if self.start.is_null() || index >= self.len {
            return Err(libc::EFAULT);
        }
        // SAFETY: `new`: the value at each index below `len` may be written. Packed structures are not aligned.
        unsafe { self.start.add(index).write_unaligned(MaybeUninit::new(value)) };
        Ok(())
    }

    /// Writes the first value, or fails with `EFAULT`.
    #[inline]
    pub(crate) fn write(self, value: T) -> Result<(), Errno> {
        self.set(0, value)
    }

    /// Writes the first value, unless the pointer is null.
    #[inline]
    pub(crate) fn write_if_given(self, value: T) {
        let _is_given = self.set(0, value);
    }
}

impl Sink for UserSliceMut<u8> {
    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn put(&mut self, at: usize, bytes: &[u8]) {
        let put = self.copy_out_at(at, bytes);
        assert_eq!(put, Ok(bytes.len()), "{} bytes at {at} do not fit into {}", bytes.len(), self.len);
    }

    #[inline]
    fn check(&self) -> Result<(), Errno> {
        UserSliceMut::check(*self)
    }
}

/// A part of the kernel that is borrowed only inside it, so that whoever holds it knows that no thread of the program runs.
pub(crate) trait Inside {}

impl Inside for Kernel {}

impl Inside for Disk {}

/// The bytes of a write: memory of the program, or a buffer of the interposed function.
pub(crate) trait Source: Copy {
    /// The number of bytes.
    fn size(self) -> usize;

    /// Fails with `EFAULT` if there is no memory to read from.
    fn check_source(self) -> Result<(), Errno>;

    /// Lends the bytes for one step inside the kernel. No thread switch can happen meanwhile: it needs the kernel, which is
    /// borrowed by `inside`.
    fn with_bytes<I: Inside, R>(self, inside: &mut I, step: impl FnOnce(&mut I, &[u8]) -> R) -> R;
}

impl Source for &[u8] {
    fn size(self) -> usize {
        self.len()
    }

    fn check_source(self) -> Result<(), Errno> {
        Ok(())
    }

    #[inline]
    fn with_bytes<I: Inside, R>(self, inside: &mut I, step: impl FnOnce(&mut I, &[u8]) -> R) -> R {
        step(inside, self)
    }
}

impl Source for UserSlice<u8> {
    #[inline]
    fn size(self) -> usize {
        self.len
    }

    #[inline]
    fn check_source(self) -> Result<(), Errno> {
        self.check()
    }

    #[inline]
    fn with_bytes<I: Inside, R>(self, inside: &mut I, step: impl FnOnce(&mut I, &[u8]) -> R) -> R {
        let bytes: &[u8] = if self.start.is_null() || self.len == 0 {
            &[]
        } else {
            // SAFETY: `new`: `len` bytes may be read. No thread of the program runs, and so none changes them, before `step` gives
            // back what it borrows of the kernel.
            unsafe { std::slice::from_raw_parts(self.start, self.len) }
        };
        // One call, so that the step is compiled into its caller.
        step(inside, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::{null, null_mut};

    fn source(bytes: &[u8]) -> UserSlice<u8> {
        // SAFETY: the tests keep the array until they are done with the result.
        unsafe { UserSlice::new(bytes.as_ptr(), bytes.len()) }
    }

    fn target(bytes: &mut [u8]) -> UserSliceMut<u8> {
        // SAFETY: the tests keep the array until they are done with the result.
        unsafe { UserSliceMut::new(bytes.as_mut_ptr(), bytes.len()) }
    }

    #[test]
    fn null_is_a_fault_unless_its_length_is_zero() {
        // SAFETY: null is always allowed.
        let (from, into) = unsafe { (UserSlice::<u8>::new(null(), 3), UserSliceMut::<u8>::new(null_mut(), 3)) };
        assert_eq!(from.check(), Err(libc::EFAULT));
        assert_eq!(from.copy_in(&mut Vec::new()), Err(libc::EFAULT));
        assert_eq!(from.read(), Err(libc::EFAULT));
        assert_eq!(into.check(), Err(libc::EFAULT));
        assert_eq!(into.copy_out(b"abc"), Err(libc::EFAULT));
        assert_eq!(into.write(1), Err(libc::EFAULT));
        // SAFETY: null is always allowed.
        let (from, into) = unsafe { (UserSlice::<u8>::new(null(), 0), UserSliceMut::<u8>::new(null_mut(), 0)) };
        assert_eq!((from.check(), from.copy_in(&mut Vec::new())), (Ok(()), Ok(())));
        assert_eq!((into.check(), into.copy_out(b"abc")), (Ok(()), Ok(0)));
    }

    #[test]
    fn no_bytes_are_copied_to_or_from_a_buffer_without_length() {
        let mut bytes = *b"abc";
        assert_eq!(target(&mut bytes[..0]).copy_out(b"xyz"), Ok(0));
        let mut copy = vec![7];
        assert_eq!(source(&bytes[..0]).copy_in(&mut copy), Ok(()));
        assert_eq!((copy, &bytes), (vec![7], b"abc"));
        assert_eq!(source(&bytes[..0]).get(0), None);
    }

    #[test]
    fn bytes_that_do_not_fit_are_not_copied() {
        let mut bytes = *b"........";
        let into = target(&mut bytes[..4]);
        assert_eq!(into.copy_out(b"ab"), Ok(2));
        assert_eq!(into.copy_out_at(3, b"cdef"), Ok(1));
        assert_eq!(into.copy_out_at(4, b"x"), Ok(0));
        assert_eq!(into.copy_out_at(9, b"x"), Ok(0));
        assert_eq!(&bytes, b"ab.c....");
        let mut copy = Vec::new();
        assert_eq!(source(&bytes).skip(6).copy_in(&mut copy), Ok(()));
        assert_eq!(copy, b"..");
    }

    #[test]
    fn memory_that_is_not_initialised_can_be_filled() {
        let mut place = MaybeUninit::<[u32; 2]>::uninit();
        // SAFETY: the array outlives the slice.
        let into = unsafe { UserSliceMut::new(place.as_mut_ptr().cast::<u32>(), 2) };
        assert_eq!((into.set(0, 1), into.set(1, 2), into.set(2, 3)), (Ok(()), Ok(()), Err(libc::EFAULT)));
        // SAFETY: both values were written.
        assert_eq!(unsafe { place.assume_init() }, [1, 2]);
    }

    #[test]
    fn structures_need_no_alignment() {
        let mut bytes = [0_u8; 9];
        // SAFETY: eight bytes from the second on.
        let (from, into) = unsafe {
            let at = bytes.as_mut_ptr().add(1).cast::<u64>();
            (UserSlice::one(at), UserSliceMut::one(at))
        };
        assert_eq!(into.write(u64::MAX), Ok(()));
        assert_eq!(from.read(), Ok(u64::MAX));
        assert_eq!(bytes[0], 0);
    }

    #[test]
    fn a_string_ends_before_its_nul_byte() {
        // SAFETY: a C string, and null.
        let (text, none) = unsafe { (UserSlice::string(c"/etc".as_ptr()), UserSlice::string(null())) };
        assert_eq!(text.iter().collect::<Vec<_>>(), b"/etc");
        assert_eq!((none.len(), none.is_null()), (0, true));
    }
}
