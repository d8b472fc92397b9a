//! The last words of a process that failed: the lines that it printed before its end, and the form of them that a signature names.

use super::contract::Facts;
use super::deaths::{ended, on_one_line};
use crate::model::terminal::without_escapes;
use afterlife_sim::event::{Death, NodeId, Seq};

/// The prefix of an error that a main function returned.
const ERROR: &str = "Error: ";
/// The most lines of one error.
const LINES_MAX: usize = 8;
/// The longest text in a signature, in letters.
const CLASS_MAX: usize = 100;

/// The last words of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastWords {
    /// The text on one line, without the prefix of an error.
    pub(super) text: String,
    /// The events of its lines.
    pub(super) lines: Vec<Seq>,
}

impl LastWords {
    /// The last words of a node's process: its last error with all lines, or else its last line. `None` if it printed nothing.
    pub(super) fn of(node: NodeId, facts: &dyn Facts) -> Option<Self> {
        let lines: Vec<(Seq, String)> =
            facts.last_lines(node).into_iter().map(|(at, text)| (at, plain(&text))).collect();
        let lines: Vec<_> = lines.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        let error = lines.iter().rposition(|(_, text)| text.starts_with(ERROR));
        let first = error.filter(|first| lines.len() - first <= LINES_MAX).or(lines.len().checked_sub(1))?;
        let words = &lines[first..];
        let text = words.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("; ");
        let text = text.strip_prefix(ERROR).unwrap_or(&text).to_owned();
        Some(Self { text, lines: words.iter().map(|(at, _)| *at).collect() })
    }

    /// The form for a signature: without the parts that differ from run to run.
    pub(super) fn class(&self) -> String {
        normalised(&self.text)
    }
}

/// The failure of a process in words: its end, and what it said.
pub(super) struct Failed {
    /// The predicate of the sentence: `failed: no such file`.
    pub(super) sentence: String,
    /// The class of the violation.
    pub(super) class: String,
    /// The events of the last words.
    pub(super) lines: Vec<Seq>,
}

impl Failed {
    /// The failure of a node's process that ended in this way, `aside` being a circumstance: ` before any fault`. `panic` is the
    /// message of the panic that it died of.
    pub(super) fn of(node: NodeId, how: Death, aside: &str, panic: &str, facts: &dyn Facts) -> Self {
        if !panic.is_empty() && matches!(how, Death::Panic | Death::Abort) {
            let message = on_one_line(panic);
            let class = normalised(panic.lines().next().unwrap_or_default());
            return Self { sentence: format!("panicked{aside}: {message}"), class, lines: Vec::new() };
        }
        let (ended, said) = (ended(how), LastWords::of(node, facts));
        match said {
            Some(said) if explains(how) => {
                Self { sentence: format!("failed{aside}: {}", said.text), class: said.class(), lines: said.lines }
            }
            Some(said) => Self {
                sentence: format!("{ended}{aside}; the last line that it printed: {}", said.text),
                class: ended,
                lines: said.lines,
            },
            None => Self { sentence: format!("{ended}{aside}, and printed nothing"), class: ended, lines: Vec::new() },
        }
    }
}

/// The reason of a failure in a few words: the last words of the process if they explain it, or else its end.
pub(crate) fn reason(node: NodeId, how: Death, facts: &dyn Facts) -> String {
    let said = LastWords::of(node, facts).filter(|_| explains(how));
    said.map_or_else(|| format!("it {}", ended(how)), |said| said.text)
}

/// Returns whether the last words of a process explain such an end.
pub(super) fn explains(how: Death) -> bool {
    matches!(how, Death::Exit { .. } | Death::Abort)
}

