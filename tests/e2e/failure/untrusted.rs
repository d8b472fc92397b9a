//! Input that nobody vouches for: hostile records and logs, surprising environments, outputs that cannot be written, campaigns without a run.
//! Nothing of it is believed, obeyed or passed over.

use crate::harness::{Module, Output, at, cli, command, output_of, scenarios, trials};
use afterlife::{Build, Engine, Fault, Injection, NodeId, Plan, Sim, Token};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![ends_after_a_second, fails_at_once];
    let trials = trials![
        an_output_that_cannot_be_written_is_an_error,
        a_reader_that_leaves_early_is_none,
        a_campaign_without_a_run_has_an_exit_code_of_its_own,
        a_replay_of_a_plan_that_strikes_nothing_is_unfit,
        a_regression_of_another_scenario_is_refused,
        a_token_in_the_environment_is_not_ignored,
        an_inherited_variable_of_runners_is_refused,
        all_seeds_of_a_day_need_a_time,
        a_record_that_unpacks_to_gigabytes_is_refused_in_little_memory,
        a_hostile_command_line_and_log_reach_the_terminal_as_text,
        the_version_names_the_program,
    ];
    Module::new(scenarios, trials)
}

fn ends_after_a_second(sim: &mut Sim) {
    sim.client_main("sleeper", |_| {
        sleep(Duration::from_secs(1));
        0
    });
}

fn fails_at_once(sim: &mut Sim) {
    sim.client_main("talker", |_| panic!("as it must"));
}

/// A file of this module.
fn file(name: &str) -> PathBuf {
    let folder: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "untrusted"].iter().collect();
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder.join(name)
}

/// The reason and the next step of a refusal with this exit code.
fn refused(output: &Output, code: i32) -> (String, String) {
    let line = |label: &str| output.err.lines().find_map(|line| line.strip_prefix(label)).map(str::to_owned);
    let (why, next) = (line("error: "), line("  next: "));
    assert!(output.code == code, "exit code {} and not {code}: {output:?}", output.code);
    why.zip(next).unwrap_or_else(|| panic!("no refusal: {output:?}"))
}

fn killed_at(time: Duration) -> String {
    let kill = Injection { trigger: at(time), fault: Fault::kill(NodeId(0), Duration::ZERO) };
    let plan = Some(Plan { injections: vec![kill] });
    let scenario = "ends_after_a_second".to_owned();
    Token { scenario, build: Build::DEFAULT, engine: Engine::Native, seed: 0, plan }.to_string()
}

fn an_output_that_cannot_be_written_is_an_error() {
    let log = file("fact.log");
    std::fs::write(&log, "{\"fact\":\"opened\",\"name\":\"db\"}\n").expect("it can be written");
    let log = log.display().to_string();
    let out = file("full").display().to_string();
    assert_eq!(cli(&["run", "fails_at_once", "--seeds", "1", "--out", &out]).code, 1);
    let lines: [&[&str]; 11] = [
        &["list"],
        &["--help"],
        &["--version"],
        &["run", "ends_after_a_second", "--seeds", "1"],
        &["run", "fails_at_once", "--seeds", "1", "--report", "json"],
        &["run", "fails_at_once", "--seeds", "1", "--report", "github"],
        &["show", "last", "--out", &out],
        &["show", "last", "--format", "json", "--out", &out],
        &["triage", &out],
        &["audit", &log],
        &["check", "ends_after_a_second", "--pairs", "1"],
    ];
    for line in lines {
        let full = File::options().write(true).open("/dev/full").expect("Linux has this device");
        let output = output_of(command(line).stdout(full));
        let (why, _) = refused(&output, 2);
        assert!(why.starts_with("cannot write the output: No space left on device"), "{line:?}: {why}");
    }
}

fn a_reader_that_leaves_early_is_none() {
    for line in [&["list"][..], &["--help"]] {
        let (reader, writer) = std::io::pipe().expect("there are descriptors left");
        drop(reader);
        let output = output_of(command(line).stdout(writer));
        assert_eq!((output.code, output.err.as_str()), (0, ""), "{line:?}");
    }
}

fn a_campaign_without_a_run_has_an_exit_code_of_its_own() {
    let junit = file("nothing.xml");
    let report = format!("junit={}", junit.display());
    for limits in [["--seeds", "0..3", "--shard", "4/4"], ["--for", "1ms", "--shard", "1/1"]] {
        let words = [&["run", "ends_after_a_second", "--report", &report, "--report", "human"], &limits[..]].concat();
        let output = cli(&words);
        // A millisecond is sometimes enough for a run.
        if limits[0] == "--for" && output.code == 0 {
            continue;
        }
        assert_eq!(output.code, 5, "{output:?}");
        assert!(output.out.contains(" tested nothing in 0 runs\n") && output.out.contains("next: "), "{}", output.out);
        let document = std::fs::read_to_string(&junit).expect("it was written");
        assert!(document.contains("failures=\"1\"") && !document.contains("held in"), "{document}");
    }
}

fn a_replay_of_a_plan_that_strikes_nothing_is_unfit() {
    assert_eq!(cli(&["replay", &killed_at(Duration::from_millis(500))]).code, 0);
    let output = cli(&["replay", &killed_at(Duration::from_secs(500))]);
    assert_eq!(output.code, 125, "{output:?}");
    assert!(output.out.contains("no fault of its plan strikes any more"), "{}", output.out);
    assert!(output.out.contains("  next  "), "{}", output.out);
}

