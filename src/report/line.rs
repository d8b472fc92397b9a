//! One line of a report: pieces of text, each in a tone, laid out in columns.
//! Tones add to the text and never replace it: without colour the line reads the same.

use crate::model::visible::visible;
use std::borrow::Cow;
use std::fmt;

/// The width that every page fits.
pub(crate) const WIDTH: usize = 80;

/// The emphasis of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// No emphasis.
    Plain,
    /// The subject of the line.
    Strong,
    /// A failure.
    Bad,
    /// A fault, or a turning point.
    Turn,
    /// A success.
    Good,
    /// A detail.
    Faint,
}

impl Tone {
    /// The sequences before and after a piece (ECMA-48).
    fn escapes(self) -> (&'static str, &'static str) {
        const RESET: &str = "\u{1b}[0m";
        match self {
            Self::Plain => ("", ""),
            Self::Strong => ("\u{1b}[1m", RESET),
            Self::Bad => ("\u{1b}[1m\u{1b}[31m", RESET),
            Self::Turn => ("\u{1b}[33m", RESET),
            Self::Good => ("\u{1b}[32m", RESET),
            Self::Faint => ("\u{1b}[2m", RESET),
        }
    }
}

/// A line under construction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pieces: Vec<(Tone, String)>,
}

impl Line {
    /// A line of one piece.
    pub(crate) fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self::default().put(tone, text)
    }

    /// Adds a piece. Characters that a terminal would obey become visible escapes: pieces come from programs, logs and records.
    pub(crate) fn put(mut self, tone: Tone, text: impl Into<String>) -> Self {
        let text = text.into();
        let text = match visible(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(escaped) => escaped,
        };
        if !text.is_empty() {
            self.pieces.push((tone, text));
        }
        self
    }

    /// Adds spaces up to a column; at least one, so that columns never touch.
    pub(crate) fn to(self, column: usize) -> Self {
        let spaces = column.saturating_sub(self.width()).max(1);
        self.put(Tone::Plain, " ".repeat(spaces))
    }

    /// Adds a piece at the right edge. The beginning is cut off if needed; with fewer than `least` columns left, the piece is
    /// dropped.
    pub(crate) fn at_right(self, tone: Tone, text: &str, least: usize) -> Self {
        let columns = WIDTH.saturating_sub(self.width() + 2);
        if text.is_empty() || columns < least.min(wide(text)) {
            return self;
        }
        let text = keep_path_end(text, columns);
        let column = WIDTH - wide(&text);
        self.to(column).put(tone, text)
    }

    /// The width in columns.
    pub(crate) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| wide(text)).sum()
    }
}

/// `{line}` has the tones, `{line:#}` the text alone.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.pieces.iter().rposition(|(_, text)| !text.trim_end().is_empty()).map_or(0, |last| last + 1);
        for (index, (tone, text)) in self.pieces[..end].iter().enumerate() {
            let text = if index + 1 == end { text.trim_end() } else { text };
            let (begin, end) = if f.alternate() { ("", "") } else { tone.escapes() };
            write!(f, "{begin}{text}{end}")?;
        }
        Ok(())
    }
}

/// The width of a text in columns, as it is printed. Every character that afterlife writes takes one.
pub(crate) fn wide(text: &str) -> usize {
    visible(text).chars().count()
}

/// The text, with its end cut off if it is too wide.
pub(crate) fn keep_start(text: &str, columns: usize) -> String {
    let text = &*visible(text);
    if wide(text) <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The text, with its beginning cut off if it is too wide.
fn keep_end(text: &str, columns: usize) -> String {
    let text = &*visible(text);
    let cut = wide(text).saturating_sub(columns);
    if cut == 0 { text.to_owned() } else { format!("…{}", text.chars().skip(cut + 1).collect::<String>()) }
}

/// The path, without its first folders if it is too wide.
fn keep_path_end(path: &str, columns: usize) -> String {
    let path = &*visible(path);
    if wide(path) <= columns {
        return path.to_owned();
    }
    let shorter = path.match_indices('/').map(|(at, _)| format!("…{}", &path[at..]));
    shorter.into_iter().find(|text| wide(text) <= columns).unwrap_or_else(|| keep_end(path, columns))
}

/// The text in lines of at most `columns` columns, broken between words. A longer word takes a line of its own.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace().map(visible) {
        match lines.last_mut() {
            Some(line) if wide(line) + 1 + wide(&word) <= columns => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word.into_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::terminal::without_escapes;

    #[test]
    fn a_piece_at_the_right_ends_at_the_edge() {
        let line = Line::of(Tone::Plain, "left").at_right(Tone::Faint, "right", 5);
        assert_eq!(line.width(), WIDTH);
    }

    #[test]
    fn a_path_that_does_not_fit_keeps_its_end() {
        let path = "scenarios/src/raft_master/server.rs:88";
        assert_eq!(
            [40, 29, 16, 10].map(|columns| keep_path_end(path, columns)),
            [path, "…/raft_master/server.rs:88", "…/server.rs:88", "…ver.rs:88"]
        );
        assert_eq!(keep_start("a message of the panic", 10), "a message…");
    }

    #[test]
    fn a_line_in_tones_reads_the_same_without_them() {
        let line = Line::of(Tone::Bad, "✗").put(Tone::Plain, " it broke   ").to(40).put(Tone::Faint, " ");
        assert_eq!(format!("{line:#}"), "✗ it broke");
        assert_eq!(without_escapes(&line.to_string()), "✗ it broke");
    }

    #[test]
    fn a_terminal_obeys_nothing_in_a_line_but_its_tones() {
        let hostile = "\u{1b}[2J\u{9b}1m \u{202e}name\u{7f}";
        let line = Line::of(Tone::Plain, hostile).put(Tone::Plain, "  ").at_right(Tone::Plain, hostile, 0);
        let text = line.to_string();
        assert!(text.is_ascii() && !text.contains(|letter: char| letter.is_control()), "{text:?}");
        assert!(line.width() <= WIDTH && line.width() == text.len(), "{text}");
        assert_eq!(keep_start(hostile, 9), "\\u{1b}[2…");
        assert_eq!(wrap(hostile, 20), ["\\u{1b}[2J\\u{9b}1m", "\\u{202e}name\\u{7f}"]);
    }

    #[test]
    fn words_are_not_broken() {
        assert_eq!(wrap("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrap("", 8), [""; 0]);
    }
}