/// A line without colours and control characters.
fn plain(line: &str) -> String {
    without_escapes(line)
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A message without the parts that differ from run to run: numbers and addresses are `#`, quoted parts `…`.
pub(super) fn normalised(message: &str) -> String {
    let without_quotes = without_quoted_parts(message);
    let mut text = String::new();
    let mut word = String::new();
    for letter in without_quotes.chars().chain([' ']) {
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
            continue;
        }
        push_word(&mut text, &word);
        word.clear();
        text.push(letter);
    }
    let text = joined_numbers(text.trim_end());
    match text.char_indices().nth(CLASS_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// Adds a word with each number in it as `#`; a whole hexadecimal number is one.
fn push_word(text: &mut String, word: &str) {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && (digits.len() >= 8 || digits != word);
    if has_digit && is_hexadecimal {
        text.push('#');
        return;
    }
    let mut in_number = false;
    for letter in word.chars() {
        if !letter.is_ascii_digit() {
            text.push(letter);
        } else if !in_number {
            text.push('#');
        }
        in_number = letter.is_ascii_digit();
    }
}

/// Numbers joined by dots, colons and dashes are one: an address, a time.
fn joined_numbers(text: &str) -> String {
    let mut joined = text.to_owned();
    for pair in ["#.#", "#:#", "#-#"] {
        while joined.contains(pair) {
            joined = joined.replace(pair, "#");
        }
    }
    joined
}

/// The message with each quoted part as `…`. An apostrophe within a word quotes nothing.
fn without_quoted_parts(message: &str) -> String {
    let mut text = String::new();
    let mut rest = message;
    while let Some((begin, quote)) = rest.char_indices().find(|(at, letter)| {
        let before = rest[..*at].chars().next_back().or(text.chars().next_back());
        matches!(letter, '"' | '\'' | '`') && before.is_none_or(|before| !before.is_alphanumeric())
    }) {
        let inside = &rest[begin + 1..];
        let Some(end) = inside.find(quote) else { break };
        text.push_str(&rest[..begin]);
        text.push('…');
        rest = &inside[end + 1..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::super::testing::Script;
    use super::*;

    fn words(lines: &[&str]) -> Option<String> {
        let mut script = Script::new();
        script.happens(afterlife_sim::event::What::Started);
        for line in lines {
            script.printed(line);
        }
        LastWords::of(NodeId(0), &script).map(|words| words.text)
    }

    #[test]
    fn an_error_is_told_with_all_of_its_lines_and_any_other_text_with_its_last() {
        assert_eq!(
            words(&["listening", "Error: bad config", "  line 3", "  line 4"]).unwrap(),
            "bad config; line 3; line 4"
        );
        assert_eq!(words(&["listening", "bad config"]).unwrap(), "bad config");
        assert_eq!(words(&["Error: one", "Error: two"]).unwrap(), "two");
        assert_eq!(words(&[]), None);
    }

    #[test]
    fn an_error_long_before_the_end_is_not_the_last_word() {
        let mut lines = vec!["Error: refused, trying again"];
        lines.extend(["a line"; LINES_MAX]);
        assert_eq!(words(&lines).unwrap(), "a line");
    }

    #[test]
    fn colours_and_control_characters_are_no_words() {
        assert_eq!(words(&["\u{1b}[31mError: no\u{9b}such file\u{1b}[0m"]).unwrap(), "no such file");
    }

    #[test]
    fn messages_that_differ_in_numbers_addresses_and_quoted_parts_have_one_form() {
        let same = |some: &[&str], form: &str| {
            for message in some {
                assert_eq!(normalised(message), form, "{message}");
            }
        };
        same(&["port 80 is taken", "port 8080 is taken"], "port # is taken");
        same(&["10.0.0.1:80: refused", "192.168.17.2:7000: refused"], "#: refused");
        same(&["at 0xdeadbeef", "at 0x1", "at 12345"], "at #");
        same(&["commit 4022d79ab is missing", "commit 00000000 is missing"], "commit # is missing");
        same(&["no key \"a 1\"", "no key `b`", "no key 'c'"], "no key …");
        same(&["took 1.5s at 2026-11-30 10:20:30"], "took #s at # #");
    }

    #[test]
    fn words_that_only_look_like_numbers_stay() {
        assert_eq!(normalised("POST /orders: connection refused"), "POST /orders: connection refused");
        assert_eq!(normalised("can't find the added facade"), "can't find the added facade");
        assert_eq!(normalised("it isn't node-3's \"unclosed"), "it isn't node-#'s \"unclosed");
        assert_eq!(normalised(&"word ".repeat(40)).chars().count(), CLASS_MAX);
    }
}
