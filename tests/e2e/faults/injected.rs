//! Faults that a scenario injects itself: they strike at their trigger, and tokens contain them as they do drawn ones.
//! The effect of each fault is tested with the part that it strikes.

use crate::harness::{Module, campaign, holds, replay, scenarios, trials};
use afterlife::{Fault, Faults, NodeId, Sim, Trigger};
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let trials = trials![
        an_injected_fault_strikes_in_every_run_and_is_part_of_the_plan,
        an_exact_plan_replaces_injected_faults,
        a_fault_whose_edge_never_comes_delays_no_end,
    ];
    let scenarios = scenarios![struck_at_its_second_note, aimed_at_nothing];
    Module::new(scenarios, trials)
}

/// The second note breaks the claim unless a kill prevents it.
fn struck_at_its_second_note(sim: &mut Sim) {
    let notes = sim.ledger::<u32>("notes");
    let incarnations = sim.ledger::<u16>("incarnations");
    let server = sim.node_main("server", move |node| {
        incarnations.note(node.incarnation());
        if node.incarnation() == 1 {
            sleep(Duration::from_secs(2));
            notes.note(1);
            notes.note(2);
            notes.note(3);
        }
        sleep(Duration::from_secs(1_000));
        0
    });
    sim.client_main("clock", |_| {
        sleep(Duration::from_secs(9));
        0
    });
    sim.faults(server, Faults::none().stops(Duration::from_millis(1)).starting_at(Duration::from_secs(8)).at_most(1));
    let second = Trigger::on(server.node(0), "note notes", 2, Duration::ZERO);
    sim.inject(second, Fault::kill(server.node(0), Duration::from_micros(1)));
    sim.always("the third note is never written", move |_| !notes.contains(&3));
    sim.always("one incarnation is enough", move |_| !incarnations.contains(&2));
}

fn aimed_at_nothing(sim: &mut Sim) {
    let server = sim.node_main("server", |_| {
        sleep(Duration::from_secs(1_000));
        0
    });
    sim.client_main("clock", |_| {
        sleep(Duration::from_secs(9));
        0
    });
    let seen = sim.ledger::<u32>("seen");
    sim.verifier("verifier", move |_| async move {
        seen.note(1);
        Ok(())
    });
    sim.inject(
        Trigger::on(server.node(0), "phase never", 1, Duration::ZERO),
        Fault::kill(NodeId(0), Duration::from_micros(1)),
    );
    sim.eventually("the verifier looks", Duration::from_secs(60), move |_| !seen.is_empty());
}

fn an_injected_fault_strikes_in_every_run_and_is_part_of_the_plan() {
    let output = campaign("struck_at_its_second_note", "0..5");
    let finding = output.finding();
    assert_eq!(output.code, 1, "{output:?}");
    assert!(finding["signature"].as_str().is_some_and(|text| text.contains("one incarnation is enough")), "{finding}");
    let token = finding["token"].as_str().expect("a finding has a token");
    let again = crate::harness::cli(&["replay", token]);
    assert!(again.code == 1 && again.out.contains("one incarnation is enough"), "{again:?}");
    assert!(again.out.contains("kill server"), "{}", again.out);
}

fn an_exact_plan_replaces_injected_faults() {
    let output = replay("struck_at_its_second_note", 0, Vec::new());
    assert!(output.code == 1 && output.out.contains("the third note is never written"), "{output:?}");
}

fn a_fault_whose_edge_never_comes_delays_no_end() {
    let output = campaign("aimed_at_nothing", "0..3");
    assert_eq!(output.code, 0, "{output:?}");
    let per_run = output.summary()["virtual_ns"].as_u64().map(|ns| ns / 3);
    assert!(per_run.is_some_and(|ns| ns < 20_000_000_000), "{}", output.summary());
    holds("aimed_at_nothing", &[]);
}
