//! Lines on the wire: encodes an object as a line, and assembles a line from the bytes that arrive.
//! It does no I/O.

use serde::{Deserialize, Serialize};
use std::io;

/// The longest line that is accepted, in bytes. A longer one is an error, so that it cannot exhaust memory.
pub const LINE_MAX: usize = 1 << 20;

/// A complete line's object, or the reason that it is none.
pub(super) type Decoded<T> = Result<T, serde_json::Error>;

/// The received part of the current line.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<u8>);

impl Line {
    /// Takes this line's share of the bytes at hand. Returns the number of bytes taken, and the object if the line is complete. No
    /// bytes at all mean the end of the connection, and `None`.
    pub(super) fn take<T: for<'de> Deserialize<'de>>(
        &mut self,
        bytes: &[u8],
    ) -> io::Result<Option<(usize, Option<Decoded<T>>)>> {
        if bytes.is_empty() {
            return if self.0.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(bytes.len(), |at| at + 1);
        self.0.extend_from_slice(&bytes[..taken]);
        if self.0.len() > LINE_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
        }
        let object = end.map(|_| serde_json::from_slice(&self.0));
        if object.is_some() {
            self.0.clear();
        }
        Ok(Some((taken, object)))
    }
}

/// Encodes an object as a line.
pub(super) fn line_of<T: Serialize>(object: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(object)?;
    line.push(b'\n');
    Ok(line)
}
