//! A stop that is asked for again: what the process hears of it, and that its budget stays as it is.
//! What becomes of a process that was asked once is in `deaths`.

use crate::harness::{Module, at, breaks, holds, run, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Faults, Injection, NodeId, Sim};
use tokio::time::{sleep, timeout};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![asked_three_times, asked_by_the_plan, budget_is_the_first];
    let trials = trials![
        every_request_is_heard_and_an_early_one_waits,
        a_plan_asks_again_while_the_first_request_is_carried_out,
        a_second_request_gives_no_more_time,
    ];
    Module::new(scenarios, trials)
}

/// The server, asked to stop at these seconds.
fn stops<const N: usize>(seconds: [u64; N]) -> [Injection; N] {
    let fault = Fault::stop(NodeId(0), secs(10), secs(60));
    seconds.map(|second| Injection { trigger: at(secs(second)), fault: fault.clone() })
}

/// The second and the third request come while the node is busy and does not look.
fn asked_three_times(sim: &mut Sim) {
    let heard = sim.ledger::<u64>("heard");
    sim.node("server", move |node| async move {
        let mut stops = node.stops();
        stops.next().await;
        heard.note(1);
        sleep(secs(3)).await;
        stops.next().await;
        heard.note(2);
        stops.next().await;
        heard.note(3);
        assert!(timeout(secs(1), stops.next()).await.is_err(), "there was no fourth request");
        heard.note(4);
        Ok(())
    });
    sim.client("clock", |_| async {
        sleep(secs(20)).await;
        Ok(())
    });
    sim.eventually("three requests are heard", secs(20), move |_| heard.len() == 4);
}

fn every_request_is_heard_and_an_early_one_waits() {
    holds("asked_three_times", &stops([1, 2, 3]));
}

/// What M8 of CubeFS is about: the second request finds a shutdown on its way.
fn asked_by_the_plan(sim: &mut Sim) {
    let servers = sim.nodes("server", 2, move |node| async move {
        let mut stops = node.stops();
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

fn a_plan_asks_again_while_the_first_request_is_carried_out() {
    let said = run("asked_by_the_plan", "0..50");
    assert_eq!(said.finding()["invariant"], "no-silent-panic");
}

/// It would need 12 s.
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

fn a_second_request_gives_no_more_time() {
    breaks("budget_is_the_first", &stops([1, 9]), "bounded-shutdown");
}
