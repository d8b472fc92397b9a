//! Errors of clients and services: reported in the words of the process, unless the scenario says that it may fail.

use crate::harness::{Module, breaks, campaign, cli, holds, scenarios, signature, trials};
use crate::time::secs;
use afterlife::{Sim, Supervisor};
use std::fmt;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_client_returns_an_error,
        a_client_prints_in_pieces,
        a_client_prints_nothing,
        a_client_panics,
        a_verifier_fails,
        a_client_may_fail,
        a_service_may_not_be_named,
        a_config_is_missing,
        a_known_exit,
        a_supervised_config_is_missing,
        a_supervised_port_is_taken,
        a_supervisor_gives_up,
        an_assertion_of_two_lines,
    ];
    let trials = trials![
        an_error_of_a_client_is_reported_with_its_sources,
        a_line_that_is_printed_in_pieces_is_one_line,
        a_client_that_prints_nothing_is_reported_by_its_exit_code,
        a_panic_is_reported_once_and_by_the_client_claim_if_the_first_is_off,
        an_error_of_a_verifier_is_reported,
        a_client_that_may_fail_breaks_nothing,
        only_clients_are_named_as_failing,
        a_service_that_fails_at_its_start_is_reported_in_its_words,
        an_exit_that_is_a_known_issue_breaks_nothing,
        two_crash_loops_with_one_exit_code_are_two_findings,
        a_service_that_its_supervisor_gives_up_is_reported,
        a_panic_is_shown_with_all_of_its_lines,
    ];
    Module::new(scenarios, trials)
}

#[derive(Debug)]
struct Order(std::io::Error);

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("POST /orders")
    }
}

