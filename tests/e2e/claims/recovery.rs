//! Ledgers, verifiers, and clients that must end after recovery.

use crate::harness::{Module, at, campaign, campaign_holds, holds, scenarios, signature, trials};
use crate::time::{ms, secs};
use afterlife::{Fault, Injection, NodeId, Sim};
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        every_job_runs_once,
        a_job_runs_too_often,
        a_job_runs_too_seldom,
        everything_is_found,
        nothing_is_found,
        the_search_is_not_complete,
        a_verifier_waits_for_the_end,
        the_client_ends_in_time,
        the_client_takes_too_long,
        the_client_may_take_too_long
    ];
    let trials = trials![
        ledgers_find_duplicates_and_missing_entries,
        acknowledged_entries_are_compared_once_the_ledger_is_complete,
        a_verifier_starts_after_recovery_and_after_the_clients,
        a_client_that_ends_late_breaks_recovers
    ];
    Module::new(scenarios, trials)
}

// -- ledgers

fn jobs(sim: &mut Sim, times: fn(u32) -> u32) {
    let pushed = sim.ledger::<u32>("pushed");
    let ran = sim.ledger::<u32>("ran");
    sim.client_main("client", move |_| {
        for job in 0..5 {
            pushed.note(job);
            (0..times(job)).for_each(|_| ran.note(job));
        }
        0
    });
    sim.always("no job runs twice", move |_| ran.has_no_duplicate());
    sim.always("what runs was pushed", move |_| ran.is_within(pushed));
    sim.eventually("every job runs", secs(1), move |_| pushed.is_within(ran));
}

fn every_job_runs_once(sim: &mut Sim) {
    jobs(sim, |_| 1);
}

fn a_job_runs_too_often(sim: &mut Sim) {
    jobs(sim, |job| 1 + u32::from(job == 4));
}

fn a_job_runs_too_seldom(sim: &mut Sim) {
    jobs(sim, |job| u32::from(job != 2));
}

fn ledgers_find_duplicates_and_missing_entries() {
    campaign_holds("every_job_runs_once");
    assert_eq!(signature("a_job_runs_too_often"), "always · no job runs twice");
    assert_eq!(signature("a_job_runs_too_seldom"), "eventually · every job runs");
}

// -- acknowledged entries

fn search(sim: &mut Sim, finds: bool, completes: bool) {
    let acked = sim.ledger::<u32>("acknowledged numbers");
    let found = sim.ledger::<u32>("found");
    sim.client_main("client", move |_| {
        (0..5).for_each(|number| acked.note(number));
        0
    });
    sim.verifier("auditor", move |_| async move {
        if finds {
            (0..9).for_each(|number| found.note(number));
        }
        if completes {
            found.complete();
        }
        Ok(())
    });
    sim.nothing_acked_is_lost(acked, found);
}

fn everything_is_found(sim: &mut Sim) {
    search(sim, true, true);
}

fn nothing_is_found(sim: &mut Sim) {
    search(sim, false, true);
}

fn the_search_is_not_complete(sim: &mut Sim) {
    search(sim, false, false);
}

fn acknowledged_entries_are_compared_once_the_ledger_is_complete() {
    campaign_holds("everything_is_found");
    let incomplete = campaign("the_search_is_not_complete", "20");
    assert_eq!(incomplete.code, 5, "{incomplete:?}");
    assert!(incomplete.out.contains("the ledger `found` was never completed"), "{incomplete:?}");
    assert_eq!(signature("nothing_is_found"), "nothing-acked-is-lost · acknowledged numbers");
    let sentence = &campaign("nothing_is_found", "1").finding()["sentence"];
    assert_eq!(sentence, "0, 1, 2 and 2 more were acknowledged and missing after recovery");
}

fn a_verifier_waits_for_the_end(sim: &mut Sim) {
    let ended = sim.ledger::<&str>("ended");
    sim.node("server", |_| async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            drop(listener.accept().await?);
        }
    });
    sim.client_main("client", move |_| {
        sleep(secs(20));
        ended.note("the client");
        0
    });
    sim.verifier("auditor", move |node| async move {
        assert_eq!(node.incarnation(), 1);
        assert!(ended.contains(&"the client"));
        let begun = tokio::time::Instant::now();
        tokio::net::TcpStream::connect("server:7000").await?;
        assert!(begun.elapsed() < secs(1), "the network is not healed");
        ended.note("the auditor");
        Ok(())
    });
    sim.eventually("the auditor has looked", secs(100), move |_| ended.contains(&"the auditor"));
}

fn a_verifier_starts_after_recovery_and_after_the_clients() {
    holds("a_verifier_waits_for_the_end", &[]);
    let cut = Fault::partition(NodeId(2), NodeId(0), secs(60));
    let kill = Fault::kill(NodeId(0), secs(25));
    for fault in [cut, kill] {
        holds("a_verifier_waits_for_the_end", &[Injection { trigger: at(secs(5)), fault }]);
    }
}

// -- recovers

fn work(sim: &mut Sim, takes: Duration) {
    sim.time_limit(secs(60));
    sim.client_main("client", move |_| {
        sleep(takes);
        0
    });
}

fn the_client_ends_in_time(sim: &mut Sim) {
    work(sim, ms(59_900));
}

fn the_client_takes_too_long(sim: &mut Sim) {
    work(sim, ms(60_100));
}

fn the_client_may_take_too_long(sim: &mut Sim) {
    sim.turn_off("recovers");
    work(sim, ms(60_100));
}

fn a_client_that_ends_late_breaks_recovers() {
    campaign_holds("the_client_ends_in_time");
    let unended = campaign("the_client_may_take_too_long", "20");
    assert_eq!(unended.code, 5, "{unended:?}");
    assert!(unended.out.contains("the client client succeeded in no run: it never ended"), "{unended:?}");
    assert_eq!(signature("the_client_takes_too_long"), "recovers · client");
}
