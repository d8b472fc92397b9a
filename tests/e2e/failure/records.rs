//! The record of a finding: its events, the choices that the seed made, the output of programs, the environment; and the
//! refusal of a record that no longer fits. The unit tests of `src/failure/record` cover the format itself.

use crate::harness::{Module, Output, campaign, cli, command, output_of, scenarios, trials};
use afterlife::Sim;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        talks_and_fails,
        reads_the_clock_when_it_traces,
        waits_when_it_traces,
        is_changed,
        closes_before_its_last_use,
        waits_for_itself
    ];
    let trials = trials![
        a_record_has_printed_and_traced_lines_with_time_and_incarnation,
        a_record_has_the_questions_that_the_seed_answered,
        a_record_describes_its_environment_without_secrets,
        a_timeline_is_a_file_beside_the_record,
        the_recorded_detail_does_not_change_the_run,
        tracing_that_would_change_the_run_is_left_out,
        a_log_is_filtered_in_a_replay_and_in_a_record,
        a_replay_stops_at_the_given_time,
        a_damaged_or_unrelated_record_is_refused,
        a_record_of_a_later_format_is_refused_and_a_replay_of_it_is_unfit,
        a_record_that_no_longer_fits_names_the_first_different_event,
        the_same_finding_gives_the_same_record_byte_for_byte,
        a_finding_is_reported_even_if_its_record_cannot_be_written,
        an_audit_of_a_record_finds_the_same_violation,
        an_audit_names_a_finding_that_it_cannot_check,
    ];
    Module::new(scenarios, trials)
}

fn talks_and_fails(sim: &mut Sim) {
    sim.client_main("talker", |_| {
        println!("hello");
        eprintln!("took {} ms", 3);
        tracing::info!(volume = 7, "created");
        tracing::debug!("too fine for a record");
        sleep(Duration::from_millis(500));
        tracing::warn!("about to fail");
        panic!("as it must");
    });
}

/// A file that stands for a change to the code.
const CHANGED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/records-changed-code");

fn is_changed(sim: &mut Sim) {
    let later = if Path::new(CHANGED).exists() { 3 } else { 2 };
    sim.client_main("talker", move |_| {
        sleep(Duration::from_millis(later));
        panic!("as it must");
    });
}

/// Its traced values read the clock, as openraft's do. That must not advance it.
fn reads_the_clock_when_it_traces(sim: &mut Sim) {
    struct Ago(Instant);
    impl std::fmt::Debug for Ago {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            for _ in 0..1_000 {
                assert!(self.0.elapsed() < Duration::from_secs(1));
            }
            f.write_str("just now")
        }
    }
    sim.client_main("talker", |_| {
        let began = Ago(Instant::now());
        tracing::info!("{:?}", began);
        panic!("as it must");
    });
}

/// Its traced values wait, so that a run that formats the line is a different run.
fn waits_when_it_traces(sim: &mut Sim) {
    struct Slow;
    impl std::fmt::Debug for Slow {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            sleep(Duration::from_millis(1));
            f.write_str("slow")
        }
    }
    sim.client_main("talker", |_| {
        println!("hello");
        tracing::info!("{:?}", Slow);
        panic!("as it must");
    });
}

/// Records this scenario's finding: the path of the record, and its lines.
fn record(scenario: &str, out: &str) -> (PathBuf, Vec<Value>) {
    let out = format!("{}/records-{out}", env!("CARGO_TARGET_TMPDIR"));
    let found = cli(&["run", scenario, "--seeds", "1", "--out", &out, "--report", "json"]);
    assert_eq!(found.code, 1, "{found:?}");
    let path = PathBuf::from(found.finding()["path"].as_str().expect("it was written down"));
    let shown = show(&path, &["--format", "json"]);
    (path.join("record.jsonl.zst"), shown.lines())
}

fn show(path: &Path, more: &[&str]) -> Output {
    let path = path.display().to_string();
    let output = cli(&[&["show", &path], more].concat());
    assert_eq!(output.code, 0, "{output:?}");
    output
}

fn of_kind<'a>(lines: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["kind"] == kind)
}

