//! A queue of bytes that keeps the chunks as they arrived, so that moving a message costs no copy.
//! It has no bound.

use crate::kernel::sink::Sink;
use std::collections::VecDeque;

/// Bytes in order of arrival.
#[derive(Default)]
pub(crate) struct Bytes {
    chunks: VecDeque<Vec<u8>>,
    start: usize,
    len: usize,
}

impl Bytes {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a chunk at the end.
    #[inline]
    pub(crate) fn push(&mut self, chunk: Vec<u8>) {
        if !chunk.is_empty() {
            self.len += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    /// Copies bytes from the front, and removes them unless `peek`. Returns the count.
    #[inline]
    pub(crate) fn take(&mut self, into: &mut (impl Sink + ?Sized), peek: bool) -> usize {
        if peek {
            return self.peek(into);
        }
        let mut done = 0;
        while done < into.len() {
            let Some(front) = self.chunks.front() else { break };
            let count = (front.len() - self.start).min(into.len() - done);
            into.put(done, &front[self.start..self.start + count]);
            done += count;
            self.start += count;
            if self.start == front.len() {
                self.chunks.pop_front();
                self.start = 0;
            }
        }
        self.len -= done;
        done
    }

    fn peek(&self, into: &mut (impl Sink + ?Sized)) -> usize {
        let mut done = 0;
        let mut start = self.start;
        for chunk in &self.chunks {
            let count = (chunk.len() - start).min(into.len() - done);
            into.put(done, &chunk[start..start + count]);
            done += count;
            start = 0;
        }
        done
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_across_chunks() {
        let mut bytes = Bytes::default();
        for chunk in [&b"af"[..], b"", b"terl", b"ife"] {
            bytes.push(chunk.to_vec());
        }
        let mut buffer = [0; 5];
        assert_eq!((bytes.take(&mut &mut buffer[..], true), &buffer), (5, b"after"));
        assert_eq!((bytes.take(&mut &mut buffer[..], false), &buffer), (5, b"after"));
        assert_eq!((bytes.take(&mut &mut buffer[..], false), &buffer[..4]), (4, &b"life"[..]));
        assert!(bytes.is_empty());
    }
}
