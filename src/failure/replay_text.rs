//! The text by which a record says that it is replayed: a token, or the command of another simulator's test.
//! Records come from elsewhere and this text is made to be pasted, so it is checked before it is printed.

use crate::failure::token::{Token, TokenError};
use crate::model::shell::quoted;

/// The words after the name of a test.
const ONE_TEST: &str = " -- --exact --nocapture";

/// The end of a command: the seed, as a comment.
const COMMENT: &str = "  # with ";

/// Checks the text that replays a recorded run. Returns its token, unless another version or another simulator replays the run.
///
/// # Errors
/// The reason why the text is none that afterlife writes.
pub(crate) fn check(text: &str) -> Result<Option<Token>, String> {
    if Token::is_meant(text) {
        return match text.parse() {
            Ok(token) => Ok(Some(token)),
            Err(TokenError::OtherVersion { .. }) if text.chars().all(is_of_a_token) => Ok(None),
            Err(error) => Err(error.to_string()),
        };
    }
    if is_command(text) {
        Ok(None)
    } else {
        Err("its replay is neither a token nor a command that afterlife writes".to_owned())
    }
}

fn is_of_a_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.".contains(letter)
}

/// Returns whether this is a command that a watch of another simulator's test writes: settings of the seed, `cargo test`, and the name of
/// one package and one test. Any other option of cargo could run any program.
pub(crate) fn is_command(text: &str) -> bool {
    let (command, comment) = text.split_once(COMMENT).unwrap_or((text, ""));
    if !comment.chars().all(|letter| letter.is_ascii_alphanumeric() || " _".contains(letter)) {
        return false;
    }
    let Some((settings, words)) = command.split_once("cargo test") else { return false };
    if !settings.replace("RUSTFLAGS=\"--cfg madsim\" ", "").split_terminator(' ').all(is_seed) {
        return false;
    }
    let mut words = words;
    for option in [" -p ", " --test "] {
        if let Some(rest) = words.strip_prefix(option) {
            let end = rest.find(' ').unwrap_or(rest.len());
            if !is_name(&rest[..end]) {
                return false;
            }
            words = &rest[end..];
        }
    }
    match words.strip_suffix(ONE_TEST) {
        Some(name) => name.strip_prefix(' ').is_some_and(is_name),
        None => words.is_empty(),
    }
}

/// Returns whether this sets a seed: `MADSIM_TEST_SEED=47`.
fn is_seed(setting: &str) -> bool {
    setting.split_once('=').is_some_and(|(name, value)| {
        let is_name = name.ends_with("SEED") && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        is_name && !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Returns whether this is one word for a shell, and not an option.
fn is_name(word: &str) -> bool {
    let inside = word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let is_quoted = inside.is_some_and(|inside| !inside.contains('\'') && quoted(inside) == word);
    !word.is_empty() && !word.starts_with('-') && !word.starts_with("'-") && (is_quoted || quoted(word) == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_afterlife_writes_passes() {
        let token = crate::failure::sample::token();
        assert_eq!(check(&token.to_string()), Ok(Some(token)));
        for text in [
            "a1-raft-master-47-AgQBAAkD",
            "cargo test -p broker orders::hold -- --exact --nocapture",
            "cargo test -p broker --test orders",
            "SEED=3 cargo test",
            "MADSIM_TEST_SEED=3 RUSTFLAGS=\"--cfg madsim\" cargo test -p x 'a test with spaces' -- --exact --nocapture",
            "cargo test -p broker orders::hold -- --exact --nocapture  # with the same rng_seed 47",
        ] {
            assert_eq!(check(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_would_do_something_else_in_a_shell_is_refused() {
        for text in [
            "a1-raft-master-7-x; touch FILE #",
            "a2-raft-master-7-x; touch FILE #",
            "a2-raft-master-47-AAdzaGlwcGVkOnDW",
            "",
            "rm -rf .",
            "cargo test x; rm -rf .",
            "cargo test $(id) -- --exact --nocapture",
            "cargo test 'x'`id`'y' -- --exact --nocapture",
            "cargo test --config=build.rustc-wrapper=x -- --exact --nocapture",
            "cargo test -p x --config build.rustc-wrapper=x",
            "cargo test '--config=x' -- --exact --nocapture",
            "LD_PRELOAD=x cargo test",
            "RUSTC_WRAPPER=/tmp/x_SEED=1 cargo test",
            "cargo test x -- --exact --nocapture  # with seed\nid",
            "cargo test\u{1b}[2J",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
