//! The destination of a read: a buffer of the kernel, or memory that the program passed.
//! It is only written to, because the program's memory may not be initialised yet.

use crate::kernel::Errno;
use std::ops::Range;

static ZEROS: [u8; 4096] = [0; 4096];

/// Bytes that a read fills.
pub(crate) trait Sink {
    /// The number of bytes that fit.
    fn len(&self) -> usize;

    /// Copies bytes to this offset.
    ///
    /// # Panics
    /// If they do not fit.
    fn put(&mut self, at: usize, bytes: &[u8]);

    /// Fails with `EFAULT` if there is no memory to write to.
    fn check(&self) -> Result<(), Errno> {
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes zeros.
    fn put_zeros(&mut self, range: Range<usize>) {
        for at in range.clone().step_by(ZEROS.len()) {
            self.put(at, &ZEROS[..ZEROS.len().min(range.end - at)]);
        }
    }
}

impl Sink for [u8] {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        (**self).put(at, bytes);
    }

    fn check(&self) -> Result<(), Errno> {
        (**self).check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_written_to_the_range_alone() {
        let mut buffer = vec![1; 3 * ZEROS.len()];
        let (from, to) = (5, 2 * ZEROS.len() + 7);
        buffer.put_zeros(from..to);
        assert!(buffer[from..to].iter().all(|byte| *byte == 0));
        assert!(buffer[..from].iter().chain(&buffer[to..]).all(|byte| *byte == 1));
        buffer.put_zeros(3..3);
        assert_eq!(buffer[3], 1);
    }
}
