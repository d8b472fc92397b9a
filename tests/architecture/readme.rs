//! The README's example is `readme_example.rs`, word for word, so that what is read is what is tested.
//! It does not check the pasted output: that is of one build of the code.

use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between fences of this language, block by block.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(opening) = lines.by_ref().find_map(|line| line.strip_prefix("```")) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if opening == language {
            found.push(block.join("\n"));
        }
    }
    found
}

/// A file without the lines that say what it is.
fn body(file: &str) -> String {
    let lines = file.lines().skip_while(|line| line.starts_with("//!") || line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_that_is_read_is_the_one_that_is_tested() {
    let examples = blocks(&read("README.md"), "rust");
    assert_eq!(examples, [body(&read("tests/attribute/readme_example.rs"))]);
}

#[test]
fn a_block_is_taken_by_its_language_and_a_file_without_its_head() {
    let text = "a\n```sh\nls\n```\n```rust\nfn f() {\n}\n```\n";
    assert_eq!(blocks(text, "rust"), ["fn f() {\n}"]);
    assert_eq!(body("//! It.\n//! Not that.\n\nfn f() {\n}\n"), "fn f() {\n}");
}

#[test]
fn the_manual_names_every_exit_code_and_variable() {
    let readme = read("README.md");
    for code in ["0", "1", "2", "3", "4", "125"] {
        assert!(readme.contains(&format!("| {code} | ")), "exit code {code}");
    }
    let settings = read("src/search/settings.rs");
    let known = settings.split("KNOWN").nth(1).and_then(|text| text.split(';').nth(1)).unwrap_or_default();
    let names: Vec<&str> = known.split('"').filter(|name| name.starts_with("AFTERLIFE_")).collect();
    assert!(names.len() > 3, "settings.rs lists the variables: {names:?}");
    for name in names {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}
