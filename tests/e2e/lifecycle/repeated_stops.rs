//! Repeated stop requests: the process receives each of them, and its budget does not change.
//! Single stops are in `deaths`.

use crate::harness::{Module, at, breaks, campaign, holds, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Faults, Injection, NodeId, Sim};
use tokio::time::{sleep, timeout};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![asked_three_times, asked_by_the_plan, budget_is_the_first];
    let trials = trials![
        every_stop_request_is_delivered_and_an_early_one_waits,
        a_plan_repeats_a_stop_during_the_first_shutdown,
        a_second_request_does_not_extend_the_budget,
    ];
    Module::new(scenarios, trials)
}

/// Stop requests to the server at these seconds.
fn stops<const N: usize>(seconds: [u64; N]) -> [Injection; N] {
    let fault = Fault::stop(NodeId(0), secs(10), secs(60));
    seconds.map(|second| Injection { trigger: at(secs(second)), fault: fault.clone() })
}

/// The second and third requests arrive while the node is busy.
fn asked_three_times(sim: &mut Sim) {
    let received = sim.ledger::<u64>("received");
    sim.node("server", move |node| async move {
        let mut stops = node.stop_requests();
        stops.next().await;
        received.note(1);
        sleep(secs(3)).await;
        stops.next().await;
        received.note(2);
        stops.next().await;
        received.note(3);
        assert!(timeout(secs(1), stops.next()).await.is_err(), "there was no fourth request");
        received.note(4);
        Ok(())
    });
    sim.client("clock", |_| async {
        sleep(secs(20)).await;
        Ok(())
    });
    sim.eventually("three requests are received", secs(20), move |_| received.len() == 4);
}

fn every_stop_request_is_delivered_and_an_early_one_waits() {
    holds("asked_three_times", &stops([1, 2, 3]));
}

/// CubeFS, M8: the second request arrives during the shutdown.
fn asked_by_the_plan(sim: &mut Sim) {
    let servers = sim.nodes("server", 2, move |node| async move {
        let mut stops = node.stop_requests();
        stops.next().await;
        let again = timeout(secs(2), stops.next()).await;
        assert!(again.is_err(), "close of closed channel");
        Ok(())
    });
    sim.client("clock", |_| async {
        sleep(secs(40)).await;
        Ok(())
    });
    sim.faults(servers, Faults::none().repeated_stops(secs(10), secs(4)).quiet_after(secs(20)));
}

fn a_plan_repeats_a_stop_during_the_first_shutdown() {
    let output = campaign("asked_by_the_plan", "0..50");
    assert_eq!(output.finding()["invariant"], "no-silent-panic");
}

/// Needs 12 s to shut down.
fn budget_is_the_first(sim: &mut Sim) {
    sim.node("server", move |node| async move {
        node.stopping().await;
        sleep(secs(12)).await;
        Ok(())
    });
    sim.client("clock", |_| async {
        sleep(secs(40)).await;
        Ok(())
    });
}

fn a_second_request_does_not_extend_the_budget() {
    breaks("budget_is_the_first", &stops([1, 9]), "bounded-shutdown");
}
