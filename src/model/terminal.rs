//! Colour on a terminal: whether it is wanted, and text without it.
//! It asks no terminal for its size and moves no cursor.

use std::borrow::Cow;
use std::io::IsTerminal;

/// Returns whether the standard output of this process wants colour.
pub(crate) fn wants_colour() -> bool {
    decide(|name| std::env::var(name).ok(), std::io::stdout().is_terminal())
}

/// `CARGO_TERM_COLOR` decides if it says `always` or `never`; then `NO_COLOR`, `CLICOLOR_FORCE` and `CLICOLOR` do, and at last the terminal.
fn decide(variable: impl Fn(&str) -> Option<String>, is_terminal: bool) -> bool {
    let value = |name| variable(name).unwrap_or_default();
    match value("CARGO_TERM_COLOR").as_str() {
        "always" => return true,
        "never" => return false,
        _ => {}
    }
    if !value("NO_COLOR").is_empty() {
        return false;
    }
    if !matches!(value("CLICOLOR_FORCE").as_str(), "" | "0") {
        return true;
    }
    is_terminal && value("CLICOLOR") != "0" && value("TERM") != "dumb"
}

/// The text without the sequences that set colours, titles and cursors (ECMA-48). Other control characters stay.
pub(crate) fn without_escapes(text: &str) -> Cow<'_, str> {
    let Some((first, _)) = text.split_once('\u{1b}') else { return Cow::Borrowed(text) };
    let mut plain = first.to_owned();
    let mut rest = &text[first.len()..];
    while let Some(sequence) = rest.strip_prefix('\u{1b}') {
        let after = after_sequence(sequence);
        let end = after.find('\u{1b}').unwrap_or(after.len());
        plain.push_str(&after[..end]);
        rest = &after[end..];
    }
    Cow::Owned(plain)
}

/// The text after a sequence, whose ESC has been read.
fn after_sequence(text: &str) -> &str {
    let mut letters = text.chars();
    match letters.next() {
        // CSI: parameters, then one final letter.
        Some('[') => match letters.as_str().find(|letter| !matches!(letter, ' '..='?')) {
            Some(end) if letters.as_str()[end..].starts_with(|letter| matches!(letter, '@'..='~')) => {
                &letters.as_str()[end + 1..]
            }
            Some(end) => &letters.as_str()[end..],
            None => "",
        },
        // A string, such as a title: up to BEL, or to ST, which begins with an ESC of its own.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            let text = letters.as_str();
            let end = text.find(['\u{7}', '\u{1b}']).unwrap_or(text.len());
            text[end..].strip_prefix('\u{7}').unwrap_or(&text[end..])
        }
        // One letter, after letters that select a set of them.
        Some(' '..='/') => {
            let text = letters.as_str().trim_start_matches(|letter| matches!(letter, ' '..='/'));
            text.strip_prefix(|letter| matches!(letter, '0'..='~')).unwrap_or(text)
        }
        Some(_) => letters.as_str(),
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_what_is_shown() {
        assert!(matches!(without_escapes("plain ✗\n"), Cow::Borrowed("plain ✗\n")));
        let styled =
            "\u{1b}[1m\u{1b}[31m✗\u{1b}[0m it \u{1b}]0;title\u{7}broke\u{1b}]8;;x\u{1b}\\, \u{1b}[38;5;1mtwice\u{1b}(B";
        assert_eq!(without_escapes(styled), "✗ it broke, twice");
        for cut in ["a\u{1b}", "a\u{1b}[", "a\u{1b}[3", "a\u{1b}]0;t"] {
            assert_eq!(without_escapes(cut), "a");
        }
        assert_eq!(without_escapes("\u{1b}[1\nnext"), "\nnext", "a sequence ends with its line");
    }

    #[test]
    fn the_environment_decides_before_the_terminal() {
        let wants = |variables: &[(&str, &str)], is_terminal| {
            let value =
                |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
            decide(value, is_terminal)
        };
        assert!(wants(&[], true) && !wants(&[], false));
        assert!(!wants(&[("NO_COLOR", "1")], true) && wants(&[("NO_COLOR", "")], true));
        assert!(wants(&[("NO_COLOR", "1"), ("CARGO_TERM_COLOR", "always")], false));
        assert!(!wants(&[("CARGO_TERM_COLOR", "never"), ("CLICOLOR_FORCE", "1")], true));
        assert!(wants(&[("CLICOLOR_FORCE", "1")], false) && !wants(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!wants(&[("TERM", "dumb")], true) && !wants(&[("CLICOLOR", "0")], true));
    }
}
