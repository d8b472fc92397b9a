//! Names of nodes: they are host names, so that clients find the nodes by name.

use std::net::IpAddr;

/// The longest label of a host name, and the longest name (RFC 1123, section 2.1; RFC 1035, section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;
const NAME_BYTES_MAX: usize = 253;

/// Checks that a name can be a node's host name: labels of lower-case letters, digits and inner hyphens, with dots between them.
/// Upper case is refused because URLs fold it: `http://Store` would look up `store`.
pub(super) fn check(name: &str) -> Result<(), String> {
    match problem(name) {
        None => Ok(()),
        Some(why) => Err(format!("`{}` is no host name: {why}", name.escape_debug())),
    }
}

fn problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if name.chars().any(|letter| letter.is_ascii_uppercase()) {
        return Some(format!("write it in lower case, `{}`, as URLs do", name.to_ascii_lowercase().escape_debug()));
    }
    if let Some(letter) = name.chars().find(|letter| !matches!(letter, 'a'..='z' | '0'..='9' | '-' | '.')) {
        let hint = if letter == '_' { "; write `-` instead" } else { "" };
        return Some(format!("`{}` is neither a letter a to z, a digit nor a hyphen{hint}", letter.escape_debug()));
    }
    if name.len() > NAME_BYTES_MAX || name.split('.').any(|label| label.len() > LABEL_BYTES_MAX) {
        return Some(format!("a label has at most {LABEL_BYTES_MAX} letters, and a name at most {NAME_BYTES_MAX}"));
    }
    if name.split('.').any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-')) {
        return Some("each label begins and ends with a letter or a digit".to_owned());
    }
    if name.parse::<IpAddr>().is_ok() || name.bytes().all(|letter| letter.is_ascii_digit() || letter == b'.') {
        return Some("it reads as an address; add a letter".to_owned());
    }
    (name == "localhost").then(|| "every machine calls itself so".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_accepted() {
        for name in ["a", "store-0", "0a", "tablet-10-b", "db.example.com", &"x".repeat(63)] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn other_names_are_refused_with_the_reason() {
        let why = |name: &str| check(name).expect_err("it is no host name");
        insta::assert_snapshot!(["", "Store", "a_b", "a b", "ä", "-a", "a..b", "127.0.0.1", "7", "localhost"].map(why).join("\n"), @r"
        `` is no host name: it is empty
        `Store` is no host name: write it in lower case, `store`, as URLs do
        `a_b` is no host name: `_` is neither a letter a to z, a digit nor a hyphen; write `-` instead
        `a b` is no host name: ` ` is neither a letter a to z, a digit nor a hyphen
        `ä` is no host name: `ä` is neither a letter a to z, a digit nor a hyphen
        `-a` is no host name: each label begins and ends with a letter or a digit
        `a..b` is no host name: each label begins and ends with a letter or a digit
        `127.0.0.1` is no host name: it reads as an address; add a letter
        `7` is no host name: it reads as an address; add a letter
        `localhost` is no host name: every machine calls itself so
        ");
        assert!(check(&"x".repeat(64)).is_err());
    }
}
