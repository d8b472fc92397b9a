//! Memory of the host that can be mapped many times: the shared mappings of one virtual file.
//! It does not map anything itself.

use super::system::call;
use libc::c_int;

/// A memory file of the host (`memfd_create(2)`).
pub(crate) struct SharedMemory {
    fd: c_int,
    len: u64,
}

impl SharedMemory {
    /// Creates an empty one. Fails with the host's error number.
    pub(crate) fn new() -> Result<Self, c_int> {
        // SAFETY: `memfd_create(2)` reads a C string, which is a literal.
        let fd = unsafe {
            call(libc::SYS_memfd_create, c"afterlife".as_ptr().addr(), libc::MFD_CLOEXEC as usize, 0, 0, 0, 0)
        };
        if fd < 0 { Err(-fd as c_int) } else { Ok(Self { fd: fd as c_int, len: 0 }) }
    }

    /// The host's descriptor.
    pub(crate) fn descriptor(&self) -> c_int {
        self.fd
    }

    /// The length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Extends it to at least this length with zeros. Fails with the host's error number.
    pub(crate) fn grow(&mut self, len: u64) -> Result<(), c_int> {
        if len > self.len {
            // SAFETY: `ftruncate(2)` takes no pointer; the memory only grows, so no mapping loses its pages.
            let done = unsafe { call(libc::SYS_ftruncate, self.fd as usize, len as usize, 0, 0, 0, 0) };
            if done < 0 {
                return Err(-done as c_int);
            }
            self.len = len;
        }
        Ok(())
    }

    /// Copies the bytes at an offset. All of them must be within the length.
    pub(crate) fn read(&self, offset: u64, into: &mut [u8]) {
        let (at, len) = (into.as_mut_ptr().addr(), into.len());
        // SAFETY: `pread(2)` writes to the slice, which is valid for its length.
        let done = unsafe { call(libc::SYS_pread64, self.fd as usize, at, len, offset as usize, 0, 0) };
        assert_eq!(done, len as isize, "shared memory is read where it is");
    }

    /// Writes bytes at an offset.
    pub(crate) fn write(&self, offset: u64, from: &[u8]) {
        // SAFETY: `pwrite(2)` reads the slice, which is valid for its length.
        let done = unsafe {
            call(libc::SYS_pwrite64, self.fd as usize, from.as_ptr().addr(), from.len(), offset as usize, 0, 0)
        };
        assert_eq!(done, from.len() as isize, "shared memory is written where it is");
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: the descriptor is owned and not used again; mappings keep the memory alive.
        unsafe { call(libc::SYS_close, self.fd as usize, 0, 0, 0, 0, 0) };
    }
}
