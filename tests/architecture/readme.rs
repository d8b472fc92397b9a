//! Each command and example of the README is carried out by CI: by a script, by a workflow, or as a file that is compiled.

use crate::source::read;

/// The files that carry commands out.
const SCRIPTS: [&str; 5] =
    [".ci/run", ".ci/main-job", ".ci/stranger", ".github/workflows/ci.yml", ".github/workflows/nightly.yml"];

/// The lines of the README's code blocks that are no output of a program, each with the same in a file that is carried out or compiled.
const CLAIMS: [(&str, &str, &str); 22] = [
    ("cargo add --dev afterlife --path ../afterlife", ".ci/stranger", "cargo add --quiet --dev afterlife --path"),
    ("cargo install --path ../afterlife --features cli", ".ci/stranger", "target/debug/cargo-afterlife"),
    ("cargo afterlife new shop && cd shop && cargo test", ".ci/stranger", "cargo afterlife new shop"),
    ("cargo run --release", ".ci/main-job", "cargo run --release --locked"),
    ("cargo test --workspace", ".ci/run", "cargo test --workspace --locked"),
    ("[profile.dev.package.\"*\"]", "Cargo.toml", "[profile.dev.package.\"*\"]\ndebug-assertions = false\n"),
    ("debug-assertions = false", "Cargo.toml", "debug-assertions = false"),
    ("debug = \"line-tables-only\"", "Cargo.toml", "debug = \"line-tables-only\""),
    ("[profile.dev.package.afterlife-sim]", "Cargo.toml", "[profile.dev.package.afterlife-sim]\nopt-level = 2\n"),
    ("opt-level = 2", "Cargo.toml", "opt-level = 2"),
    ("[profile.dev.package.tokio]", "Cargo.toml", "[profile.dev.package.tokio]\nopt-level = 1\n"),
    ("opt-level = 1", "Cargo.toml", "opt-level = 1"),
    ("let mut sim = turmoil::Builder::new().rng_seed(47).build();", "tests/turmoil/tests/watch.rs", "Builder::new()"),
    ("let _watching = afterlife::turmoil::watch(&sim);", "tests/turmoil/tests/watch.rs", "afterlife::turmoil::watch(&"),
    ("#[madsim::test]", "tests/madsim/tests/watch.rs", "#[madsim::test]"),
    ("async fn subscribers_leave() {", "tests/madsim/tests/watch.rs", "async fn "),
    ("let _watching = afterlife::madsim::watch();", "tests/madsim/tests/watch.rs", "afterlife::madsim::watch()"),
    (
        "cargo run --release --features turmoil -- run raft-master --build shipped",
        ".github/workflows/nightly.yml",
        "cargo run --release --features turmoil -- run raft-master --build shipped",
    ),
    (
        "RUSTFLAGS=\"--cfg madsim\" cargo run --release --features madsim --target-dir target/engines/madsim -- run coordinator --build shipped",
        ".github/workflows/nightly.yml",
        "RUSTFLAGS=\"--cfg madsim\" cargo run --release --features madsim --target-dir target/engines/madsim -- run coordinator --build shipped",
    ),
    (
        "cargo run --release --features turmoil -- list --engines",
        ".github/workflows/nightly.yml",
        "cargo run --release --features turmoil -- list --engines",
    ),
    ("✗ acknowledged data is lost", ".ci/stranger", "expect 'acknowledged data is lost'"),
    ("✗ use after teardown", "scenarios/tests/story.rs", "\"closes metadata-db\""),
];

/// The commands of the README that read findings, as its tables and text name them.
const COMMANDS: [&str; 6] = ["show", "keep", "replay", "triage", "audit", "list"];

/// The code blocks, each with its language and lines.
fn blocks(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(language) = lines.by_ref().find_map(|line| line.strip_prefix("```")) {
        let block = lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
        found.push((language.to_owned(), block));
    }
    found
}

/// The lines of a block that someone types; of the output of a program, the first.
fn typed(language: &str, block: &[String]) -> Vec<String> {
    let without_comment = |line: &String| {
        let end = [" #", " //"].iter().filter_map(|comment| line.find(comment)).min().unwrap_or(line.len());
        line[..end].trim().to_owned()
    };
    match block.first() {
        // The tested package has this block, word for word: see `documents`.
        _ if language == "rust" => Vec::new(),
        Some(first) if first.starts_with('✗') => vec![first.split("  ").next().unwrap_or_default().to_owned()],
        _ => block.iter().map(without_comment).filter(|line| !line.is_empty()).collect(),
    }
}

#[test]
fn every_command_and_example_is_carried_out_by_ci() {
    let blocks = blocks(&read("README.md"));
    let lines: Vec<String> = blocks.iter().flat_map(|(language, block)| typed(language, block)).collect();
    for line in &lines {
        assert!(CLAIMS.iter().any(|(claimed, ..)| claimed == line), "no file carries out `{line}`: name it in CLAIMS");
    }
    for (claimed, file, same) in CLAIMS {
        assert!(lines.iter().any(|line| line == claimed), "the README has no line `{claimed}`");
        assert!(read(file).contains(same), "{file} does not have `{same}`");
    }
}

#[test]
fn every_command_on_findings_is_carried_out_in_a_strangers_folder() {
    let (readme, stranger) = (read("README.md"), read(".ci/stranger"));
    for command in COMMANDS {
        assert!(readme.contains(&format!("| `{command}")), "the README has the command `{command}`");
        assert!(stranger.contains(&format!("cargo afterlife {command}")), ".ci/stranger carries out `{command}`");
    }
}

#[test]
fn scripts_are_started_by_a_workflow() {
    let workflows =
        SCRIPTS.iter().filter(|file| file.starts_with(".github/")).map(|file| read(file)).collect::<String>();
    let started = workflows + &read(".ci/run");
    for script in SCRIPTS.iter().filter(|file| file.starts_with(".ci/")) {
        assert!(started.contains(script), "nothing starts {script}");
    }
}

#[test]
fn typed_lines_are_read_from_blocks() {
    let text = "```sh\na b    # c\n\nd && e\n```\n```text\n✗ x   y\n  z\n```\n```rust\nfn f() {}\n```\n";
    let lines: Vec<String> = blocks(text).iter().flat_map(|(language, block)| typed(language, block)).collect();
    assert_eq!(lines, ["a b", "d && e", "✗ x"]);
}