fn a_record_has_printed_and_traced_lines_with_time_and_incarnation() {
    let (_, lines) = record("talks_and_fails", "lines");
    let printed: Vec<_> = of_kind(&lines, "line")
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or_default();
            assert_eq!((&line["node"], &line["incarnation"]), (&Value::from(0), &Value::from(1)), "{line}");
            (text("source"), text("target"), text("text"), line["time_ns"].as_u64() >= Some(500_000_000))
        })
        .collect();
    let expected = [
        ("stdout", "", "hello", false),
        ("stderr", "", "took 3 ms", false),
        ("info", "e2e::failure::records", "created volume=7", false),
        ("warn", "e2e::failure::records", "about to fail", true),
    ];
    assert_eq!(printed, expected);
}

fn a_record_has_the_questions_that_the_seed_answered() {
    let (_, lines) = record("talks_and_fails", "choices");
    let asked: Vec<_> = of_kind(&lines, "choice").collect();
    assert!(asked.iter().any(|choice| choice["question"] == "preemption" && choice["below"].is_u64()), "{asked:?}");
    assert!(asked.iter().all(|choice| choice["who"].is_string() && choice["answer"].is_u64()), "{asked:?}");
    let end = of_kind(&lines, "end").next().expect("it is whole");
    assert_eq!(end["choices"], asked.len());
    // The lines are in the order of the run.
    let events: Vec<_> = asked.iter().map(|choice| choice["events"].as_u64()).collect();
    assert!(events.is_sorted(), "{events:?}");
}

fn a_record_describes_its_environment_without_secrets() {
    let out = format!("{}/records-secret", env!("CARGO_TARGET_TMPDIR"));
    let words = ["run", "talks_and_fails", "--seeds", "1", "--out", &out];
    output_of(command(&words).env("DATABASE_PASSWORD", "correct horse").env("AFTERLIFE_SWITCH", "futex"));
    let shown = cli(&["show", "last", "--out", &out, "--format", "json"]);
    assert!(!shown.out.contains("correct horse") && !shown.out.contains(&out), "{}", shown.out);
    let lines = shown.lines();
    let environment = of_kind(&lines, "environment").next().expect("it is there");
    assert_eq!((&environment["os"], &environment["context_switch"]), (&"linux".into(), &"futex".into()));
    assert_eq!(environment["settings"]["AFTERLIFE_SWITCH"], "futex");
    assert!(lines[0]["program"]["sum"].as_str().is_some_and(|sum| sum.len() == 16), "{}", lines[0]);
}

fn a_timeline_is_a_file_beside_the_record() {
    let (record, _) = record("talks_and_fails", "timeline");
    let folder = record.parent().expect("a record has a folder");
    let shown = show(folder, &["--format", "html"]);
    let path = PathBuf::from(shown.out.trim());
    assert_eq!(path, folder.join("timeline.html"));
    let page = std::fs::read_to_string(&path).expect("it was written");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
    for output in ["created volume=7", "about to fail", "talker", "replay"] {
        assert!(page.contains(output), "{output} is not in {page}");
    }
}

fn digest(output: &Output) -> &str {
    output.out.lines().find_map(|line| line.trim().strip_prefix("digest ")).unwrap_or_else(|| panic!("{output:?}"))
}

fn the_recorded_detail_does_not_change_the_run() {
    let found = campaign("talks_and_fails", "1").finding();
    let token = found["token"].as_str().expect("a finding has a token");
    for filter in ["off", "info", "trace"] {
        let output = cli(&["replay", token, "--log", filter]);
        assert_eq!(digest(&output), found["digest"], "{filter}");
    }
}

fn tracing_that_would_change_the_run_is_left_out() {
    let (_, lines) = record("waits_when_it_traces", "slow");
    let texts: Vec<_> = of_kind(&lines, "line").map(|line| line["text"].clone()).collect();
    assert_eq!(texts, ["hello"]);
    let (_, lines) = record("reads_the_clock_when_it_traces", "clock");
    let texts: Vec<_> = of_kind(&lines, "line").map(|line| line["text"].clone()).collect();
    assert_eq!(texts, ["just now"]);
    let found = campaign("waits_when_it_traces", "1").finding();
    let output = cli(&["replay", found["token"].as_str().expect("a token"), "--log", "info"]);
    assert_eq!(
        (output.code, digest(&output)),
        (1, found["digest"].as_str().expect("a digest")),
        "the run as it was found"
    );
    assert!(output.out.contains("from another run: tracing this much changes the run"), "{}", output.out);
    assert!(output.out.contains("INFO e2e::failure::records: slow"), "{}", output.out);
}

