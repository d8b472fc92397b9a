//! Tests of the grammar: the command lines that it accepts, and the errors for the others.
//! Commands that start runs are tested with real programs, elsewhere.

use super::arguments::Command;
use super::grammar::{Read, read};
use std::ffi::OsString;

fn words(line: &str) -> Vec<OsString> {
    std::iter::once("afterlife").chain(line.split_whitespace()).map(OsString::from).collect()
}

fn refused(line: &str) -> String {
    read(words(line)).expect_err("this is not a command").to_string()
}

fn command(line: &str) -> Option<Command> {
    match read(words(line)) {
        Ok(Read::Arguments(arguments)) => arguments.command,
        other => panic!("`{line}` was read as {other:?}"),
    }
}

#[test]
fn an_empty_command_line_means_the_main_job() {
    assert!(command("").is_none());
}

#[test]
fn run_accepts_all_of_its_arguments() {
    let line = "run raft --seeds 5..9 --for 2h --search random --build patched --jobs 3 --out o --max-failures 2 --shard 2/3 --report junit=a.xml --report github";
    let Some(Command::Run(run)) = command(line) else { panic!("not `run`") };
    assert_eq!((run.filter.as_deref(), run.seeds, run.jobs, run.max_failures), (Some("raft"), Some(5..9), Some(3), 2));
    let Some(Command::Run(run)) = command("run") else { panic!("not `run`") };
    assert_eq!((run.seeds, run.time, run.build, run.max_failures), (None, None, None, 10));
}

#[test]
fn every_documented_command_is_accepted() {
    assert!(matches!(command("replay last"), Some(Command::Replay(_))));
    assert!(matches!(command("show last --format json"), Some(Command::Show(_))));
    assert!(matches!(command("show last --format html"), Some(Command::Show(_))));
    assert!(matches!(command("shrink last --shrink 10"), Some(Command::Shrink(_))));
    assert!(matches!(command("triage a b"), Some(Command::Triage(triage)) if triage.folders.len() == 2));
    assert!(matches!(command("keep last"), Some(Command::Keep(_))));
    let Some(Command::Replay(replay)) = command("replay last --until 0.44s --log info,stdout=off") else {
        panic!("not `replay`")
    };
    assert_eq!((replay.until, replay.log.is_some()), (Some(440_000_000), true));
    assert!(matches!(command("list"), Some(Command::List(_))));
    assert!(matches!(command("check raft --pairs 3"), Some(Command::Check(_))));
}

#[test]
fn every_error_takes_two_lines() {
    let lines = [
        "rnu",
        "kitchen",
        "run --seds 4",
        "run a b",
        "run --seeds 5..2",
        "run --seeds x",
        "run --for soon",
        "run --search directed",
        "run --build LOUD",
        "run --jobs 0",
        "run --max-failures many",
        "run --report xml",
        "run --report junit=",
        "run --shard 4/3",
        "run --shrink few",
        "run --seeds",
        "replay",
        "replay last --until noon",
        "replay last --log ==",
        "show last --format perfetto",
        "check --pairs 3 --seeds 4",
    ];
    let mut all = String::new();
    for line in lines {
        let text = refused(line);
        assert_eq!(text.lines().count(), 2, "{text}");
        all.push_str(&format!("$ afterlife {line}\n{text}\n"));
    }
    insta::assert_snapshot!("refused", all);
}

#[test]
fn help_is_an_answer_and_not_an_error() {
    for line in ["--help", "run --help", "--version"] {
        assert!(matches!(read(words(line)), Ok(Read::Answer(_))), "{line}");
    }
}
