//! Text that is safe to print: whatever a terminal would obey instead of show becomes a visible escape.
//! Every report and every error passes its texts through here. HTML has an escaping of its own.

use std::borrow::Cow;

/// Returns whether a terminal obeys this character instead of showing it: controls of both sets (ESC and DEL among them), controls of the
/// writing direction, and the two separators that some terminals treat as line ends.
fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with visible escapes: `\u{1b}[2J` instead of what clears the screen, `\n` instead of the end of a line. Text without such
/// characters is returned as it is, and so is text that was escaped before.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            obeyed if is_obeyed(obeyed) => escaped.extend(obeyed.escape_unicode()),
            shown => escaped.push(shown),
        }
    }
    Cow::Owned(escaped)
}

/// A line of JSON with such characters as JSON's own escapes. The line has the same meaning: JSON allows them only in strings.
pub(crate) fn visible_json(line: &str) -> Cow<'_, str> {
    if !line.contains(is_obeyed) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len() + 8);
    for letter in line.chars() {
        if is_obeyed(letter) {
            // All of them are below U+10000, so that one unit of UTF-16 is the whole character.
            escaped.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_a_terminal_shows_stays_as_it_is() {
        for text in ["", "✗ no-use-after-teardown · db", "größe \\n 字", "\u{1f600} \u{a0}"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn text_that_a_terminal_obeys_is_escaped() {
        let hostile = "\u{1b}]0;title\u{7}\u{9b}2J\u{7f}\u{202e}abc\u{2066}\u{2069}\u{200f}\na\tb\r\0";
        let shown = visible(hostile);
        assert_eq!(
            shown,
            "\\u{1b}]0;title\\u{7}\\u{9b}2J\\u{7f}\\u{202e}abc\\u{2066}\\u{2069}\\u{200f}\\na\\tb\\r\\u{0}"
        );
        assert_eq!(visible(&shown), shown, "an escape is not escaped again");
        for code in (0..0x20).chain(0x7f..=0x9f).chain(0x202a..=0x202e).chain(0x2066..=0x2069) {
            let text = char::from_u32(code).map(String::from).unwrap_or_default();
            assert!(visible(&text).is_ascii() && visible(&text).len() > 1, "U+{code:04X}");
        }
    }

    #[test]
    fn a_line_of_json_keeps_its_meaning() {
        let value = serde_json::json!({ "name": "\u{1b}[2J\u{9b}\u{202e}\u{7f} \\u{1b}" });
        let line = value.to_string();
        let shown = visible_json(&line);
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value));
    }
}
