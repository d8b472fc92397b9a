//! `always`, `eventually` and `sometimes`, each broken and each only just kept.

use crate::harness::{Module, at, breaks, campaign, campaign_holds, holds, scenarios, signature, trials};
use crate::time::{ms, secs};
use afterlife::{Fault, Injection, NodeId, Sim, probe};
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        three_are_in,
        too_many_are_in,
        holds_just_in_time,
        holds_too_late,
        holds_only_too_early,
        never_holds_in_a_short_run,
        holds_in_one_run_of_eight,
        never_holds
    ];
    let trials = trials![
        always_holds_at_the_edge_and_breaks_beyond_it,
        eventually_counts_from_the_end_of_the_last_fault,
        eventually_must_still_hold_at_its_bound,
        eventually_breaks_if_the_run_ends_first,
        sometimes_must_hold_once_in_a_whole_campaign
    ];
    Module::new(scenarios, trials)
}

// -- always

fn crowd(sim: &mut Sim, people: u64) {
    let entered = sim.ledger::<u64>("entered");
    let left = sim.ledger::<u64>("left");
    for person in 0..people {
        sim.client(&format!("person-{person}"), move |_| async move {
            entered.note(person);
            tokio::time::sleep(secs(1)).await;
            left.note(person);
            Ok(())
        });
    }
    sim.always("at most three are in", move |_| entered.len() - left.len() <= 3);
}

fn three_are_in(sim: &mut Sim) {
    crowd(sim, 3);
}

fn too_many_are_in(sim: &mut Sim) {
    crowd(sim, 4);
}

fn always_holds_at_the_edge_and_breaks_beyond_it() {
    campaign_holds("three_are_in");
    assert_eq!(signature("too_many_are_in"), "always · at most three are in");
    let finding = campaign("too_many_are_in", "1").finding();
    assert_eq!(finding["sentence"], "the claim no longer held: at most three are in");
    assert!(finding["virtual_ns"].as_u64() < Some(1_000_000_000), "the run ends where the claim breaks");
}

// -- eventually

/// The client notes at 20 s; a fault that strikes at 5 s is over at 10 s.
fn late(sim: &mut Sim, within: Duration) {
    let noted = sim.ledger::<u64>("noted");
    sim.node("server", |node| async move {
        node.stopping().await;
        Ok(())
    });
    sim.client_main("client", move |_| {
        sleep(secs(20));
        noted.note(1);
        0
    });
    sim.eventually("something is noted", within, move |_| !noted.is_empty());
}

fn holds_just_in_time(sim: &mut Sim) {
    late(sim, ms(10_100));
}

fn holds_too_late(sim: &mut Sim) {
    late(sim, ms(9_900));
}

fn eventually_counts_from_the_end_of_the_last_fault() {
    let strike = |fault| Injection { trigger: at(secs(5)), fault };
    // A disk that is slow, and a process that is down, for five seconds.
    for fault in [Fault::slow_disk(NodeId(0), Duration::from_nanos(1), secs(5)), Fault::kill(NodeId(0), secs(5))] {
        let plan = [strike(fault)];
        holds("holds_just_in_time", &plan);
        let output = breaks("holds_too_late", &plan, "eventually");
        assert!(output.out.contains("after the last fault: something is noted"), "{}", output.out);
    }
    // Without a fault the bound counts from the beginning.
    assert_eq!(signature("holds_just_in_time"), "eventually · something is noted");
}

fn holds_only_too_early(sim: &mut Sim) {
    let here = sim.ledger::<bool>("here");
    sim.client_main("client", move |_| {
        here.note(true);
        sleep(secs(2));
        here.note(false);
        sleep(secs(10));
        0
    });
    sim.eventually("it is here", secs(5), move |_| !here.contains(&false) && here.contains(&true));
}

fn eventually_must_still_hold_at_its_bound() {
    assert_eq!(signature("holds_only_too_early"), "eventually · it is here");
}

fn never_holds_in_a_short_run(sim: &mut Sim) {
    sim.time_limit(secs(10));
    sim.node("server", |_| async { std::future::pending().await });
    sim.eventually("it is so", secs(60), |_| false);
}

fn eventually_breaks_if_the_run_ends_first() {
    assert_eq!(signature("never_holds_in_a_short_run"), "eventually · it is so");
}

// -- sometimes

fn holds_in_one_run_of_eight(sim: &mut Sim) {
    use rand::RngExt;
    let number = sim.rng().random_range(0..8);
    sim.client_main("client", |_| 0);
    sim.sometimes("the number is three", move |_| number == 3);
}

fn never_holds(sim: &mut Sim) {
    sim.client_main("client", |_| {
        probe::sometimes!(false, "the client succeeds");
        0
    });
    sim.sometimes("the moon is full", |_| false);
}

fn sometimes_must_hold_once_in_a_whole_campaign() {
    campaign_holds("holds_in_one_run_of_eight");
    let whole = campaign("never_holds", "20");
    assert_eq!(whole.code, 5, "{whole:?}");
    let never = whole.lines().into_iter().find(|line| line["kind"] == "never").expect("the claim is reported");
    assert_eq!(never["claims"], serde_json::json!(["the client succeeds", "the moon is full"]));
    assert_eq!(never["fails"], true);
    let part = campaign("never_holds", "5");
    assert_eq!(part.code, 0, "five runs of twenty show nothing: {part:?}");
    assert!(part.lines().iter().any(|line| line["kind"] == "never" && line["fails"] == false));
}
