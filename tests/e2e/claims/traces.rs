//! Fields of `tracing` count as probe events, both in a run and in the log that a program wrote.
//! The invariants themselves have unit tests.

use crate::harness::{Module, campaign, cli, command, output_of, scenarios, trials};
use afterlife::Sim;
use std::thread::sleep;
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![closes_too_early, writes_a_log, logs_every_violation, logs_no_violation];
    let trials = trials![
        a_program_that_traces_needs_no_probes,
        a_replay_with_its_log_is_the_same_run,
        an_audit_of_the_programs_log_finds_the_same_violation,
        an_audit_checks_every_invariant_that_a_log_can_break,
        an_audit_of_a_clean_log_is_clean,
    ];
    Module::new(scenarios, trials)
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
    sim.client_main("server", |_| {
        lifetime();
        0
    });
}

/// The same in a program with its own subscriber, which knows nothing of Afterlife. It prints its log.
fn logging(sim: &mut Sim, lifetime: fn()) {
    let server = sim.client_main("server", move |_| {
        let json = tracing_subscriber::fmt::layer().json();
        let subscriber = tracing_subscriber::registry().with(json);
        tracing::subscriber::with_default(subscriber, lifetime);
        1
    });
    sim.may_fail(server);
    sim.always("it goes on", |view| view.exits() == 0);
}

fn writes_a_log(sim: &mut Sim) {
    logging(sim, lifetime);
}

/// Every invariant that a log alone can break, each broken once or, with `legally`, not at all.
fn lifetimes(legally: bool) {
    tracing::trace!(fact = "started", name = "server");
    tracing::trace!(fact = "opened", name = "db", object = 1);
    tracing::trace!(fact = "borrowed", name = "db", object = 1, part = 11);
    if legally {
        tracing::trace!(fact = "returned", name = "db", object = 1, part = 11);
    }
    tracing::trace!(fact = "closed", name = "db", object = 1);
    tracing::trace!(fact = "declared", name = "cluster", object = 2);
    if legally {
        tracing::trace!(fact = "opened", name = "cluster", object = 2);
    }
    tracing::trace!(fact = "used", name = "cluster", object = 2);
    tracing::trace!(fact = "registered", name = "progress", object = 3, text = "q7");
    if legally {
        tracing::trace!(fact = "call-began", name = "progress", object = 3, part = 12);
        tracing::trace!(fact = "call-ended", name = "progress", object = 3, part = 12);
    }
    tracing::trace!(fact = "deregistered", name = "progress", object = 3);
    if !legally {
        tracing::trace!(fact = "call-began", name = "progress", object = 3, part = 12);
    }
    tracing::trace!(fact = "epoch", name = "ballot", object = 4);
    tracing::trace!(fact = "advanced", name = "ballot", object = 4, value = 4);
    tracing::trace!(fact = "effect", name = "a file", object = 4, value = if legally { 4 } else { 3 });
    tracing::trace!(fact = "slots", name = "downloads", object = 5, value = 1);
    tracing::trace!(fact = "slots-counted", name = "downloads", object = 5, value = if legally { 1 } else { -1 });
    tracing::trace!(fact = "slots-counted", name = "downloads", object = 5, value = 0);
    tracing::trace!(fact = "progress", name = "download", object = 6, value = 1);
    if legally {
        tracing::trace!(fact = "item-verified", name = "download", object = 6);
    }
    tracing::trace!(fact = "progress-reported", name = "download", object = 6, value = 100);
    tracing::trace!(fact = "channel", name = "watch", object = 7);
    if legally {
        tracing::trace!(fact = "channel-notified", name = "watch", object = 7);
    }
    tracing::trace!(fact = "channel-closed", name = "watch", object = 7);
    if !legally {
        // Identical lines would be a single text of the record.
        sleep(Duration::from_millis(2));
        tracing::trace!(fact = "channel-closed", name = "watch", object = 7);
    }
    tracing::trace!(fact = "entry-made", name = "queries", object = 8, text = "q7");
    tracing::trace!(fact = "entry-made", name = "queries", object = 9, text = if legally { "q8" } else { "q7" });
    tracing::trace!(fact = "entry-removed", name = "queries", object = 8);
    tracing::trace!(fact = "always", name = "the ballot grows", value = i64::from(legally));
}

