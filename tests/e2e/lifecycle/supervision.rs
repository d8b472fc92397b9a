//! Supervisors: restarts, crash loops, and the blast radius of a fault.
//! Restarts that are part of a fault are in `deaths`.

use crate::harness::{Module, at, breaks, holds, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, NodeId, Sim, Supervisor};
use std::fs::{File, read_to_string};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// The first node of each scenario.
const FIRST: NodeId = NodeId(0);

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        backs_off,
        gives_up,
        ends_well_always,
        ends_well_on_failure,
        has_no_supervisor,
        outlives_a_kill,
        stops_when_asked,
        resumes_and_grows,
        resumes_and_grows_with_progress,
        resumes_and_grows_in_the_page_cache,
        panics_in_one_place,
        cascades,
        tolerates_the_loss,
    ];
    let trials = trials![
        delays_grow_and_stay_under_their_cap,
        a_supervisor_that_gives_up_leaves_the_process_down,
        only_an_always_supervisor_restarts_a_clean_end,
        a_process_without_a_supervisor_stays_down,
        a_process_that_a_fault_ended_is_started_once,
        a_stopped_process_is_not_restarted_by_its_supervisor,
        a_job_that_resumes_into_the_same_oom_kill_is_a_crash_loop,
        a_job_that_progresses_between_its_deaths_is_no_crash_loop,
        a_panic_in_the_same_place_is_a_crash_loop,
        a_service_that_dies_with_its_peer_breaks_blast_radius,
        a_service_that_a_fault_struck_may_die,
    ];
    Module::new(scenarios, trials)
}

fn kill(from: Duration) -> Injection {
    Injection { trigger: at(from), fault: Fault::kill(FIRST, secs(1)) }
}

fn for_ever() {
    sleep(secs(100_000));
}

/// Sleeps, and checks the ledger at the end.
fn after(sim: &mut Sim, wait: Duration, look: impl Fn() + Send + Sync + 'static) {
    let looked = sim.ledger::<&'static str>("looked");
    sim.client_main("client", move |_| {
        sleep(wait);
        look();
        looked.note("looked");
        0
    });
    sim.eventually("the client found all as it should be", wait + secs(30), move |_| !looked.is_empty());
}

// -- restarts

fn backs_off(sim: &mut Sim) {
    sim.turn_off("no-crash-loop");
    let starts = sim.ledger::<u64>("starts, in whole seconds");
    let worker = sim.node_main("worker", move |_| {
        starts.note(since_the_start().as_secs());
        1
    });
    sim.supervise(worker, Supervisor::on_failure().delay(secs(1)).backoff(2, secs(5)));
    after(sim, secs(20), move || {
        for second in [0, 1, 3, 7, 12, 17] {
            assert!(starts.contains(&second), "no start after {second} s");
        }
        assert_eq!(starts.len(), 6);
    });
}

/// The virtual time: the monotonic clock begins at one million seconds.
fn since_the_start() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    Duration::new(now.tv_sec as u64 - 1_000_000, now.tv_nsec as u32)
}

fn delays_grow_and_stay_under_their_cap() {
    holds("backs_off", &[]);
}

fn counted(sim: &mut Sim, supervisor: Option<Supervisor>, incarnations: u64, code: i32) {
    for invariant in ["no-crash-loop", "no-unprovoked-exit"] {
        sim.turn_off(invariant);
    }
    let seen = sim.ledger::<u16>("incarnations");
    let worker = sim.node_main("worker", move |node| {
        seen.note(node.incarnation());
        sleep(secs(1));
        code
    });
    if let Some(supervisor) = supervisor {
        sim.supervise(worker, supervisor);
    }
    after(sim, secs(20), move || assert_eq!(seen.len(), incarnations));
}

fn gives_up(sim: &mut Sim) {
    counted(sim, Some(Supervisor::on_failure().attempts(3)), 4, 1);
}

fn a_supervisor_that_gives_up_leaves_the_process_down() {
    holds("gives_up", &[]);
}

fn ends_well_always(sim: &mut Sim) {
    counted(sim, Some(Supervisor::always().delay(secs(3))), 5, 0);
}

fn ends_well_on_failure(sim: &mut Sim) {
    counted(sim, Some(Supervisor::on_failure()), 1, 0);
}

fn only_an_always_supervisor_restarts_a_clean_end() {
    holds("ends_well_always", &[]);
    holds("ends_well_on_failure", &[]);
}

fn has_no_supervisor(sim: &mut Sim) {
    counted(sim, None, 1, 1);
}

fn a_process_without_a_supervisor_stays_down() {
    holds("has_no_supervisor", &[]);
}

fn outlives_a_kill(sim: &mut Sim) {
    let incarnations = sim.ledger::<u16>("incarnations");
    let worker = sim.node_main("worker", move |node| {
        incarnations.note(node.incarnation());
        for_ever();
        0
    });
    sim.supervise(worker, Supervisor::always().delay(secs(3)));
    after(sim, secs(20), move || assert_eq!(incarnations.len(), 2));
}

