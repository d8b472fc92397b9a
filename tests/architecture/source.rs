//! The source tree as text: files, code without comments and literals, and the paths that code names.
//! It judges nothing; `architecture.rs` does.

use std::fs;
use std::path::Path;

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository that ends so, with its path from the root, in order.
pub(crate) fn files(extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the source tree can be read") {
            let path = entry.expect("the source tree can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                folders.extend((name != "target" && !name.starts_with('.')).then(|| path.clone()));
            } else if path.extension().is_some_and(|it| it == extension) {
                let from_root = path.strip_prefix(root()).expect("it was found below the root");
                let text = fs::read_to_string(&path).expect("sources are text");
                found.push((from_root.to_string_lossy().into_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// The text with comments and literals blanked; line ends stay.
pub(crate) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = literal_or_comment(rest, out.chars().last().unwrap_or(' '));
        let (taken, keep) = if skipped > 0 { (skipped, false) } else { (first.len_utf8(), true) };
        let piece = &rest[..taken];
        out.extend(piece.chars().map(|it| if keep || it == '\n' { it } else { ' ' }));
        rest = &rest[taken..];
    }
    out
}

/// The length of the comment or literal that a text begins with, 0 if it does not; `before` is what stands before it.
fn literal_or_comment(text: &str, before: char) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    if text.starts_with('"') {
        return quoted(text, '"');
    }
    if let Some(inside) = text.strip_prefix('\'') {
        // A lifetime has no closing quote right after its first letter.
        let mut letters = inside.chars();
        let (first, second) = (letters.next(), letters.next());
        return if first == Some('\\') || second == Some('\'') { quoted(text, '\'') } else { 0 };
    }
    let hashes = text.strip_prefix('r').map_or(0, |rest| rest.len() - rest.trim_start_matches('#').len());
    let raw = text.starts_with('r')
        && text[1 + hashes..].starts_with('"')
        && !(before.is_alphanumeric() && before != 'b' && before != 'c');
    if raw {
        let end = format!("\"{}", "#".repeat(hashes));
        let from = 2 + hashes;
        return text[from..].find(&end).map_or(text.len(), |at| from + at + end.len());
    }
    0
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = true; // the opening quote closes nothing
    for (at, letter) in text.char_indices() {
        if letter == quote && !escaped {
            return at + 1;
        }
        escaped = letter == '\\' && !escaped;
    }
    text.len()
}

/// Words, numbers, `::` and single signs.
pub(crate) fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    let part = |it: char| it.is_alphanumeric() || it == '_';
    while let Some(first) = rest.chars().next() {
        let mut len = match first {
            _ if rest.starts_with("::") => 2,
            _ if part(first) => rest.find(|it| !part(it)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let fraction = rest[len..].strip_prefix('.').filter(|more| more.starts_with(|it: char| it.is_ascii_digit()));
        if let (true, Some(more)) = (first.is_ascii_digit() && words.last() != Some(&"."), fraction) {
            len += 1 + more.find(|it| !part(it)).unwrap_or(more.len());
        }
        words.push(&rest[..len]);
        rest = rest[len..].trim_start();
    }
    words
}

/// The modules that lead to a file, from its crate's root.
fn modules(path: &str) -> Vec<&str> {
    let inside = path.split_once("src/").map_or(path, |(_, inside)| inside);
    let mut modules: Vec<_> = inside.trim_end_matches(".rs").split('/').collect();
    if matches!(modules.last(), Some(&("mod" | "lib" | "main"))) {
        modules.pop();
    }
    modules
}

/// Every path that begins at the crate, at a module above, or at one of our packages, written from the root. What stands in
/// modules and files called `tests` is passed over.
pub(crate) fn paths(path: &str, text: &str) -> Vec<String> {
    if path.ends_with("/tests.rs") || path.contains("/tests/") {
        return Vec::new();
    }
    let code = code(text);
    let words = words(&code);
    let mut here = modules(path);
    let mut inline = Vec::new();
    let (mut depth, mut at) = (0, 0);
    let mut found = Vec::new();
    while let Some(word) = words.get(at) {
        let inner = at > 0 && words[at - 1] == "::" && at > 1 && words[at - 2].starts_with(char::is_alphanumeric);
        match *word {
            "mod" if words.get(at + 2) == Some(&"{") => {
                let closes = closing(&words, at + 2);
                if words[at + 1] == "tests" {
                    at = closes;
                } else {
                    here.push(words[at + 1]);
                    inline.push(depth);
                }
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                    here.pop();
                }
            }
            "crate" | "self" | "super" if !inner && words.get(at + 1) == Some(&"::") => {
                let mut base = if *word == "crate" { Vec::new() } else { here.clone() };
                let mut from = at;
                while words.get(from) == Some(&"super") && words.get(from + 1) == Some(&"::") {
                    base.pop();
                    from += 2;
                }
                let from = if *word == "super" { from } else { at + 2 };
                let base: Vec<_> = std::iter::once("crate").chain(base).collect();
                at = tree(&words, from, &base.join("::"), &mut found);
                continue;
            }
            "afterlife" | "afterlife_probe" | "afterlife_scenarios" | "afterlife_sim" if !inner => {
                let next = if words.get(at + 1) == Some(&"::") { at + 2 } else { words.len() };
                if next < words.len() {
                    at = tree(&words, next, word, &mut found);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Follows a `use` tree or a path from after its prefix; returns where it ends.
fn tree(words: &[&str], mut at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
    match words.get(at) {
        Some(&"{") => {
            let end = closing(words, at);
            at += 1;
            while at < end {
                at = tree(words, at, prefix, found);
                // Past `as name` and the comma.
                while at < end && words[at] != "," {
                    at += 1;
                }
                at += 1;
            }
            end + 1
        }
        Some(&word) if word == "*" || word.starts_with(|it: char| it.is_alphabetic() || it == '_') => {
            let longer = format!("{prefix}::{word}");
            if words.get(at + 1) == Some(&"::") {
                return tree(words, at + 2, &longer, found);
            }
            found.push(longer);
            at + 1
        }
        _ => {
            found.push(prefix.to_owned());
            at
        }
    }
}

/// Where the brace that opens here closes.
fn closing(words: &[&str], open: usize) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate().skip(open) {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at;
        }
    }
    words.len()
}
