//! The bounds of a record, and the checksum of its lines. Records come from elsewhere, and a few kilobytes of compressed text may stand for
//! gigabytes.

use crate::failure::fnv::{fnv, fnv_of};
use std::fmt;

/// The most bytes of one line. The longest in practice is a finding with a large plan, of some kilobytes.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;

/// The most lines, events among them. The largest scenario of this repository, 25 nodes in one network, writes an eighth of a million.
const LINES_MAX: u64 = 4_000_000;

/// The most events. In memory each takes 64 bytes.
const EVENTS_MAX: u64 = 2_000_000;

/// The most bytes of all lines, uncompressed.
const BYTES_MAX: u64 = 512 << 20;

/// The bounds of a record, counted line by line. A record within them can be written and read; no other one can.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    bytes: u64,
    lines: u64,
    events: u64,
}

impl Size {
    /// Adds a line of so many bytes.
    ///
    /// # Errors
    /// The bound that it exceeds.
    pub(super) fn add_line(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes += bytes as u64 + 1;
        self.lines += 1;
        let mebi = |bytes: u64| format!("{} MiB", bytes >> 20);
        if bytes > LINE_BYTES_MAX {
            return Err(format!("a line of more than {}", mebi(LINE_BYTES_MAX as u64)));
        }
        if self.bytes > BYTES_MAX {
            return Err(format!("more than {} of text", mebi(BYTES_MAX)));
        }
        if self.lines > LINES_MAX { Err(format!("more than {LINES_MAX} lines")) } else { Ok(()) }
    }

    /// Adds an event.
    ///
    /// # Errors
    /// The bound that it exceeds.
    pub(super) fn add_event(&mut self) -> Result<(), String> {
        self.events += 1;
        if self.events > EVENTS_MAX { Err(format!("more than {EVENTS_MAX} events")) } else { Ok(()) }
    }
}

/// The checksum of lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineSum(u64);

impl Default for LineSum {
    fn default() -> Self {
        Self(fnv([]))
    }
}

impl LineSum {
    /// Adds a line, without its end.
    pub(super) fn add(&mut self, line: &[u8]) {
        self.0 = fnv_of(fnv_of(self.0, line), b"\n");
    }
}

impl fmt::Display for LineSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_exact_and_named() {
        let add = |lines: u64, bytes: usize| {
            let mut size = Size::default();
            (0..lines).try_for_each(|_| size.add_line(bytes))
        };
        assert_eq!(add(1, LINE_BYTES_MAX), Ok(()));
        assert_eq!(add(1, LINE_BYTES_MAX + 1), Err("a line of more than 1 MiB".to_owned()));
        assert_eq!(add(LINES_MAX, 0), Ok(()));
        assert_eq!(add(LINES_MAX + 1, 0), Err("more than 4000000 lines".to_owned()));
        assert_eq!(add(BYTES_MAX >> 20, (1 << 20) - 1), Ok(()));
        assert_eq!(add(1 + (BYTES_MAX >> 20), (1 << 20) - 1), Err("more than 512 MiB of text".to_owned()));
        let events = |events: u64| {
            let mut size = Size::default();
            (0..events).try_for_each(|_| size.add_event())
        };
        assert_eq!(events(EVENTS_MAX), Ok(()));
        assert_eq!(events(EVENTS_MAX + 1), Err("more than 2000000 events".to_owned()));
    }
}