fn a_regression_of_another_scenario_is_refused() {
    let kept = file("kept");
    std::fs::create_dir_all(&kept).expect("it can be made");
    let line = format!("{}\n", killed_at(Duration::from_millis(500)));
    std::fs::write(kept.join("fails_at_once.afterlife"), line).expect("it can be written");
    let output = output_of(command(&["run", "fails_at_once", "--seeds", "1"]).env("AFTERLIFE_KEPT", &kept));
    let (why, _) = refused(&output, 2);
    assert!(why.contains("fails_at_once.afterlife:1: the token is of scenario `ends_after_a_second`"), "{why}");
}

fn a_token_in_the_environment_is_not_ignored() {
    let token = killed_at(Duration::from_millis(500));
    let with = |token: &str, words: &[&str]| output_of(command(words).env("AFTERLIFE_REPLAY", token));
    let (why, next) = refused(&with(&token, &["run", "ends_after_a_second", "--seeds", "1"]), 2);
    assert!(why.starts_with("AFTERLIFE_REPLAY") && next.starts_with("unset AFTERLIFE_REPLAY"), "{why}; {next}");
    for words in [&["run"][..], &["list"], &[]] {
        let (why, _) = refused(&with("a2-what; ever", words), 2);
        assert!(why.starts_with("AFTERLIFE_REPLAY: the token"), "{why}");
    }
    assert_eq!(with(&token, &["list"]).code, 0, "no run is asked for");
}

fn an_inherited_variable_of_runners_is_refused() {
    let output = output_of(command(&["list"]).env("AFTERLIFE_RUNNER", "1").stdin(Stdio::null()));
    let (why, next) = refused(&output, 2);
    assert!(why.starts_with("AFTERLIFE_RUNNER is set") && next.starts_with("unset AFTERLIFE_RUNNER"), "{why}; {next}");
}

fn all_seeds_of_a_day_need_a_time() {
    let (why, next) = refused(&cli(&["run", "ends_after_a_second", "--seeds", "date"]), 2);
    assert!(why.contains("--seeds date") && next == "add a time: --for 2h", "{why}; {next}");
    let output = output_of(command(&["run", "ends_after_a_second"]).env("AFTERLIFE_SEEDS", "date"));
    refused(&output, 2);
}

/// Two gigabytes of spaces as a zstd frame (RFC 8878): blocks of 128 KiB that repeat one byte take four bytes each.
fn a_record_that_unpacks_to_gigabytes_is_refused_in_little_memory() {
    let (repeated, size, last) = (1 << 1, (128 << 10) << 3, 1);
    let block = |last: u32| [&(last | repeated | size).to_le_bytes()[..3], b" "].concat();
    // A frame with a window of 8 MiB and no content size.
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3];
    (0..16_384).for_each(|_| bytes.extend(block(0)));
    bytes.extend(block(last));
    let path = file("bomb.zst");
    std::fs::write(&path, bytes).expect("it can be written");
    for words in [["show"], ["audit"], ["replay"]] {
        let program = std::env::current_exe().expect("this process has an executable");
        // In kibibytes. The program itself takes most of them, as address space.
        let script = "ulimit -v 700000; exec \"$@\"";
        let mut limited = Command::new("sh");
        limited.args(["-c", script, "sh"]).arg(program).args(words).arg(&path).env("HARNESS_COMMAND", "1");
        let (why, _) = refused(&output_of(limited.stdin(Stdio::null())), 2);
        assert!(why.ends_with("is larger than a record may be: it has a line of more than 1 MiB"), "{why}");
    }
}

fn a_hostile_command_line_and_log_reach_the_terminal_as_text() {
    let hostile = "\u{1b}]0;title\u{7}\u{9b}2J\u{202e}";
    let log = file("hostile.log");
    let fact = |kind: &str| {
        format!("{}\n", serde_json::json!({ "node": hostile, "fact": kind, "name": hostile, "object": 1 }))
    };
    std::fs::write(&log, ["opened", "closed", "used"].map(fact).concat()).expect("it can be written");
    let log = log.display().to_string();
    let lines: [&[&str]; 5] =
        [&["audit", &log], &["run", hostile], &["replay", hostile], &["show", hostile], &["run", "--seeds", hostile]];
    for line in lines {
        let output = cli(line);
        let text = [output.out, output.err].concat();
        let obeyed =
            |letter: char| letter != '\n' && letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter);
        assert!(output.code != 0 && !text.contains(obeyed), "{line:?}: {text:?}");
        assert!(text.contains("\\u{1b}]0;title\\u{7}"), "{line:?}: {text}");
    }
}

fn the_version_names_the_program() {
    let mut version = command(&["--version"]);
    version.env("CARGO_PKG_NAME", "orders").env("CARGO_PKG_VERSION", "2.3.4");
    assert!(output_of(&mut version).out.starts_with("orders 2.3.4 (afterlife "));
    version.env_remove("CARGO_PKG_NAME");
    assert!(output_of(&mut version).out.starts_with("e2e-"));
}
