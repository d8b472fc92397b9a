//! The source tree: its files, their tokens, and their syntax.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fs;
use std::path::Path;

/// A Rust file, with its path from the root of the repository.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    pub(crate) fn syntax(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }

    /// The code as single tokens, with groups opened, and without comments.
    pub(crate) fn tokens(&self) -> Vec<Token> {
        tokens(&self.text)
    }
}

/// A token as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    Literal(String),
    Sign(char),
}

impl Token {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    pub(crate) fn is_sign(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }
}

/// The tokens of Rust code. Documentation comments are no part of them.
pub(crate) fn tokens(code: &str) -> Vec<Token> {
    let stream: TokenStream = code.parse().unwrap_or_else(|error| panic!("{error}: {code}"));
    let mut flat = Vec::new();
    flatten(stream, &mut flat);
    flat
}

pub(crate) fn flatten(stream: TokenStream, flat: &mut Vec<Token>) {
    for tree in stream {
        match tree {
            TokenTree::Ident(word) => flat.push(Token::Word(word.to_string())),
            TokenTree::Literal(literal) => flat.push(Token::Literal(literal.to_string())),
            TokenTree::Punct(sign) => flat.push(Token::Sign(sign.as_char())),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ('(', ')'),
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::None => (' ', ' '),
                };
                flat.push(Token::Sign(open));
                flatten(group.stream(), flat);
                flat.push(Token::Sign(close));
            }
        }
    }
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files of the repository with this extension, in order. Templates are files of other packages.
pub(crate) fn files(extension: &str) -> Vec<SourceFile> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the source tree can be read") {
            let path = entry.expect("the source tree can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                folders
                    .extend((!["target", "template"].contains(&name) && !name.starts_with('.')).then(|| path.clone()));
            } else if path.extension().is_some_and(|own| own == extension) {
                let from_root = path.strip_prefix(root()).expect("the file lies below the root");
                let text = fs::read_to_string(&path).expect("sources are text");
                found.push(SourceFile { path: from_root.to_string_lossy().into_owned(), text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Asserts that the offences are the expected ones: none, except for those that are known and due to be removed.
pub(crate) fn assert_offences(mut found: Vec<String>, known: &[&str]) {
    found.sort();
    found.dedup();
    let new: Vec<_> = found.iter().filter(|offence| !known.contains(&offence.as_str())).collect();
    assert!(new.is_empty(), "\n  {}", new.iter().map(|offence| offence.as_str()).collect::<Vec<_>>().join("\n  "));
    let gone: Vec<_> = known.iter().filter(|offence| !found.iter().any(|own| own == *offence)).collect();
    assert!(gone.is_empty(), "these are no offences any more, remove them from the list of known ones: {gone:#?}");
}