fn logs_every_violation(sim: &mut Sim) {
    logging(sim, || lifetimes(false));
}

fn logs_no_violation(sim: &mut Sim) {
    logging(sim, || lifetimes(true));
}

fn a_program_that_traces_needs_no_probes() {
    let output = campaign("closes_too_early", "1");
    let finding = output.finding();
    assert_eq!(finding["invariant"], "no-use-after-teardown", "{finding}");
}

fn a_replay_with_its_log_is_the_same_run() {
    let output = campaign("closes_too_early", "1");
    let token = output.finding()["token"].as_str().expect("a finding has a token").to_owned();
    let quiet = cli(&["replay", &token]);
    let shown = output_of(command(&["replay", &token]).env("AFTERLIFE_LOG", "info"));
    assert!(shown.out.contains("INFO e2e::claims::traces: the database is open"), "{}{}", shown.out, shown.err);
    let digest = |out: &str| out.lines().find(|line| line.trim().starts_with("digest")).map(str::to_owned);
    assert!(digest(&quiet.out).is_some() && digest(&quiet.out) == digest(&shown.out), "{}{}", quiet.out, shown.out);
    let refused = output_of(command(&["replay", &token]).env("AFTERLIFE_LOG", "=="));
    assert_eq!(refused.code, 2, "{}", refused.err);
}

/// Writes the log that the program of a scenario prints to a file.
fn log_of(scenario: &str) -> (String, usize) {
    let out = format!("{}/traces-{scenario}", env!("CARGO_TARGET_TMPDIR"));
    let output = cli(&["run", scenario, "--seeds", "1", "--out", &out]);
    assert_eq!(output.code, 1, "{}{}", output.out, output.err);
    let record = cli(&["show", "last", "--out", &out, "--format", "json"]).lines();
    let printed = record.iter().filter(|line| line["kind"] == "line" && line["source"] == "stdout");
    let log: Vec<&str> = printed.filter_map(|line| line["text"].as_str()).collect();
    let path = format!("{out}/log.jsonl");
    std::fs::write(&path, log.join("\n")).expect("the folder can be written to");
    (path, log.len())
}

fn an_audit_of_the_programs_log_finds_the_same_violation() {
    let (path, lines) = log_of("writes_a_log");
    assert_eq!(lines, 5, "the program printed its log");
    let audited = cli(&["audit", &path]);
    assert_eq!(audited.code, 1, "{}{}", audited.out, audited.err);
    assert!(audited.out.contains("✗ use after teardown"), "{}", audited.out);
    assert!(audited.out.contains("used metadata-db in apply 41"), "{}", audited.out);
    assert!(audited.out.contains("log.jsonl:5"), "{}", audited.out);
}

fn an_audit_checks_every_invariant_that_a_log_can_break() {
    let audited = cli(&["audit", &log_of("logs_every_violation").0]);
    assert_eq!(audited.code, 1, "{}{}", audited.out, audited.err);
    for title in [
        "teardown before join",
        "use before init",
        "callback after deregistration",
        "stale epoch effect",
        "wrong slot count",
        "wrong progress",
        "close without notice",
        "closed twice",
        "foreign entry removed",
        "claim broken",
    ] {
        assert!(audited.out.contains(&format!("✗ {title}")), "{title}: {}", audited.out);
    }
}

fn an_audit_of_a_clean_log_is_clean() {
    let audited = cli(&["audit", &log_of("logs_no_violation").0]);
    assert_eq!(audited.code, 0, "{}{}", audited.out, audited.err);
}
