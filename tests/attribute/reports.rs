//! The report of a failing test: its record, its commands, the output of its programs, and its last line. Each test starts this binary
//! again, as cargo does.

use crate::started::{folder, labelled, run, test, text};
use afterlife::Sim;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The time within which an interrupted test ends. It takes far less; the machine may be busy.
const END_BOUND: Duration = Duration::from_secs(30);

/// A test that breaks with each seed, so that every seed after the first is a wrong one to report.
mod broken {
    #[afterlife::test(seeds = 40)]
    #[should_panic(expected = "a_service_that_talks does not hold")]
    fn a_service_that_talks(sim: &mut afterlife::Sim) {
        super::a_node_that_prints(sim);
        sim.client("client", |_| async {
            tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
            Err("the client gives up".into())
        });
    }
}

#[afterlife::test(seeds = 2)]
fn a_service_that_lives(sim: &mut Sim) {
    a_node_that_prints(sim);
    sim.client("client", |_| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(())
    });
}

fn a_node_that_prints(sim: &mut Sim) {
    sim.node("shop", |node| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!("the shop is open");
        eprintln!("and has no customers");
        node.stopping().await;
        Ok(())
    });
}

const BROKEN: &str = "reports::broken::a_service_that_talks";
const LIVES: &str = "reports::a_service_that_lives";

#[test]
fn a_failing_test_writes_its_record_and_prints_commands_for_it() {
    let out = folder("records");
    let report = run(&mut test(BROKEN, &out, &["--show-output"]));
    let record = labelled(&report, "record").unwrap_or_else(|| panic!("{report}"));
    assert!(Path::new(record).join("record.jsonl.zst").is_file(), "{report}");
    let replay = labelled(&report, "replay").unwrap_or_else(|| panic!("{report}"));
    let selection = format!("cargo test -p afterlife --test attribute {BROKEN} -- --exact --nocapture");
    let token = replay.strip_prefix("AFTERLIFE_REPLAY=").and_then(|rest| rest.strip_suffix(&format!(" {selection}")));
    let token = token.unwrap_or_else(|| panic!("{replay}"));
    assert!(token.contains("-a_service_that_talks-0-"), "the first seed that breaks: {token}");
    assert_eq!(
        labelled(&report, "keep"),
        Some(&*format!("echo {token} {BROKEN} >> tests/attribute/reports.afterlife"))
    );
    assert_eq!(labelled(&report, "show"), None, "nothing is installed that shows it");
    // A search on one runner finds the same.
    let alone = run(test(BROKEN, &out, &["--show-output"]).env("NEXTEST", "1"));
    assert_eq!(labelled(&alone, "replay"), Some(replay));
}

#[test]
fn commands_work_where_cargo_was_typed() {
    let out = folder("typed");
    let bin = folder("typed-bin");
    fs::write(bin.join("cargo-afterlife"), "").expect("it is writable");
    let typed = out.parent().expect("it is a folder of many");
    let exe = std::env::current_exe().expect("this process has an executable");
    // The parent process is called cargo, has options, and is in another folder than the package.
    let mut cargo = Command::new("/bin/sh");
    cargo.arg0("/usr/bin/cargo").args(["-c", "cd \"$PACKAGE\"; \"$TEST\" \"$NAME\" --exact --show-output; true"]);
    cargo.args(["test", "--release", "--features", "a,b", "--manifest-path", "../x/Cargo.toml", "--", "--release"]);
    let template = test(BROKEN, &out, &[]);
    for (name, value) in template.get_envs() {
        match value {
            Some(value) => cargo.env(name, value),
            None => cargo.env_remove(name),
        };
    }
    cargo.env("TEST", exe).env("NAME", BROKEN).env("PACKAGE", env!("CARGO_MANIFEST_DIR"));
    cargo.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).current_dir(typed);
    let report = run(&mut cargo);
    let replay = labelled(&report, "replay").unwrap_or_else(|| panic!("{report}"));
    let options = "--release --features a,b --manifest-path ../x/Cargo.toml";
    assert!(replay.contains(&format!("cargo test -p afterlife --test attribute {options} {BROKEN} -- ")), "{replay}");
    let shown = labelled(&report, "show").unwrap_or_else(|| panic!("{report}"));
    assert!(shown.starts_with("cargo afterlife show ") && shown.contains(" --out "), "{shown}");
    let keep = labelled(&report, "keep").unwrap_or_else(|| panic!("{report}"));
    assert!(keep.starts_with("cargo afterlife keep ") && keep.ends_with(" --manifest-path ../x/Cargo.toml"), "{keep}");
}

#[test]
fn the_output_of_programs_is_shown_where_libtest_captures_nothing() {
    let out = folder("output");
    let lines = |report: &str| {
        let is_printed = |line: &&str| line.contains("the shop is open") || line.contains("no customers");
        report
            .lines()
            .filter(is_printed)
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    let expected = ["1.001 shop stdout the shop is open", "1.001 shop stderr and has no customers"];
    let report = run(&mut test(BROKEN, &out, &["--nocapture"]));
    assert_eq!(lines(&report), expected, "{report}");
    assert!(report.find("the shop is open") < report.find("how it happened"), "the story comes last: {report}");
    let token = labelled(&report, "replay").and_then(|replay| replay.split([' ', '=']).nth(1)).unwrap_or_default();
    let replay = run(test(BROKEN, &out, &["--nocapture"]).env("AFTERLIFE_REPLAY", token));
    assert_eq!(lines(&replay), expected, "{replay}");
    assert!(replay.contains("reproduced in two fresh processes"), "{replay}");
    assert_eq!(
        lines(&run(&mut test(BROKEN, &out, &["--show-output"]))),
        [""; 0],
        "a captured test shows its story only"
    );
}

#[test]
fn a_failure_shows_no_panic_and_no_backtrace_of_afterlife() {
    let report = run(&mut test(BROKEN, &folder("panics"), &["--show-output"]));
    assert!(report.contains("a_service_that_talks does not hold"), "{report}");
    for word in ["panicked at", "backtrace", "src/testing", "unwind"] {
        assert!(!report.contains(word), "{word} in {report}");
    }
}

#[test]
fn the_account_says_that_memory_is_not_counted() {
    let report = run(&mut test(LIVES, &folder("memory"), &["--show-output"]));
    assert!(report.contains("held in 2 runs") && report.contains("  memory   not counted: leaked tasks"), "{report}");
}

#[test]
fn an_interrupted_test_prints_its_summary() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut command = test(LIVES, &folder(signal), &["--nocapture"]);
        command.env("AFTERLIFE_SEEDS", "1000000000").stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process in the background ignores SIGINT; a test runner may be one.
        let mut child = command.process_group(0).spawn().expect("this executable can be started again");
        std::thread::sleep(Duration::from_secs(2));
        let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let end = Instant::now() + END_BOUND;
        while child.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let output = child.wait_with_output().expect("its output can be read");
        let report = text(&output);
        assert_eq!(output.status.code(), Some(code), "{report}");
        assert!(report.contains("a_service_that_lives default held in "), "{report}");
        assert!(
            report.contains(&format!("interrupted by SIG{signal}: the summary covers the runs so far")),
            "{report}"
        );
    }
}