fn a_log_is_filtered_in_a_replay_and_in_a_record() {
    let (path, lines) = record("talks_and_fails", "filter");
    let token = lines[0]["token"].as_str().expect("a record has a token");
    let replay = |log: &str| cli(&["replay", token, "--log", log]).out;
    let shown = |log: &str| show(&path, &["--log", log]).out;
    for out in [replay("warn"), shown("warn")] {
        assert!(out.contains("WARN e2e::failure::records: about to fail") && !out.contains("hello"), "{out}");
    }
    for out in [replay("info"), shown("info"), shown("debug")] {
        assert!(out.contains("stdout hello") && out.contains("INFO e2e::failure::records: created volume=7"), "{out}");
        assert!(!out.contains("too fine"), "{out}");
    }
    assert!(replay("debug,stdout=off").contains("DEBUG e2e::failure::records: too fine for a record"));
    assert!(!replay("debug,stdout=off").contains("hello"));
    assert!(shown("off").contains("no output passes the filter off (4 lines recorded)"), "{}", shown("off"));
    let refused = cli(&["show", "last", "--log", "=="]);
    assert_eq!(refused.code, 2, "{refused:?}");
}

fn a_replay_stops_at_the_given_time() {
    let (path, lines) = record("talks_and_fails", "until");
    let token = lines[0]["token"].as_str().expect("a record has a token");
    for what in [token, &path.display().to_string()] {
        let output = cli(&["replay", what, "--until", "0.44s", "--log", "info"]);
        assert_eq!(output.code, 0, "{output:?}");
        assert!(output.out.contains("nothing had broken by 440 ms"), "{}", output.out);
        assert!(output.out.contains("created volume=7") && !output.out.contains("about to fail"), "{}", output.out);
        let output = cli(&["replay", what, "--until", "0.6s"]);
        assert_eq!(output.code, 1, "it broke before: {output:?}");
    }
}

/// Asserts a refusal with this exit code and this next step.
fn refused(words: &[&str], code: i32, why: &str) -> String {
    let output = cli(words);
    let next = output.err.lines().find_map(|line| line.strip_prefix("  next: ")).unwrap_or_default().to_owned();
    assert!(output.code == code && output.err.contains(why) && output.out.is_empty(), "not {code}, {why}: {output:?}");
    next
}

fn a_damaged_or_unrelated_record_is_refused() {
    let (path, lines) = record("talks_and_fails", "damaged");
    let token = lines[0]["token"].as_str().expect("a record has a token");
    let bytes = std::fs::read(&path).expect("it was written");
    let other = path.with_file_name("other.zst");
    let name = other.display().to_string();
    let write = |bytes: &[u8]| std::fs::write(&other, bytes).expect("the folder can be written to");
    for command in ["show", "replay"] {
        write(&bytes[..bytes.len() * 2 / 3]);
        assert!(refused(&[command, &name], 2, "is incomplete").ends_with(token));
        write(b"%PDF-1.7");
        refused(&[command, &name], 2, "is not a record");
        write(&[]);
        refused(&[command, &name], 2, "it is empty");
    }
    // A copy under another name works as well.
    write(&bytes);
    assert_eq!(cli(&["replay", &name]).code, 1);
}

fn a_record_of_a_later_format_is_refused_and_a_replay_of_it_is_unfit() {
    let later = format!("{}/later.zst", env!("CARGO_TARGET_TMPDIR"));
    // A zstd frame with one raw block (RFC 8878), because the tests do not link a compressor.
    let text = b"{\"kind\":\"record\",\"format\":9,\"afterlife\":\"9.1.0\"}\n";
    let size = u8::try_from(text.len()).expect("it is short");
    let block = 1 | u32::from(size) << 3;
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, size], &block.to_le_bytes()[..3], &text[..]].concat();
    std::fs::write(&later, frame).expect("the folder can be written to");
    let why = "is a record of format 9, written by afterlife 9.1.0";
    assert!(refused(&["show", &later], 2, why).contains("afterlife 9.1.0"));
    refused(&["replay", &later], 125, why);
}

