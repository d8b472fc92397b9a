//! Memory of the host for many values of one type, outside the heap.
//! It never shrinks before it is dropped.

use super::system::{call, result};

/// Memory for many values of one type: reserved at once, used as it fills, released as a whole. It lies outside the heap, so
/// that filling it moves nothing there.
pub(crate) struct Region<T: Copy> {
    base: *mut T,
    len: usize,
    capacity: usize,
}

impl<T: Copy> Region<T> {
    /// Reserves address space for this many values. Pages are used as values are pushed.
    pub(crate) fn reserve(capacity: usize) -> Self {
        let bytes = capacity * size_of::<T>();
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: an anonymous `mmap(2)` without an address touches no existing memory.
        let mapped =
            result(unsafe { call(libc::SYS_mmap, 0, bytes, protection as usize, flags as usize, usize::MAX, 0) });
        assert!(mapped != -1, "no address space for {bytes} bytes");
        Self { base: mapped as *mut T, len: 0, capacity }
    }

    /// Adds a value at the end.
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        assert!(self.len < self.capacity, "more values than were reserved");
        // SAFETY: the assertion keeps the offset within the mapping, which is writable and aligned to a page.
        unsafe { self.base.add(self.len).write(value) };
        self.len += 1;
    }

    /// The values, in the order of their pushes.
    pub(crate) fn values(&self) -> &[T] {
        // SAFETY: `push` has written the first `len` values, or they are the zeros of `mmap(2)`; who changes them borrows the region.
        unsafe { std::slice::from_raw_parts(self.base, self.len) }
    }

    /// Advises the host that much of the memory will be used, so that it may use huge pages.
    pub(crate) fn expect_use(&mut self) {
        let bytes = self.capacity * size_of::<T>();
        // SAFETY: `madvise(2)` with this advice changes no content of the mapping that `reserve` made.
        unsafe { call(libc::SYS_madvise, self.base.addr(), bytes, libc::MADV_HUGEPAGE as usize, 0, 0, 0) };
    }
}

impl Region<u32> {
    /// Reserves address space for this many zeros, all of which are values at once.
    pub(crate) fn zeros(count: usize) -> Self {
        let mut region = Self::reserve(count);
        region.len = count;
        region
    }

    /// The values, to change.
    pub(crate) fn values_mut(&mut self) -> &mut [u32] {
        // SAFETY: as for `values`: `zeros` counts pages that `mmap(2)` fills with zeros, and nobody else refers to them.
        unsafe { std::slice::from_raw_parts_mut(self.base, self.len) }
    }
}

impl<T: Copy> Drop for Region<T> {
    fn drop(&mut self) {
        // SAFETY: the region owns the mapping that `reserve` made; no reference to it outlives the region.
        unsafe { call(libc::SYS_munmap, self.base.addr(), self.capacity * size_of::<T>(), 0, 0, 0, 0) };
    }
}

// SAFETY: a region owns its values, as a vector does.
unsafe impl<T: Copy + Send> Send for Region<T> {}
