//! Faults that a scenario injects itself: they strike where it says, and travel in tokens as drawn ones do.
//! What each fault does has tests of its own.

use crate::harness::{Module, holds, replay, run, scenarios, trials};
use afterlife::{Fault, Faults, NodeId, Sim, Trigger};
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let trials = trials![
        an_injected_fault_strikes_in_every_run_and_is_part_of_the_plan,
        a_plan_that_says_exactly_what_strikes_has_the_last_word,
        one_that_waits_for_an_edge_in_vain_keeps_no_run_from_its_end,
    ];
    let scenarios = scenarios![struck_at_its_second_note, aimed_at_nothing];
    Module::new(scenarios, trials)
}

/// Its second note is one too many, unless it is killed by then.
fn struck_at_its_second_note(sim: &mut Sim) {
    let notes = sim.ledger::<u32>("notes");
    let lives = sim.ledger::<u16>("lives");
    let server = sim.program("server", move |node| {
        lives.note(node.incarnation());
        if node.incarnation() == 1 {
            sleep(Duration::from_secs(2));
            notes.note(1);
            notes.note(2);
            notes.note(3);
        }
        sleep(Duration::from_secs(1_000));
        0
    });
    sim.client_program("clock", |_| {
        sleep(Duration::from_secs(9));
        0
    });
    sim.faults(server, Faults::none().stops(Duration::from_millis(1)).from(Duration::from_secs(8)).at_most(1));
    let second = Trigger::on(server.node(0), "note notes", 2, Duration::ZERO);
    sim.inject(second, Fault::kill(server.node(0), Duration::from_micros(1)));
    sim.always("the third note is never written", move |_| !notes.contains(&3));
    sim.always("one life is enough", move |_| !lives.contains(&2));
}

fn aimed_at_nothing(sim: &mut Sim) {
    let server = sim.program("server", |_| {
        sleep(Duration::from_secs(1_000));
        0
    });
    sim.client_program("clock", |_| {
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
    let said = run("struck_at_its_second_note", "0..5");
    let finding = said.finding();
    assert_eq!(said.code, 1, "{said:?}");
    assert!(finding["signature"].as_str().is_some_and(|it| it.contains("one life is enough")), "{finding}");
    let token = finding["token"].as_str().expect("a finding has a token");
    let again = crate::harness::carry_out(&mut crate::harness::command(&["replay", token]));
    assert!(again.code == 1 && again.out.contains("one life is enough"), "{again:?}");
    assert!(again.out.contains("kill server"), "{}", again.out);
}

fn a_plan_that_says_exactly_what_strikes_has_the_last_word() {
    let said = replay("struck_at_its_second_note", 0, Vec::new());
    assert!(said.code == 1 && said.out.contains("the third note is never written"), "{said:?}");
}

fn one_that_waits_for_an_edge_in_vain_keeps_no_run_from_its_end() {
    let said = run("aimed_at_nothing", "0..3");
    assert_eq!(said.code, 0, "{said:?}");
    let per_run = said.summary()["virtual_ns"].as_u64().map(|ns| ns / 3);
    assert!(per_run.is_some_and(|ns| ns < 20_000_000_000), "{}", said.summary());
    holds("aimed_at_nothing", &[]);
}
