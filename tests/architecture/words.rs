//! Words: names in code use the vocabulary of docs/concepts.md, and documentation begins with a noun or a verb.

use crate::source::{SourceFile, Token, assert_offences, files, tokens};

/// Words that an earlier vocabulary used for a simulation, its interposed functions and its fibers.
const RETIRED: [&str; 6] = ["baton", "door", "doors", "shelf", "strand", "strands"];

/// Places whose names must follow the vocabulary.
const OWN: [&str; 4] = ["macros/src/", "probe/src/", "sim/src/", "src/"];

/// First words that make a reader wait for the subject of a sentence.
const OPENINGS: [&str; 7] = ["How", "What", "Where", "Whether", "Who", "Whom", "Whose"];

#[test]
fn no_variable_is_called_it() {
    let found = files("rs").into_iter().filter(|file| names_it(&file.tokens()));
    assert_offences(found.map(|file| file.path).collect(), &[]);
}

#[test]
fn retired_words_are_gone() {
    let own = files("rs").into_iter().filter(|file| OWN.iter().any(|place| file.path.starts_with(place)));
    let found = own.flat_map(|file| {
        let path = file.path.clone();
        retired(&file.tokens()).into_iter().map(move |name| format!("{path}: {name}"))
    });
    assert_offences(found.collect(), &[]);
}

#[test]
fn documentation_begins_with_a_noun_or_a_verb() {
    let found = files("rs").into_iter().filter(|file| !openings(file).is_empty());
    assert_offences(found.map(|file| file.path).collect(), &[]);
}

fn names_it(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| token.is_word("it"))
}

/// Names that contain a retired word.
fn retired(tokens: &[Token]) -> Vec<String> {
    let names = tokens.iter().filter_map(|token| match token {
        Token::Word(name) if parts(name).iter().any(|part| RETIRED.contains(&part.as_str())) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

/// The words of a name in any case: `run_now`, `RunNow` and `RUN_NOW` are run and now.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_small = false;
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() && after_small {
            parts.push(String::new());
        }
        if let (Some(part), true) = (parts.last_mut(), letter != '_') {
            part.extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase();
    }
    parts
}

/// The first lines of documentation comments that begin with a relative word.
fn openings(file: &SourceFile) -> Vec<String> {
    let text = |line: &str| {
        let line = line.trim_start();
        line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(|text| text.trim().to_owned())
    };
    let mut found = Vec::new();
    let mut before: Option<String> = None;
    for line in file.text.lines() {
        let here = text(line);
        // A blank line within documentation begins a paragraph.
        let begins = before.as_deref().is_none_or(str::is_empty);
        if let Some(text) = here.as_deref().filter(|_| begins) {
            let first = text.split([' ', ',', '\'']).next().unwrap_or_default();
            // A question is a heading.
            found.extend((OPENINGS.contains(&first) && !text.ends_with('?')).then(|| text.to_owned()));
        }
        before = here;
    }
    found
}

// -- the checks can fail

#[test]
fn retired_and_missing_names_are_found() {
    assert!(names_it(&tokens("fn f() { a.map(|it| it + 1); }")) && names_it(&tokens("m!(it.x)")));
    assert!(!names_it(&tokens("// it\nfn with_it() { let s = \"it\"; }")));
    let text = "fn pass_door(doors_per_cut: u8) { let strand = 1; let outdoor = \"door\"; }";
    assert_eq!(retired(&tokens(text)), ["pass_door", "doors_per_cut", "strand"]);
    assert_eq!(parts("RunNow_AT"), ["run", "now", "at"]);
}

#[test]
fn relative_openings_are_found() {
    let text = "//! What it is.\n//! Who not.\n\n/// The number of runs.\n/// What follows is fine.\nfn f() {}\n\n    /// Whether it runs.\n    x: u8,\n\
                /// A line.\n///\n/// Where a paragraph begins.\n// What a comment says.\n/// # What now?\n/// Whatever happens.\n";
    let file = SourceFile { path: "src/x.rs".to_owned(), text: text.to_owned() };
    assert_eq!(openings(&file), ["What it is.", "Whether it runs.", "Where a paragraph begins."]);
}
