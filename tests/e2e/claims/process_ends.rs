//! Invariants about the end of a run's own process: `no-crash` and `no-unsupported-call` can be turned off and have known issues.

use crate::harness::{Module, campaign, campaign_holds, scenarios, signature, trials};
use afterlife::Sim;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        dies_of_a_segmentation_fault,
        dies_with_the_invariant_off,
        dies_of_a_known_issue,
        dies_behind_another_known_issue,
        makes_an_unsupported_call,
        makes_an_unsupported_call_with_the_invariant_off,
        makes_a_known_unsupported_call,
        leaks_a_known_thread,
    ];
    let trials = trials![
        a_segmentation_fault_breaks_no_crash,
        a_crash_that_is_off_or_known_is_no_finding,
        an_unsupported_call_breaks_its_invariant,
        an_unsupported_call_that_is_off_or_known_is_no_finding,
        a_known_leak_is_no_finding,
    ];
    Module::new(scenarios, trials)
}

fn dies_of_a_segmentation_fault(sim: &mut Sim) {
    sim.node_main("server-0", |_| {
        std::thread::sleep(Duration::from_secs(1));
        // SAFETY: none: this write is meant to kill the run.
        unsafe { std::ptr::without_provenance_mut::<u8>(std::hint::black_box(8)).write_volatile(1) };
        0
    });
    sim.client_main("client", |_| {
        std::thread::sleep(Duration::from_secs(2));
        0
    });
}

fn dies_with_the_invariant_off(sim: &mut Sim) {
    sim.turn_off("no-crash");
    dies_of_a_segmentation_fault(sim);
}

fn dies_of_a_known_issue(sim: &mut Sim) {
    sim.known_issue("no-crash", &["SIGSEGV", "server"]);
    dies_of_a_segmentation_fault(sim);
}

fn dies_behind_another_known_issue(sim: &mut Sim) {
    sim.known_issue("no-crash", &["SIGSEGV", "proxy"]);
    dies_of_a_segmentation_fault(sim);
}

fn a_segmentation_fault_breaks_no_crash() {
    assert_eq!(signature("dies_of_a_segmentation_fault"), "no-crash · SIGSEGV · server");
    assert_eq!(signature("dies_behind_another_known_issue"), "no-crash · SIGSEGV · server");
}

fn a_crash_that_is_off_or_known_is_no_finding() {
    campaign_holds("dies_with_the_invariant_off");
    campaign_holds("dies_of_a_known_issue");
}

fn makes_an_unsupported_call(sim: &mut Sim) {
    sim.client_main("client", |_| {
        // SAFETY: both strings are NUL-terminated.
        let file = unsafe { libc::fopen(c"/data".as_ptr(), c"r".as_ptr()) };
        i32::from(file.is_null())
    });
}

fn makes_an_unsupported_call_with_the_invariant_off(sim: &mut Sim) {
    sim.turn_off("no-unsupported-call");
    makes_an_unsupported_call(sim);
}

fn makes_a_known_unsupported_call(sim: &mut Sim) {
    sim.known_issue("no-unsupported-call", &["fopen"]);
    makes_an_unsupported_call(sim);
}

fn an_unsupported_call_breaks_its_invariant() {
    assert!(signature("makes_an_unsupported_call").starts_with("no-unsupported-call · fopen"));
}

fn an_unsupported_call_that_is_off_or_known_is_no_finding() {
    campaign_holds("makes_an_unsupported_call_with_the_invariant_off");
    campaign_holds("makes_a_known_unsupported_call");
}

/// The leaks of a service are judged after the run, too.
fn leaks_a_known_thread(sim: &mut Sim) {
    sim.known_issue("nothing-left", &["thread", "process_ends.rs"]);
    sim.node_main("server", |_| {
        std::thread::spawn(|| std::thread::sleep(Duration::from_secs(60)));
        0
    });
    sim.client_main("client", |_| {
        std::thread::sleep(Duration::from_secs(2));
        0
    });
}

fn a_known_leak_is_no_finding() {
    let output = campaign("leaks_a_known_thread", "3");
    assert_eq!((output.code, output.findings().len()), (0, 0), "{output:?}");
}
