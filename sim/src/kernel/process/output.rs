//! The lines that programs print and trace: recorded on demand beside the events, and never part of the digest.
//! It filters nothing; its callers do.

use crate::event::NodeId;
use crate::host::region::Region;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most bytes of lines that a run records; later ones are left out.
const BYTES_MAX: usize = 64 << 20;

/// The source of a line: a stream that the program printed to, or a level at which it traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Printed to the standard output.
    Stdout,
    /// Printed to the standard error.
    Stderr,
    /// Traced as an error.
    Error,
    /// Traced as a warning.
    Warn,
    /// Traced as information.
    Info,
    /// Traced for debugging.
    Debug,
    /// Traced in the finest detail.
    Trace,
}

impl Source {
    /// The source in one word: `stdout`, `WARN`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

/// One line that a node printed or traced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The number of events before it.
    pub events: u64,
    /// Virtual nanoseconds since the run began.
    pub time_ns: u64,
    /// The node that wrote it.
    pub node: NodeId,
    /// The node's incarnation.
    pub incarnation: u16,
    /// The thread's number in its process.
    pub thread: u32,
    /// The stream or level.
    pub source: Source,
    /// The target that it was traced for, such as `openraft::core`; empty for printed lines.
    pub target: String,
    /// The text, without a line end.
    pub text: String,
}

/// The time and thread of a line's beginning.
#[derive(Clone, Copy)]
pub(crate) struct LogSite {
    pub(crate) events: u64,
    pub(crate) time_ns: u64,
    pub(crate) node: NodeId,
    pub(crate) incarnation: u16,
    pub(crate) thread: u32,
}

/// The lines of a run. Their memory is reserved in every run, so that recording them does not change addresses.
pub(crate) struct Lines {
    bytes: Region<u8>,
    pieces: Region<Piece>,
    recorded: bool,
}

/// Bytes of one line, up to those of the next piece.
#[derive(Clone, Copy)]
struct Piece {
    site: LogSite,
    source: Source,
    /// The piece that began its line; other lines may interrupt one whose formatting runs code of the program.
    line: usize,
    begin: usize,
    target_len: usize,
}

impl Lines {
    pub(crate) fn new(recorded: bool) -> Self {
        Self { bytes: Region::reserve(BYTES_MAX), pieces: Region::reserve(BYTES_MAX / 16), recorded }
    }

    /// Returns whether lines are recorded, and there is space.
    pub(crate) fn wanted(&self) -> bool {
        let spare = 1 << 16;
        self.recorded
            && self.bytes.values().len() < BYTES_MAX - spare
            && self.pieces.values().len() < BYTES_MAX / 16 - spare
    }

    /// Records printed bytes: any number of lines, or a part of one.
    pub(crate) fn print(&mut self, site: LogSite, errors: bool, text: &[u8]) {
        if self.wanted() {
            let source = if errors { Source::Stderr } else { Source::Stdout };
            self.begin(site, source, "");
            self.push(text);
        }
    }

    /// Begins a traced line. Returns its number for [`put`](Self::put).
    pub(crate) fn begin(&mut self, site: LogSite, source: Source, target: &str) -> usize {
        let (line, begin) = (self.pieces.values().len(), self.bytes.values().len());
        self.pieces.push(Piece { site, source, line, begin, target_len: target.len() });
        self.push(target.as_bytes());
        line
    }

    /// Adds a piece to a line that has begun.
    pub(crate) fn put(&mut self, line: usize, text: &str) {
        let pieces = self.pieces.values();
        let (Some(first), Some(last)) = (pieces.get(line).copied(), pieces.last()) else { return };
        if !self.wanted() {
            return;
        }
        if last.line != line {
            self.pieces.push(Piece { begin: self.bytes.values().len(), ..first });
        }
        self.push(text.as_bytes());
    }

    fn push(&mut self, text: &[u8]) {
        let space = BYTES_MAX - self.bytes.values().len();
        text.iter().take(space).for_each(|byte| self.bytes.push(*byte));
    }