impl std::error::Error for Order {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

async fn order() -> Result<(), Order> {
    Err(Order(std::io::ErrorKind::ConnectionRefused.into()))
}

fn idle(sim: &mut Sim) {
    sim.client("client", |_| async {
        tokio::time::sleep(secs(20)).await;
        Ok(())
    });
}

/// The report on one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

// -- clients

fn a_client_returns_an_error(sim: &mut Sim) {
    sim.client("client-1", |_| async { Ok(order().await?) });
}

fn an_error_of_a_client_is_reported_with_its_sources() {
    let output = breaks("a_client_returns_an_error", &[], "no-client-error");
    assert!(output.out.contains("client-1 failed: POST /orders: connection refused\n"), "{}", output.out);
    assert!(output.out.contains("prints  Error: POST /orders: connection refused\n"), "{}", output.out);
    let expected = "no-client-error · POST /orders: connection refused · client";
    assert_eq!(signature("a_client_returns_an_error"), expected);
}

fn a_client_prints_in_pieces(sim: &mut Sim) {
    sim.client_main("client", |node| {
        println!("sending");
        eprintln!("order {} of {}: no answer", node.index() + 17, node.name());
        eprint!("giving ");
        eprint!("up");
        3
    });
}

fn a_line_that_is_printed_in_pieces_is_one_line() {
    let output = breaks("a_client_prints_in_pieces", &[], "no-client-error");
    assert!(output.out.contains("client failed: giving up\n"), "{}", output.out);
}

fn a_client_prints_nothing(sim: &mut Sim) {
    sim.client_main("client", |_| 3);
}

fn a_client_that_prints_nothing_is_reported_by_its_exit_code() {
    let output = breaks("a_client_prints_nothing", &[], "no-client-error");
    assert!(output.out.contains("client ended with exit code 3, and printed nothing\n"), "{}", output.out);
}

fn a_client_panics(sim: &mut Sim) {
    if sim.rng().is_even() {
        sim.turn_off("no-silent-panic");
    }
    sim.client_main("client", |_| panic!("order 17 is lost"));
}

trait Even {
    fn is_even(&mut self) -> bool;
}

impl Even for afterlife::Rng {
    fn is_even(&mut self) -> bool {
        rand::RngExt::random_range(self, 0..2) == 0
    }
}

fn a_panic_is_reported_once_and_by_the_client_claim_if_the_first_is_off() {
    let output = campaign("a_client_panics", "20");
    let mut signatures: Vec<_> = output.findings().iter().map(|finding| finding["signature"].to_string()).collect();
    signatures.sort();
    let expected =
        ["\"no-client-error · order # is lost · client\"", "\"no-silent-panic · panic · tests/e2e/claims/errors.rs\""];
    assert_eq!(signatures, expected, "{output:?}");
}

fn a_verifier_fails(sim: &mut Sim) {
    sim.verifier("auditor", |_| async { Err("3 orders are missing".into()) });
}

fn an_error_of_a_verifier_is_reported() {
    let output = breaks("a_verifier_fails", &[], "no-client-error");
    assert!(output.out.contains("auditor failed: 3 orders are missing\n"), "{}", output.out);
}

fn a_client_may_fail(sim: &mut Sim) {
    let client = sim.client("client", |_| async { Ok(order().await?) });
    sim.may_fail(client);
}

fn a_client_that_may_fail_breaks_nothing() {
    holds("a_client_may_fail", &[]);
}

fn a_service_may_not_be_named(sim: &mut Sim) {
    idle(sim);
    let server = sim.node("server", |_| std::future::pending());
    sim.may_fail(server);
}

fn only_clients_are_named_as_failing() {
    let output = cli(&["run", "a_service_may_not_be_named", "--seeds", "1"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.err.contains("`server` is a service"), "{}", output.err);
    assert!(output.err.contains("known_issue(\"no-unprovoked-exit\", &[\"server\"])"), "{}", output.err);
}

// -- services

fn a_config_is_missing(sim: &mut Sim) {
    idle(sim);
    sim.node("server", |_| async { Err("config.toml: no such file".into()) });
}

fn a_service_that_fails_at_its_start_is_reported_in_its_words() {
    let output = breaks("a_config_is_missing", &[], "no-unprovoked-exit");
    assert!(output.out.contains("server failed before any fault: config.toml: no such file\n"), "{}", output.out);
}

fn a_known_exit(sim: &mut Sim) {
    a_config_is_missing(sim);
    sim.known_issue("no-unprovoked-exit", &["server"]);
}

fn an_exit_that_is_a_known_issue_breaks_nothing() {
    holds("a_known_exit", &[]);
}

fn supervised(sim: &mut Sim, supervisor: Supervisor, error: fn(u16) -> String) {
    idle(sim);
    let server = sim.node("server", move |node| async move { Err(error(node.incarnation()).into()) });
    sim.supervise(server, supervisor);
}

fn a_supervised_config_is_missing(sim: &mut Sim) {
    supervised(sim, Supervisor::on_failure(), |_| "config.toml: no such file".into());
}

fn a_supervised_port_is_taken(sim: &mut Sim) {
    supervised(sim, Supervisor::on_failure(), |incarnation| format!("port {} is taken", 7000 + incarnation));
}

fn two_crash_loops_with_one_exit_code_are_two_findings() {
    let output = breaks("a_supervised_config_is_missing", &[], "no-crash-loop");
    let sentence = "server ended with exit code 1 (config.toml: no such file) 3 times in a row, with the same state";
    assert!(flat(&output.out).contains(sentence), "{}", output.out);
    assert!(flat(&output.out).contains("server prints Error: config.toml: no such file"), "{}", output.out);
    let signatures = ["a_supervised_config_is_missing", "a_supervised_port_is_taken"].map(signature);
    let expected = ["config.toml: no such file", "port # is taken"];
    assert_eq!(signatures, expected.map(|text| format!("no-crash-loop · ended with exit code 1 · {text}")));
}

fn a_supervisor_gives_up(sim: &mut Sim) {
    supervised(sim, Supervisor::on_failure().attempts(1), |_| "config.toml: no such file".into());
}

fn a_service_that_its_supervisor_gives_up_is_reported() {
    let output = breaks("a_supervisor_gives_up", &[], "no-unprovoked-exit");
    assert!(output.out.contains("server failed before any fault: config.toml: no such file\n"), "{}", output.out);
}

// -- panics

fn an_assertion_of_two_lines(sim: &mut Sim) {
    sim.client_main("client", |node| {
        assert_eq!(node.name().len(), 1, "the orders that were acknowledged on the first of these days are all there");
        0
    });
}

fn a_panic_is_shown_with_all_of_its_lines() {
    let output = breaks("an_assertion_of_two_lines", &[], "no-silent-panic");
    for line in ["left: 6\n", "right: 1\n"] {
        assert!(output.out.contains(&format!("  {line}")), "{}", output.out);
    }
    assert!(flat(&output.out).contains("first of these days are all there left: 6 right: 1"), "{}", output.out);
}
