//! Campaigns that break nothing and test nothing: each fails, with what is missing and the next step.

use crate::harness::{Module, cli, scenarios, trials};
use crate::time::secs;
use afterlife::{Faults, Sim};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        nothing_drives,
        no_client_succeeds,
        the_service_never_starts,
        nothing_is_acked,
        nothing_is_completed,
        the_verifier_never_finishes,
        faults_strike_clients_only,
        no_fault_meets_its_node,
        no_sometimes_comes,
        a_host_is_misspelt,
        a_service_listens_for_itself,
        a_port_is_bound_twice,
        an_expected_failure,
    ];
    let trials = trials![
        a_campaign_that_tests_nothing_fails_and_names_what_is_missing,
        an_error_that_the_scenario_expects_is_no_gap,
    ];
    Module::new(scenarios, trials)
}

/// A service that accepts connections for ever.
fn server(sim: &mut Sim, address: &'static str) {
    sim.node_main("server", move |_| {
        let listener = TcpListener::bind(address).expect("the port is free");
        while listener.accept().is_ok() {}
        1
    });
}

/// A client that succeeds after a second, when services have started.
fn client(sim: &mut Sim) {
    sim.client_main("client", |_| {
        sleep(secs(1));
        0
    });
}

fn nothing_drives(sim: &mut Sim) {
    server(sim, "0.0.0.0:80");
}

fn no_client_succeeds(sim: &mut Sim) {
    server(sim, "0.0.0.0:80");
    let client = sim.client("client", |_| async { Err("no certificates were loaded".into()) });
    sim.may_fail(client);
}

fn the_service_never_starts(sim: &mut Sim) {
    sim.node("server", |_| async { Err("config.toml: no such file".into()) });
    sim.turn_off("no-unprovoked-exit");
    client(sim);
}

/// A client, and a verifier that compares what the client noted with what it found.
fn ledgers(sim: &mut Sim, notes: bool, completes: bool) {
    server(sim, "0.0.0.0:80");
    let (acked, found) = (sim.ledger::<u64>("acked"), sim.ledger::<u64>("found"));
    sim.client_main("client", move |_| {
        if notes {
            acked.note(1);
        }
        0
    });
    sim.verifier("auditor", move |_| async move {
        found.note(1);
        if completes {
            found.complete();
        }
        Ok(())
    });
    sim.nothing_acked_is_lost(acked, found);
}

fn nothing_is_acked(sim: &mut Sim) {
    ledgers(sim, false, true);
}

fn nothing_is_completed(sim: &mut Sim) {
    ledgers(sim, true, false);
}

fn the_verifier_never_finishes(sim: &mut Sim) {
    server(sim, "0.0.0.0:80");
    client(sim);
    let auditor = sim.verifier("auditor", |_| async { Err("the book is closed".into()) });
    sim.may_fail(auditor);
}

fn faults_strike_clients_only(sim: &mut Sim) {
    server(sim, "0.0.0.0:80");
    let client = sim.client_main("client", |_| {
        sleep(secs(20));
        0
    });
    sim.may_fail(client);
    sim.faults(client, Faults::none().kills());
}

fn no_fault_meets_its_node(sim: &mut Sim) {
    let server = sim.node_main("server", |_| {
        let _listener = TcpListener::bind("0.0.0.0:80").expect("the port is free");
        0
    });
    client(sim);
    sim.turn_off("no-unprovoked-exit");
    sim.faults(server, Faults::none().kills().starting_at(secs(20)));
}

fn no_sometimes_comes(sim: &mut Sim) {
    server(sim, "0.0.0.0:80");
    client(sim);
    sim.sometimes("a restart", |view| view.restarts() > 0);
}

fn a_host_is_misspelt(sim: &mut Sim) {
    server(sim, "0.0.0.0:80");
    let client = sim.client_main("client", |_| i32::from(TcpStream::connect("sever:80").is_err()));
    sim.may_fail(client);
}

fn a_service_listens_for_itself(sim: &mut Sim) {
    server(sim, "127.0.0.1:80");
    let client = sim.client_main("client", |_| {
        sleep(secs(1));
        i32::from(TcpStream::connect("server:80").is_err())
    });
    sim.may_fail(client);
}

fn a_port_is_bound_twice(sim: &mut Sim) {
    sim.node_main("server", |_| {
        let _first = TcpListener::bind("0.0.0.0:80").expect("the port is free");
        let second = TcpListener::bind("0.0.0.0:80");
        sleep(secs(1_000));
        i32::from(second.is_err())
    });
    client(sim);
}

/// The scenarios, each with what its campaign says: the gap, the first error where there is one, and the next step.
const GAPS: [(&str, &[&str]); 12] = [
    (
        "nothing_drives",
        &["the scenario has neither a client nor a claim", "next: add a client with `Sim::client`, or a claim"],
    ),
    (
        "no_client_succeeds",
        &["the client client succeeded in no run: no certificates were loaded", "next: make it succeed in a run"],
    ),
    (
        "the_service_never_starts",
        &["the service server failed in every run before it was ready: config.toml: no such file"],
    ),
    ("nothing_is_acked", &["the ledger `acked` of acknowledged entries stayed empty", "next: note an entry when"]),
    ("nothing_is_completed", &["the ledger `found` was never completed", "next: call `complete` on it"]),
    ("the_verifier_never_finishes", &["the verifier auditor succeeded in no run: the book is closed"]),
    ("faults_strike_clients_only", &["faults are allowed on clients and verifiers only", "next: give `Sim::faults`"]),
    ("no_fault_meets_its_node", &["faults are allowed, and none struck", "next: let clients work for longer"]),
    ("no_sometimes_comes", &["never happened", "a restart"]),
    (
        "a_host_is_misspelt",
        &["client looked up the host `sever`, and no node has that name", "the name of a node (server)"],
    ),
    (
        "a_service_listens_for_itself",
        &["client was refused by server:80, which listens on its loopback address only", "listen on 0.0.0.0:80"],
    ),
    ("a_port_is_bound_twice", &["in every run, server bound port 80 twice", "next: give each listener a port"]),
];

fn a_campaign_that_tests_nothing_fails_and_names_what_is_missing() {
    for (scenario, texts) in GAPS {
        let output = cli(&["run", scenario]);
        assert_eq!(output.code, 5, "{scenario}: {output:?}");
        let flat = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in texts {
            assert!(flat.contains(text), "{scenario}: `{text}` is not in\n{}", output.out);
        }
        let json = cli(&["run", scenario, "--report", "json"]);
        let reasons = json.summary()["vacuous"].as_array().map_or(0, Vec::len);
        assert!(json.code == 5 && reasons > 0, "{scenario}: {}", json.out);
    }
}

fn an_expected_failure(sim: &mut Sim) {
    sim.unknown_host("no-such-node");
    server(sim, "0.0.0.0:80");
    sim.client_main("client", |_| i32::from(TcpStream::connect("no-such-node:80").is_ok()));
}

fn an_error_that_the_scenario_expects_is_no_gap() {
    let output = cli(&["run", "an_expected_failure"]);
    assert_eq!(output.code, 0, "{output:?}");
}
