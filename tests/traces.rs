//! What a program says through `tracing` is heard as a probe would be: in a run, and in the log that it wrote.
//! The claims themselves have tests beside them.

mod planted;

use afterlife::Sim;
use planted::{carry_out, command, run, scenarios, trials};
use serde_json::Value;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

fn main() -> ExitCode {
    let scenarios = scenarios![closes_too_early, writes_a_log];
    let trials = trials![
        a_program_that_traces_needs_no_probe,
        a_replay_shows_what_was_traced_and_is_the_same_run,
        an_audit_of_the_programs_log_finds_the_same,
    ];
    planted::main(&scenarios, trials)
}

fn lifetime() {
    tracing::trace!(fact = "opened", name = "metadata-db");
    tracing::info!("the database is open");
    tracing::trace!(fact = "used", name = "metadata-db", text = "apply 40");
    tracing::trace!(fact = "closed", name = "metadata-db");
    sleep(Duration::from_millis(2));
    tracing::trace!(fact = "used", name = "metadata-db", text = "apply 41");
}

fn closes_too_early(sim: &mut Sim) {
    sim.client_program("server", |_| {
        lifetime();
        0
    });
}

/// The same, by a program that has a subscriber of its own, which knows nothing of afterlife.
fn writes_a_log(sim: &mut Sim) {
    sim.client_program("server", |_| {
        let json = tracing_subscriber::fmt::layer().json();
        let subscriber = tracing_subscriber::registry().with(json);
        tracing::subscriber::with_default(subscriber, lifetime);
        1
    });
    sim.always("it goes on", |view| view.exits() == 0);
}

fn a_program_that_traces_needs_no_probe() {
    let said = run("closes_too_early", "1");
    let finding = said.finding();
    assert_eq!(finding["invariant"], "no-use-after-teardown", "{finding}");
}

fn a_replay_shows_what_was_traced_and_is_the_same_run() {
    let said = run("closes_too_early", "1");
    let token = said.finding()["token"].as_str().expect("a finding has a token").to_owned();
    let quiet = carry_out(&mut command(&["replay", &token]));
    let shown = carry_out(command(&["replay", &token]).env("AFTERLIFE_LOG", "info"));
    assert!(shown.out.contains("INFO traces: the database is open"), "{}{}", shown.out, shown.err);
    let digest = |out: &str| out.lines().find(|line| line.trim().starts_with("digest")).map(str::to_owned);
    assert!(digest(&quiet.out).is_some() && digest(&quiet.out) == digest(&shown.out), "{}{}", quiet.out, shown.out);
    let refused = carry_out(command(&["replay", &token]).env("AFTERLIFE_LOG", "=="));
    assert_eq!(refused.code, 2, "{}", refused.err);
}

fn an_audit_of_the_programs_log_finds_the_same() {
    let out = concat!(env!("CARGO_TARGET_TMPDIR"), "/traces");
    let said = carry_out(&mut command(&["run", "writes_a_log", "--seeds", "1", "--out", out]));
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let id = std::fs::read_to_string(format!("{out}/last")).expect("a finding was written");
    let record = std::fs::read_to_string(format!("{out}/{}/record.jsonl", id.trim())).expect("it has a record");
    let legend: Value = serde_json::from_str(record.lines().next().expect("it has lines")).expect("it is JSON");
    let texts = legend["names"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let log: Vec<&str> = texts.filter(|text| text.starts_with("{\"timestamp\"")).collect();
    assert_eq!(log.len(), 5, "the program printed its log: {legend}");
    let path = format!("{out}/log.jsonl");
    std::fs::write(&path, log.join("\n")).expect("the folder can be written to");
    let audited = carry_out(&mut command(&["audit", &path]));
    assert_eq!(audited.code, 1, "{}{}", audited.out, audited.err);
    assert!(audited.out.contains("no use after teardown"), "{}", audited.out);
    assert!(audited.out.contains("used metadata-db by apply 41"), "{}", audited.out);
    assert!(audited.out.contains("log.jsonl:5"), "{}", audited.out);
}