    /// All lines, in the order in which they began. Printed text is cut at line ends, for each stream of an
    /// incarnation.
    pub(crate) fn all(&self) -> Vec<LogLine> {
        let (pieces, bytes) = (self.pieces.values(), self.bytes.values());
        let ends = pieces.iter().skip(1).map(|piece| piece.begin).chain([bytes.len()]);
        let mut traced: BTreeMap<usize, (Piece, Vec<u8>)> = BTreeMap::new();
        let mut printed: BTreeMap<(NodeId, u16, Source), Begun> = BTreeMap::new();
        let mut lines: Vec<(usize, LogLine)> = Vec::new();
        for (index, (piece, end)) in pieces.iter().zip(ends).enumerate() {
            let text = &bytes[piece.begin..end];
            if !matches!(piece.source, Source::Stdout | Source::Stderr) {
                traced.entry(piece.line).or_insert((*piece, Vec::new())).1.extend_from_slice(text);
                continue;
            }
            let stream = (piece.site.node, piece.site.incarnation, piece.source);
            for part in text.split_inclusive(|byte| *byte == b'\n') {
                let begun = printed.entry(stream).or_insert(Begun { index, piece: *piece, text: Vec::new() });
                begun.text.extend_from_slice(part);
                if part.ends_with(b"\n") {
                    lines.push((begun.index, begun.piece.line_of(&begun.text)));
                    printed.remove(&stream);
                }
            }
        }
        lines.extend(traced.into_iter().map(|(line, (piece, text))| (line, piece.line_of(&text))));
        // Printed text without a line end.
        lines.extend(printed.into_values().map(|begun| (begun.index, begun.piece.line_of(&begun.text))));
        lines.retain(|(_, line)| !line.text.is_empty());
        lines.sort_by_key(|(begun, _)| *begun);
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// A line that has not ended.
struct Begun {
    index: usize,
    piece: Piece,
    text: Vec<u8>,
}

impl Piece {
    fn line_of(&self, bytes: &[u8]) -> LogLine {
        let (target, text) = bytes.split_at(self.target_len.min(bytes.len()));
        let text = String::from_utf8_lossy(text);
        LogLine {
            events: self.site.events,
            time_ns: self.site.time_ns,
            node: self.site.node,
            incarnation: self.site.incarnation,
            thread: self.site.thread,
            source: self.source,
            target: String::from_utf8_lossy(target).into_owned(),
            text: text.trim_end_matches(['\n', '\r']).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(node: u16, events: u64) -> LogSite {
        LogSite { events, time_ns: events * 10, node: NodeId(node), incarnation: 1, thread: 0 }
    }

    fn recorded(lines: &Lines) -> Vec<(u16, u64, String)> {
        lines.all().into_iter().map(|line| (line.node.0, line.events, line.text)).collect()
    }

    #[test]
    fn a_line_that_is_printed_in_pieces_stands_where_it_began() {
        let mut lines = Lines::new(true);
        lines.print(site(0, 1), true, b"took ");
        lines.print(site(1, 2), true, b"other\n\n");
        lines.print(site(0, 3), false, b"out\nleft");
        lines.print(site(0, 4), true, b"3 ms\r\n");
        let expected = [(0, 1, "took 3 ms"), (1, 2, "other"), (0, 3, "out"), (0, 3, "left")];
        assert_eq!(recorded(&lines), expected.map(|(node, events, text)| (node, events, text.to_owned())));
    }

    #[test]
    fn a_line_that_is_interrupted_by_another_stays_whole() {
        let mut lines = Lines::new(true);
        let outer = lines.begin(site(0, 1), Source::Info, "app");
        lines.put(outer, "before ");
        let inner = lines.begin(site(1, 2), Source::Warn, "");
        lines.put(inner, "between");
        lines.put(outer, "after");
        assert_eq!(recorded(&lines), [(0, 1, "before after".to_owned()), (1, 2, "between".to_owned())]);
        assert_eq!(lines.all()[0].target, "app");
    }

    #[test]
    fn nothing_is_recorded_unless_asked_for() {
        let mut lines = Lines::new(false);
        lines.print(site(0, 1), false, b"out\n");
        assert_eq!(recorded(&lines), []);
    }
}
