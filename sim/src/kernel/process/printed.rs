//! The lines that a process prints, cut at line ends however many pieces it writes them in, and its last lines.
//! It emits nothing; `output` keeps the bytes for the record.

use crate::event::{Name, Seq};
use std::collections::VecDeque;

/// The longest line in bytes: a longer one is cut.
const LINE_BYTES_MAX: usize = 64 << 10;
/// The number of last lines of each stream.
const LAST_MAX: usize = 16;

/// The output of one incarnation of a process.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    output: Stream,
    errors: Stream,
}

/// One of the two standard streams.
#[derive(Debug, Default)]
struct Stream {
    /// The bytes since the last line end.
    begun: Vec<u8>,
    last: VecDeque<(Seq, Name)>,
}

impl Printed {
    /// Adds bytes to standard error or standard output. Returns the lines that they complete, without empty ones.
    pub(crate) fn add(&mut self, errors: bool, mut bytes: &[u8]) -> Vec<String> {
        let stream = self.stream(errors);
        let mut lines = Vec::new();
        while !bytes.is_empty() {
            let room = LINE_BYTES_MAX - stream.begun.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let (part, skipped) = end.map_or((bytes.len().min(room), 0), |end| (end, 1));
            stream.begun.extend_from_slice(&bytes[..part]);
            bytes = &bytes[part + skipped..];
            if end.is_some() || stream.begun.len() == LINE_BYTES_MAX {
                lines.extend(stream.complete());
            }
        }
        lines
    }

    /// The process ends: returns the lines that have begun, each with whether it is of standard error.
    pub(crate) fn end(&mut self) -> Vec<(bool, String)> {
        [false, true].into_iter().filter_map(|errors| Some((errors, self.stream(errors).complete()?))).collect()
    }

    /// Records a line's event and text.
    pub(crate) fn remember(&mut self, errors: bool, line: Seq, text: Name) {
        let last = &mut self.stream(errors).last;
        if last.len() == LAST_MAX {
            last.pop_front();
        }
        last.push_back((line, text));
    }

    /// The last lines, oldest first: those of standard error, or of standard output if there are none.
    pub(crate) fn last(&self) -> impl Iterator<Item = (Seq, Name)> {
        let stream = if self.errors.last.is_empty() { &self.output } else { &self.errors };
        stream.last.iter().copied()
    }

    fn stream(&mut self, errors: bool) -> &mut Stream {
        if errors { &mut self.errors } else { &mut self.output }
    }
}

impl Stream {
    /// Ends the line that has begun. Returns `None` if it is empty.
    fn complete(&mut self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.begun).trim_end_matches('\r').to_owned();
        self.begun.clear();
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_complete_at_its_end_however_many_pieces_it_has() {
        let mut printed = Printed::default();
        assert_eq!(printed.add(true, b"took "), [""; 0]);
        assert_eq!(printed.add(false, b"hello\r\n\nyou"), ["hello"]);
        assert_eq!(printed.add(true, b"3"), [""; 0]);
        assert_eq!(printed.add(true, b" ms\nand more\n"), ["took 3 ms", "and more"]);
        assert_eq!(printed.end(), [(false, "you".to_owned())]);
        assert_eq!(printed.end(), []);
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let mut printed = Printed::default();
        let lines = printed.add(false, &vec![b'x'; 2 * LINE_BYTES_MAX + 1]);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [LINE_BYTES_MAX, LINE_BYTES_MAX]);
        assert_eq!(printed.end(), [(false, "x".to_owned())]);
    }

    #[test]
    fn the_last_lines_are_those_of_standard_error_if_it_has_any() {
        let mut printed = Printed::default();
        for line in 0..LAST_MAX as u64 + 2 {
            printed.remember(false, Seq(line), Name(1));
        }
        assert_eq!(printed.last().map(|(line, _)| line.0).collect::<Vec<_>>(), (2..18).collect::<Vec<_>>());
        printed.remember(true, Seq(40), Name(2));
        printed.remember(false, Seq(41), Name(1));
        assert_eq!(printed.last().collect::<Vec<_>>(), [(Seq(40), Name(2))]);
    }
}
