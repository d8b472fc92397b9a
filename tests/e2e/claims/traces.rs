//! What a program says through `tracing` is heard as a probe would be: in a run, and in the log that it wrote.
//! The claims themselves have tests beside them.

use crate::harness::{Module, carry_out, command, run, scenarios, trials};
use afterlife::Sim;
use std::thread::sleep;
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![closes_too_early, writes_a_log, writes_of_everything, writes_of_nothing_wrong];
    let trials = trials![
        a_program_that_traces_needs_no_probe,
        a_replay_shows_what_was_traced_and_is_the_same_run,
        an_audit_of_the_programs_log_finds_the_same,
        an_audit_knows_every_claim_that_a_program_can_speak_of,
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
    sim.client_program("server", |_| {
        lifetime();
        0
    });
}

/// The same, by a program that has a subscriber of its own, which knows nothing of afterlife; its log is what it prints.
fn logging(sim: &mut Sim, lifetime: fn()) {
    sim.client_program("server", move |_| {
        let json = tracing_subscriber::fmt::layer().json();
        let subscriber = tracing_subscriber::registry().with(json);
        tracing::subscriber::with_default(subscriber, lifetime);
        1
    });
    sim.always("it goes on", |view| view.exits() == 0);
}

fn writes_a_log(sim: &mut Sim) {
    logging(sim, lifetime);
}

/// Each claim that needs nothing but what a program says, broken once or, with `legally`, not at all.
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
    tracing::trace!(fact = "progress-told", name = "download", object = 6, value = 100);
    tracing::trace!(fact = "channel", name = "watch", object = 7);
    if legally {
        tracing::trace!(fact = "channel-told", name = "watch", object = 7);
    }
    tracing::trace!(fact = "channel-closed", name = "watch", object = 7);
    if !legally {
        // Lines that are equal to the letter would be one text of the record.
        sleep(Duration::from_millis(2));
        tracing::trace!(fact = "channel-closed", name = "watch", object = 7);
    }
    tracing::trace!(fact = "entry-made", name = "queries", object = 8, text = "q7");
    tracing::trace!(fact = "entry-made", name = "queries", object = 9, text = if legally { "q8" } else { "q7" });
    tracing::trace!(fact = "entry-removed", name = "queries", object = 8);
    tracing::trace!(fact = "always", name = "the ballot grows", value = i64::from(legally));
}

fn writes_of_everything(sim: &mut Sim) {
    logging(sim, || lifetimes(false));
}

fn writes_of_nothing_wrong(sim: &mut Sim) {
    logging(sim, || lifetimes(true));
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
    assert!(shown.out.contains("INFO e2e::claims::traces: the database is open"), "{}{}", shown.out, shown.err);
    let digest = |out: &str| out.lines().find(|line| line.trim().starts_with("digest")).map(str::to_owned);
    assert!(digest(&quiet.out).is_some() && digest(&quiet.out) == digest(&shown.out), "{}{}", quiet.out, shown.out);
    let refused = carry_out(command(&["replay", &token]).env("AFTERLIFE_LOG", "=="));
    assert_eq!(refused.code, 2, "{}", refused.err);
}

/// The log that the program of a scenario prints, in a file.
fn log_of(scenario: &str) -> (String, usize) {
    let out = format!("{}/traces-{scenario}", env!("CARGO_TARGET_TMPDIR"));
    let said = carry_out(&mut command(&["run", scenario, "--seeds", "1", "--out", &out]));
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let record = carry_out(&mut command(&["show", "last", "--out", &out, "--format", "json"])).lines();
    let printed = record.iter().filter(|line| line["kind"] == "line" && line["source"] == "stdout");
    let log: Vec<&str> = printed.filter_map(|line| line["text"].as_str()).collect();
    let path = format!("{out}/log.jsonl");
    std::fs::write(&path, log.join("\n")).expect("the folder can be written to");
    (path, log.len())
}

fn an_audit_of_the_programs_log_finds_the_same() {
    let (path, lines) = log_of("writes_a_log");
    assert_eq!(lines, 5, "the program printed its log");
    let audited = carry_out(&mut command(&["audit", &path]));
    assert_eq!(audited.code, 1, "{}{}", audited.out, audited.err);
    assert!(audited.out.contains("no use after teardown"), "{}", audited.out);
    assert!(audited.out.contains("used metadata-db by apply 41"), "{}", audited.out);
    assert!(audited.out.contains("log.jsonl:5"), "{}", audited.out);
}

fn an_audit_knows_every_claim_that_a_program_can_speak_of() {
    let audited = carry_out(&mut command(&["audit", &log_of("writes_of_everything").0]));
    assert_eq!(audited.code, 1, "{}{}", audited.out, audited.err);
    for claim in [
        "joined before teardown",
        "no use before init",
        "no callback after deregistration",
        "no stale epoch effect",
        "slots conserved",
        "honest progress",
        "close is told",
        "close once",
        "own entry only",
        "always",
    ] {
        assert!(audited.out.contains(claim), "{claim}: {}", audited.out);
    }
}

fn an_audit_of_a_clean_log_is_clean() {
    let audited = carry_out(&mut command(&["audit", &log_of("writes_of_nothing_wrong").0]));
    assert_eq!(audited.code, 0, "{}{}", audited.out, audited.err);
}
