//! Assertions and probes in the code under test, and known issues.

use crate::harness::{Module, at, campaign_holds, cli, holds, scenarios, signature, trials};
use crate::time::{ms, secs};
use afterlife::{Fault, Injection, NodeId, Sim, probe};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        the_code_claims,
        the_code_claims_too_much,
        a_resource_is_used_and_closed,
        a_resource_is_used_after_its_end,
        a_known_use,
        behind_a_known_use,
        a_known_use_panics,
        an_unrelated_panic,
        a_resource_of_an_earlier_incarnation
    ];
    let trials = trials![
        assertions_in_the_code_under_test_count,
        a_use_after_teardown_names_both_ends,
        a_known_issue_hides_nothing_else,
        the_panic_that_follows_from_a_known_use_is_the_same_issue
    ];
    Module::new(scenarios, trials)
}

fn claiming(sim: &mut Sim, last: u32) {
    sim.node("server", move |_| async move {
        for number in 0..=last {
            probe::always!(number < 10, "the number has one digit");
            probe::sometimes!(number == 9, "the number is nine");
            if number == 5 {
                probe::reached!("half way");
            }
        }
        Ok(())
    });
    sim.client_main("client", |_| {
        sleep(secs(1));
        0
    });
}

fn the_code_claims(sim: &mut Sim) {
    claiming(sim, 9);
}

fn the_code_claims_too_much(sim: &mut Sim) {
    claiming(sim, 10);
}

fn assertions_in_the_code_under_test_count() {
    campaign_holds("the_code_claims");
    assert_eq!(signature("the_code_claims_too_much"), "always · the number has one digit · tests/e2e/claims/probes.rs");
}

fn resource(sim: &mut Sim, use_after: Duration) {
    let server = sim.node("server-0", move |_| async move {
        let database = Arc::new(probe::Resource::open("metadata-db"));
        let used = database.clone();
        let user = tokio::spawn(async move {
            tokio::time::sleep(use_after).await;
            used.used_by(format_args!("apply {}", 41));
        });
        tokio::time::sleep(secs(1)).await;
        database.close();
        user.await?;
        Ok(())
    });
    sim.client_main("client", |_| {
        sleep(secs(3));
        0
    });
    sim.workers(server, 2);
}

fn a_resource_is_used_and_closed(sim: &mut Sim) {
    resource(sim, ms(990));
}

fn a_resource_is_used_after_its_end(sim: &mut Sim) {
    resource(sim, ms(1_010));
}

fn a_resource_of_an_earlier_incarnation(sim: &mut Sim) {
    sim.node("server", |_| async {
        let database = probe::Resource::open("metadata-db");
        loop {
            tokio::time::sleep(ms(100)).await;
            database.used();
        }
    });
    sim.client_main("client", |_| {
        sleep(secs(10));
        0
    });
}

fn a_use_after_teardown_names_both_ends() {
    campaign_holds("a_resource_is_used_and_closed");
    let kill = Injection { trigger: at(secs(2)), fault: Fault::kill(NodeId(0), secs(1)) };
    holds("a_resource_of_an_earlier_incarnation", &[kill]);
    assert!(signature("a_resource_is_used_after_its_end").starts_with("no-use-after-teardown · "));
    let output = cli(&["run", "a_resource_is_used_after_its_end", "--seeds", "1"]);
    assert!(output.out.starts_with("✗ use after teardown"), "{}", output.out);
    for text in ["metadata-db, generation 1", "server-0", "in apply 41", "closes metadata-db"] {
        assert!(output.out.contains(text), "{text}: {}", output.out);
    }
}

// -- known issues

fn a_known_use(sim: &mut Sim) {
    sim.known_issue("no-use-after-teardown", &["metadata-db", "apply 41"]);
    resource(sim, ms(1_010));
}

fn behind_a_known_use(sim: &mut Sim) {
    a_known_use(sim);
    sim.node("closer", |_| async {
        let channel = probe::Channel::open("stopc");
        channel.notified();
        tokio::time::sleep(secs(2)).await;
        channel.close();
        channel.close();
        Ok(())
    });
}

fn a_known_issue_hides_nothing_else() {
    campaign_holds("a_known_use");
    assert!(signature("behind_a_known_use").starts_with("close-once · stopc"));
}

/// A server whose use of a closed database is known, and panics as the database would. `later` separates the two.
fn panics_after_a_known_use(sim: &mut Sim, later: Duration) {
    sim.known_issue("no-use-after-teardown", &["metadata-db"]);
    sim.node_main("server", move |_| {
        let _listener = std::net::TcpListener::bind("0.0.0.0:80").expect("the port is free");
        let database = probe::Resource::open("metadata-db");
        database.close();
        database.used();
        sleep(later);
        panic!("the database is closed");
    });
    sim.client_main("client", |_| {
        sleep(secs(3));
        0
    });
}

fn a_known_use_panics(sim: &mut Sim) {
    panics_after_a_known_use(sim, Duration::ZERO);
}

fn an_unrelated_panic(sim: &mut Sim) {
    panics_after_a_known_use(sim, secs(1));
}

fn the_panic_that_follows_from_a_known_use_is_the_same_issue() {
    campaign_holds("a_known_use_panics");
    assert!(signature("an_unrelated_panic").starts_with("no-silent-panic · panic"));
}