fn a_record_that_no_longer_fits_names_the_first_different_event() {
    let _ = std::fs::remove_file(CHANGED);
    let (path, _) = record("is_changed", "changed");
    let path = path.display().to_string();
    assert_eq!(cli(&["replay", &path]).code, 1, "the code is as it was");
    std::fs::write(CHANGED, "").expect("the folder can be written to");
    let output = cli(&["replay", &path]);
    assert_eq!(output.code, 125, "{output:?}");
    assert!(output.out.contains("the record no longer fits this code"), "{}", output.out);
    assert!(
        output.out.contains("recorded  #1 at 0.002") && output.out.contains("now       #1 at 0.003"),
        "{}",
        output.out
    );
    // Afterlife cannot see that a file next to the program has changed, so the difference is all that it can report.
    assert!(output.out.contains("changed   nothing: this program wrote the record"), "{}", output.out);
    assert_eq!(cli(&["replay", &path, "--until", "1ms"]).code, 0, "it has not differed by then");

    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/format-2.jsonl.zst");
    let next = refused(&["replay", golden], 125, "there is no scenario `raft-master` here");
    assert!(next.contains("list"), "{next}");
    assert_eq!(cli(&["show", golden]).code, 0, "it can be read all the same");
}

fn the_same_finding_gives_the_same_record_byte_for_byte() {
    let [first, second] = ["first", "second"].map(|out| record("talks_and_fails", out).0);
    let [first, second] = [first, second].map(|path| std::fs::read(path).expect("it was written"));
    assert!(first == second);
}

fn a_finding_is_reported_even_if_its_record_cannot_be_written() {
    let out = format!("{}/records-unwritable", env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&out).expect("the folder can be made");
    std::fs::write(format!("{out}/talks_and_fails"), "a file where a folder belongs").expect("it can be written");
    let words = ["run", "talks_and_fails", "--seeds", "1", "--out", &out];
    let output = cli(&words);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.out.contains("as it must") && output.out.contains("replay"), "{}", output.out);
    let words_of_report: Vec<&str> = output.out.split_whitespace().collect();
    assert!(words_of_report.join(" ").contains("record cannot write to "), "{}", output.out);
    let output = cli(&[&words[..], &["--report", "json"]].concat());
    assert_eq!(output.code, 1, "{output:?}");
    let finding = output.finding();
    assert!(finding["path"].is_null() && finding["unwritten"].is_string(), "{finding}");
}

fn closes_before_its_last_use(sim: &mut Sim) {
    sim.client_main("server", |_| {
        let db = afterlife::probe::Resource::open("metadata-db");
        db.used();
        db.close();
        sleep(Duration::from_millis(2));
        db.used();
        0
    });
}

fn an_audit_of_a_record_finds_the_same_violation() {
    let (path, lines) = record("closes_before_its_last_use", "audit");
    let sentence = of_kind(&lines, "finding").next().expect("it is there")["finding"]["violation"]["sentence"].clone();
    // The line of the record with the use, as `show --format json` prints it.
    let uses: Vec<_> = (1..).zip(&lines).filter(|(_, line)| !line["what"]["ResourceUsed"].is_null()).collect();
    let used_at = format!("record.jsonl.zst:{}", uses.last().expect("it was used").0);
    for what in [path.as_path(), path.parent().expect("it is in a folder")] {
        let output = cli(&["audit", &what.display().to_string()]);
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.out.contains(sentence.as_str().expect("a sentence")), "{sentence}: {}", output.out);
        assert!(what.is_dir() || output.out.contains(&used_at), "{used_at}: {}", output.out);
    }
    let (fine, _) = record("talks_and_fails", "audit-panic");
    let output = cli(&["audit", &fine.display().to_string()]);
    assert!(output.code == 1 && output.out.contains("✗ panic"), "{output:?}");
}

fn waits_for_itself(sim: &mut Sim) {
    sim.client_main("server", |_| {
        let gate = std::sync::Mutex::new(());
        let _held = gate.lock();
        drop(gate.lock());
        0
    });
}

fn an_audit_names_a_finding_that_it_cannot_check() {
    let (path, _) = record("waits_for_itself", "audit-deadlock");
    let output = cli(&["audit", &path.display().to_string()]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.out.contains("✗ deadlock") && output.out.contains("an audit cannot check it again"),
        "{}",
        output.out
    );
    assert!(!output.out.contains("every claim holds"), "{}", output.out);
}