fn a_process_that_a_fault_ended_is_started_once() {
    holds("outlives_a_kill", &[kill(secs(2))]);
}

fn stops_when_asked(sim: &mut Sim) {
    let starts = sim.ledger::<u64>("starts, in whole seconds");
    let worker = sim.node("worker", move |node| async move {
        starts.note(since_the_start().as_secs());
        node.stopping().await;
        Err("it does not like to be stopped".into())
    });
    sim.supervise(worker, Supervisor::always());
    after(sim, secs(20), move || assert!(starts.len() == 2 && starts.contains(&12)));
}

fn a_stopped_process_is_not_restarted_by_its_supervisor() {
    let fault = Fault::stop(FIRST, secs(5), secs(10));
    holds("stops_when_asked", &[Injection { trigger: at(secs(2)), fault }]);
}

// -- crash loops

/// A job that reads its progress, allocates memory for the remaining work, and is killed for that until little work remains.
fn job(sim: &mut Sim, step: fn(u64)) {
    let done = sim.ledger::<&'static str>("done");
    let worker = sim.node_main("worker", move |_| {
        let state: u64 = read_to_string("/state").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        if state == 0 {
            write(1, true);
        } else {
            step(state);
        }
        let mut parts = Vec::new();
        for _ in state..6 {
            parts.push(std::hint::black_box(vec![0_u8; 10 * MIB as usize]));
            sleep(Duration::from_millis(100));
        }
        done.note("done");
        for_ever();
        0
    });
    sim.memory_budget(worker, 32 * MIB);
    sim.supervise(worker, Supervisor::on_failure().backoff(2, secs(10)));
    after(sim, secs(30), move || assert!(!done.is_empty(), "the job comes to its end"));
}

fn write(state: u64, synced: bool) {
    let mut file = File::create("/state").expect("the disk works");
    file.write_all(state.to_string().as_bytes()).expect("the disk works");
    if synced {
        file.sync_all().expect("the disk works");
    }
}

fn resumes_and_grows(sim: &mut Sim) {
    job(sim, |_| {});
}

fn a_job_that_resumes_into_the_same_oom_kill_is_a_crash_loop() {
    let output = breaks("resumes_and_grows", &[], "no-crash-loop");
    let flat = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = "worker died out of memory 3 times in a row, with the same state on its disk each time";
    assert!(flat.contains(sentence), "{}", output.out);
    // A kill between two of its own deaths changes nothing.
    breaks("resumes_and_grows", &[kill(secs(4))], "no-crash-loop");
}

fn resumes_and_grows_with_progress(sim: &mut Sim) {
    job(sim, |state| write(state + 1, true));
}

fn resumes_and_grows_in_the_page_cache(sim: &mut Sim) {
    job(sim, |state| write(state + 1, false));
}

fn a_job_that_progresses_between_its_deaths_is_no_crash_loop() {
    holds("resumes_and_grows_with_progress", &[]);
    holds("resumes_and_grows_in_the_page_cache", &[]);
}

fn panics_in_one_place(sim: &mut Sim) {
    sim.turn_off("no-silent-panic");
    let worker = sim.node_main("worker", |_| panic!("on purpose"));
    sim.supervise(worker, Supervisor::on_failure());
    after(sim, secs(20), || {});
}

fn a_panic_in_the_same_place_is_a_crash_loop() {
    let output = breaks("panics_in_one_place", &[], "no-crash-loop");
    assert!(output.out.contains("worker died of a panic 3 times in a row"), "{}", output.out);
}

// -- blast radius

/// A store and a web server that keeps a connection to it.
fn peers(sim: &mut Sim, lost: fn() -> bool) {
    sim.node_main("store", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let streams: Vec<_> = listener.incoming().collect();
        drop(streams);
        0
    });
    sim.node_main("web-0", move |_| {
        loop {
            let Ok(mut stream) = TcpStream::connect("store:7000") else {
                sleep(Duration::from_millis(100));
                continue;
            };
            if stream.read(&mut [0]).is_err() && lost() {
                return 1;
            }
        }
    });
    after(sim, secs(10), || {});
}

fn cascades(sim: &mut Sim) {
    peers(sim, || true);
}

fn tolerates_the_loss(sim: &mut Sim) {
    peers(sim, || false);
}

fn a_service_that_dies_with_its_peer_breaks_blast_radius() {
    let output = breaks("cascades", &[kill(secs(2))], "blast-radius");
    assert!(
        output.out.contains("web-0 ended with exit code 1, although faults had struck only other nodes"),
        "{}",
        output.out
    );
    holds("tolerates_the_loss", &[kill(secs(2))]);
}

fn a_service_that_a_fault_struck_may_die() {
    let fault = Fault::one_way_partition(NodeId(1), FIRST, Duration::from_millis(10));
    holds("cascades", &[Injection { trigger: at(secs(1)), fault }, kill(secs(2))]);
}
