//! The report of a real crash, the shipped raft-master's, as the terminal shows it.
//! `promise.rs` tests that the crash is found and replays; the harness's snapshots test such a page to the letter.

mod runner;

use runner::{lines, runner};
use std::sync::OnceLock;

fn shown(arguments: &[&str], colour: &str) -> String {
    let mut runner = runner(arguments);
    // `show` reads from the folder that the campaign wrote.
    runner.env("AFTERLIFE_OUT", concat!(env!("CARGO_TARGET_TMPDIR"), "/story"));
    runner.env_remove("NO_COLOR").env("CARGO_TERM_COLOR", colour);
    String::from_utf8(runner.output().expect("the runner starts").stdout).expect("a report is text")
}

/// The id of the crash in the shipped build.
fn id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        let words =
            ["run", "raft-master", "--build", "shipped", "--seeds", "40", "--max-failures", "10", "--report", "json"];
        let lines = lines(&shown(&words, "never"));
        let crash = lines.iter().find(|line| line["invariant"] == "no-use-after-teardown").expect("the crash is found");
        crash["id"].as_str().expect("a finding has an id").to_owned()
    })
}

fn without_colour(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = behind.split_once('m').expect("a colour ends").1;
    }
    plain + rest
}

#[test]
fn the_story_runs_from_the_request_to_the_use() {
    let page = shown(&["show", id()], "never");
    assert!(page.lines().count() <= 30, "{page}");
    // A token stays on one line, however long its plan makes it.
    for line in page.lines().filter(|line| !line.starts_with("  replay ")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let steps: Vec<_> = page.lines().skip_while(|line| !line.contains("how it happened")).skip(1).collect();
    let steps: Vec<_> = steps.into_iter().take_while(|line| !line.is_empty()).collect();
    assert!((4..=12).contains(&steps.len()), "{} steps:\n{page}", steps.len());
    let at = |words: &[&str]| {
        let found = steps.iter().position(|line| words.iter().all(|word| line.contains(word)));
        found.unwrap_or_else(|| panic!("no step with {words:?}:\n{page}"))
    };
    let request = at(&["sends", "→ master-"]);
    let stop = at(&["┃", "fault", "master-"]);
    let closed = at(&["┃", "closes metadata-db", ".rs:"]);
    let used = at(&["✗", "uses metadata-db", ".rs:"]);
    assert!(request < used && stop < closed && closed < used && used + 1 == steps.len(), "{page}");
}

#[test]
fn colour_changes_no_text() {
    let coloured = shown(&["show", id()], "always");
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    assert_eq!(without_colour(&coloured), shown(&["show", id()], "never"));
}
