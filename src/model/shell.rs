//! Words quoted for a shell, so that a command line that is made to be pasted does what it shows.
//! It runs no command.

use std::borrow::Cow;

/// Returns whether every shell takes this character as it is, wherever it stands in a word.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter)
}

/// One word, quoted if a shell would change it. A word with control characters, or letters that look like others, takes the quotes of bash
/// and zsh that name them.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    // Only visible ASCII is written as it is.
    if word.chars().all(|letter| letter == ' ' || letter.is_ascii_graphic()) {
        return Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")));
    }
    let mut text = String::from("$'");
    for letter in word.chars() {
        match letter {
            '\'' | '\\' => text.extend(['\\', letter]),
            ' ' => text.push(' '),
            shown if shown.is_ascii_graphic() => text.push(shown),
            other if other.is_ascii() => text.push_str(&format!("\\x{:02x}", u32::from(other))),
            other => text.push_str(&format!("\\U{:08x}", u32::from(other))),
        }
    }
    text.push('\'');
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn plain_words_stay_as_they_are() {
        for word in ["a2-raft-master-47-AAdz_Q", "tests/shop.afterlife", "orders::hold", "--out=x,y"] {
            assert_eq!(quoted(word), word);
        }
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        let words = [
            "",
            "my program",
            "a1-x-7-y; touch FILE #",
            "it's",
            "$HOME `id` \\ !x *",
            "\u{1b}[2J\n",
            "größe\u{202e}'\\",
        ];
        for word in words {
            let line = quoted(word);
            assert!(line.is_ascii() && !line.contains(|letter: char| letter.is_control()), "{line}");
            let script = format!("printf %s {line}");
            let Ok(output) = Command::new("bash").env("LC_ALL", "C.UTF-8").args(["-c", &script]).output() else {
                return;
            };
            assert_eq!(String::from_utf8_lossy(&output.stdout), word, "{line}");
        }
    }
}
