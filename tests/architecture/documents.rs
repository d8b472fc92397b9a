//! Documents name files that exist, decisions are numbered, the README's example is the tested one, and file formats have golden vectors.
//! The output in the README comes from one build and is not checked.

use crate::source::{assert_offences, files, read, root};

/// Folders of the repository. A path in a document that begins with another word belongs to a user's project or to a run.
const FOLDERS: [&str; 10] =
    [".ci/", ".github/", "benches/", "docs/", "macros/", "probe/", "scenarios/", "sim/", "src/", "tests/"];

/// A path of the README's example project.
const EXAMPLE: &str = "tests/shop";

/// Formats that must not change silently, each with its folder and a test that compares golden vectors.
const GOLDEN: [(&str, &str); 4] = [
    ("sim/src/kernel/sched/", "fn the_answers_are_golden()"),
    ("sim/src/kernel/net/", "fn the_long_tail_is_golden()"),
    ("src/failure/", "fn the_text_of_a_token_is_stable()"),
    ("src/failure/record/", "fn a_record_of_format_2_can_still_be_read()"),
];

#[test]
fn documents_name_only_files_that_exist() {
    let documents = files("md").into_iter().filter(|file| !file.path.starts_with("docs/decisions/"));
    let missing = documents.flat_map(|file| {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let linked = links(&file.text).into_iter().map(move |link| format!("{folder}/{link}"));
        let named = places(&file.text).into_iter().chain(linked).collect::<Vec<_>>();
        let gone = named.into_iter().filter(|place| !root().join(place.trim_start_matches('/')).exists());
        gone.map(|place| format!("{} names {place}", file.path)).collect::<Vec<_>>()
    });
    assert_offences(missing.collect(), &[]);
}

#[test]
fn the_map_shows_folders_that_exist() {
    let map = tree(&blocks(&read("ARCHITECTURE.md"), "text").join("\n"));
    assert!(map.len() > 25, "the map shows {} folders", map.len());
    assert_offences(map.into_iter().filter(|folder| !root().join(folder).exists()).collect(), &[]);
}

#[test]
fn the_architecture_page_names_functions_that_exist() {
    let named = functions(&read("ARCHITECTURE.md"));
    assert!(!named.is_empty(), "functions are read");
    let gone = named.into_iter().filter(|(file, function)| !read(file).contains(&format!("fn {function}(")));
    assert_offences(gone.map(|(file, function)| format!("{function} in {file}")).collect(), &[]);
}

#[test]
fn decisions_are_numbered_in_their_names_and_headings() {
    let decisions = files("md").into_iter().filter(|file| file.path.starts_with("docs/decisions/"));
    let expected = (1..).map(|number: usize| format!("{number:04}"));
    let wrong = decisions.zip(expected).filter(|(file, number)| !is_numbered(&file.path, &file.text, number));
    assert_offences(wrong.map(|(file, number)| format!("{} is not decision {number}", file.path)).collect(), &[]);
}

#[test]
fn every_format_has_golden_vectors() {
    let files = files("rs");
    for (folder, test) in GOLDEN {
        let mut here = files.iter().filter(|file| file.path.starts_with(folder));
        assert!(here.any(|file| file.text.contains(test)), "no `{test}` in {folder}");
    }
}

/// Everything between backticks that is a path from the root of the repository.
fn places(document: &str) -> Vec<String> {
    let quoted = document.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        FOLDERS.iter().any(|folder| text.starts_with(folder))
            && !text.starts_with(EXAMPLE)
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte))
            && !text.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    quoted.filter(is_path).map(str::to_owned).collect()
}

/// The targets of links to files.
fn links(document: &str) -> Vec<String> {
    let targets = document.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.contains(':') && !target.is_empty()).map(str::to_owned).collect()
}

/// The folders of a tree: lines without a branch are paths from the root, lines with one lie below the last of them.
fn tree(map: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut parent = "";
    for line in map.lines() {
        let name = line.trim_start_matches(['│', '├', '└', '─', ' ']);
        let Some(folder) = name.split(' ').next().filter(|word| word.ends_with('/')) else { continue };
        if line.starts_with(['├', '└']) {
            found.push(format!("{parent}{folder}"));
        } else if name == line {
            parent = folder;
            found.push(folder.to_owned());
        }
    }
    found
}

/// Functions that are named in parentheses after their file: `` `src/x.rs` (`f`) ``.
fn functions(document: &str) -> Vec<(String, String)> {
    let pieces: Vec<&str> = document.split('`').collect();
    let named = pieces.windows(3).filter(|piece| piece[0].ends_with(".rs") && piece[1] == " (");
    named.map(|piece| (piece[0].to_owned(), piece[2].to_owned())).collect()
}

fn is_numbered(path: &str, text: &str, number: &str) -> bool {
    path.starts_with(&format!("docs/decisions/{number}-")) && text.starts_with(&format!("# {number}: "))
}

/// The code blocks in this language.
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

#[test]
fn the_readme_example_is_the_package_that_new_writes() {
    let examples = blocks(&read("README.md"), "rust");
    let template = read("src/bin/cargo-afterlife/template/tests/restart.rs");
    assert_eq!(examples, [template.trim_end().replace("package_name", "shop")]);
}

#[test]
fn code_blocks_are_found_by_language() {
    let text = "a\n```sh\nls\n```\n```rust\nfn f() {\n}\n```\n";
    assert_eq!(blocks(text, "rust"), ["fn f() {\n}"]);
}

#[test]
fn the_readme_names_every_exit_code_and_variable() {
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

#[test]
fn paths_links_and_functions_are_read_from_a_document() {
    let text = "- `src/x.rs` (`go`), [y](../y.md#z), [web](https://x/y): `sim/src/libc/`: `fork`, `a/b`, `tests/shop.rs`, `x::y`";
    assert_eq!(places(text), ["src/x.rs", "sim/src/libc/"]);
    assert_eq!(links(text), ["../y.md"]);
    assert_eq!(functions(text), [("src/x.rs".to_owned(), "go".to_owned())]);
    assert_eq!(
        tree("sim/src/     x\n├── event/  y\n│   └── a/ z\nsrc/\n└── run/"),
        ["sim/src/", "sim/src/event/", "src/", "src/run/"]
    );
}

#[test]
fn a_decision_without_its_number_is_found() {
    assert!(is_numbered("docs/decisions/0007-x.md", "# 0007: X\n", "0007"));
    assert!(!is_numbered("docs/decisions/0007-x.md", "# X\n", "0007"));
    assert!(!is_numbered("docs/decisions/0008-x.md", "# 0008: X\n", "0007"));
}
