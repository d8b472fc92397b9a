//! Memory budgets: a node over its budget dies as by the OOM killer, and an absurd request is reported.
//! The size of runner processes is tested in `campaign::footprint`.

use crate::harness::{Module, at, breaks, campaign, cli, holds, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, NodeId, Sim, Supervisor};
use serde_json::Value;
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// The server is the first node.
const SERVER: NodeId = NodeId(0);

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        over_budget,
        within_budget,
        within_budget_elsewhere,
        frees_as_it_goes,
        grows_one_block,
        a_squeeze,
        an_absurd_request,
        an_absurd_growth,
        a_large_request_that_was_announced,
        a_long_path,
        a_long_name,
        a_path_that_just_fits,
        a_long_path_that_may_be,
        nothing_is_killed,
    ];
    let trials = trials![
        the_allocation_that_crosses_the_budget_ends_the_process_and_resets_its_peers,
        the_same_allocation_kills_in_every_replay,
        a_process_within_its_budget_survives,
        a_budget_applies_to_one_node,
        freed_memory_is_available_again,
        a_block_that_grows_counts_once,
        a_squeeze_kills_and_ends,
        an_absurd_request_is_reported_before_it_reaches_the_system,
        a_block_that_grows_absurdly_is_reported,
        a_declared_bound_replaces_the_default,
        a_path_longer_than_the_system_allows_is_reported,
        memory_figures_are_events_where_there_is_a_budget,
    ];
    Module::new(scenarios, trials)
}

/// Notes its drop.
struct NotesDrop(afterlife::Ledger<&'static str>);

impl Drop for NotesDrop {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

/// A server with 64 MiB that allocates one MiB after another, and its peer.
fn over_budget(sim: &mut Sim) {
    let taken = sim.ledger::<u64>("mebibytes taken");
    let dropped = sim.ledger::<&'static str>("dropped");
    let server = sim.node_main("server", move |_| {
        let _note = NotesDrop(dropped);
        std::fs::write("/page-cache", b"not synced").expect("the disk works");
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _stream = listener.accept().expect("somebody comes");
        let mut blocks = Vec::with_capacity(1_000);
        for number in 1.. {
            blocks.push(block(1));
            taken.note(number);
            sleep(Duration::from_millis(10));
        }
        0
    });
    sim.memory_budget(server, 64 * MIB);
    sim.known_issue("no-unprovoked-exit", &["server", "out of memory"]);
    sim.client_main("peer", move |_| {
        sleep(secs(1));
        let mut stream = TcpStream::connect("server:7000").expect("it listens");
        let error = stream.read(&mut [0]).expect_err("the server never sends");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        // All its other allocations are far smaller than one block.
        assert_eq!(taken.len(), 63);
        assert!(dropped.is_empty(), "an OOM kill runs no destructor");
        assert!(TcpStream::connect("server:7000").is_err(), "nobody is there any more");
        0
    });
    sim.eventually("both have ended", secs(20), |view| view.exits() == 2);
}

fn the_allocation_that_crosses_the_budget_ends_the_process_and_resets_its_peers() {
    holds("over_budget", &[]);
}

fn the_same_allocation_kills_in_every_replay() {
    let output = cli(&["check", "over_budget", "--pairs", "10"]);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}

/// Allocates this many MiB without touching them.
fn block(mib: u64) -> Vec<u8> {
    std::hint::black_box(vec![0; (mib * MIB) as usize])
}

fn takes(sim: &mut Sim, name: &str, mib: u64) -> afterlife::Group {
    sim.node_main(name, move |_| {
        let block = block(mib);
        sleep(secs(1));
        drop(block);
        0
    })
}

fn ends_well(sim: &mut Sim) {
    let ended = sim.ledger::<&'static str>("ended");
    sim.client_main("client", move |_| {
        sleep(secs(5));
        ended.note("well");
        0
    });
    sim.eventually("it is over", secs(20), move |_| !ended.is_empty());
}

fn within_budget(sim: &mut Sim) {
    let server = takes(sim, "server", 60);
    sim.memory_budget(server, 64 * MIB);
    sim.always("nobody is killed", |view| view.exits() == 0 || view.now() >= secs(1));
    ends_well(sim);
}

fn a_process_within_its_budget_survives() {
    holds("within_budget", &[]);
}

fn within_budget_elsewhere(sim: &mut Sim) {
    let server = takes(sim, "server", 60);
    takes(sim, "other", 200);
    sim.memory_budget(server, 64 * MIB);
    sim.always("nobody is killed", |view| view.exits() == 0 || view.now() >= secs(1));
    ends_well(sim);
}

fn a_budget_applies_to_one_node() {
    holds("within_budget_elsewhere", &[]);
}

fn frees_as_it_goes(sim: &mut Sim) {
    let server = sim.node_main("server", |_| {
        for _ in 0..100 {
            let (block, other) = (block(10), block(1));
            // Another thread of the node frees the block.
            let freed = std::thread::spawn(move || drop(block));
            freed.join().expect("it only frees");
            drop(other);
            sleep(Duration::from_millis(10));
        }
        0
    });
    sim.memory_budget(server, 16 * MIB);
    sim.always("nobody is killed", |view| view.exits() == 0 || view.now() >= secs(1));
    ends_well(sim);
}

fn freed_memory_is_available_again() {
    holds("frees_as_it_goes", &[]);
}

fn grows_one_block(sim: &mut Sim) {
    let server = sim.node_main("server", |_| {
        let mut block = Vec::new();
        for number in 0..30 {
            block.reserve_exact(MIB as usize);
            block.resize((number + 1) * MIB as usize, 0_u8);
            block.shrink_to_fit();
        }
        sleep(secs(1));
        drop(block);
        0
    });
    sim.memory_budget(server, 32 * MIB);
    sim.always("nobody is killed", |view| view.exits() == 0 || view.now() >= secs(1));
    ends_well(sim);
}

fn a_block_that_grows_counts_once() {
    holds("grows_one_block", &[]);
}

/// A server that repeatedly allocates 30 MiB for a moment.
fn a_squeeze(sim: &mut Sim) {
    let incarnations = sim.ledger::<u16>("incarnations");
    let done = sim.ledger::<(u16, u64)>("done");
    let server = sim.node_main("server", move |node| {
        incarnations.note(node.incarnation());
        for round in 0.. {
            drop(block(30));
            done.note((node.incarnation(), round));
            sleep(secs(1));
        }
        0
    });
    sim.supervise(server, Supervisor::on_failure().delay(secs(4)));
    sim.client_main("client", move |_| {
        sleep(secs(20));
        0
    });
    sim.eventually("the second incarnation goes on", secs(30), move |view| {
        incarnations.len() == 2
            && view.exits() == 2
            && done.contains(&(1, 1))
            && !done.contains(&(1, 2))
            && done.contains(&(2, 2))
    });
}

fn a_squeeze_kills_and_ends() {
    let squeeze = Fault::memory_pressure(SERVER, 20 * MIB, secs(3));
    holds("a_squeeze", &[Injection { trigger: at(Duration::from_millis(1_500)), fault: squeeze }]);
}

fn an_absurd_request(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let length = std::hint::black_box(1_usize << 45);
        i32::from(Vec::<u8>::new().try_reserve_exact(length).is_ok())
    });
}

fn an_absurd_request_is_reported_before_it_reaches_the_system() {
    let output = breaks("an_absurd_request", &[], "bounded-request");
    assert!(output.out.contains("client allocated 35184372088832 bytes at once"), "{}", output.out);
}

fn an_absurd_growth(sim: &mut Sim) {
    let client = sim.client_main("client", |_| {
        let mut block = vec![1_u8; MIB as usize];
        block.resize(std::hint::black_box(3 * MIB as usize), 1);
        drop(std::hint::black_box(block));
        0
    });
    sim.bound("bounded-request", 2 * MIB);
    sim.memory_budget(client, 100 * MIB);
}

fn a_block_that_grows_absurdly_is_reported() {
    let output = breaks("an_absurd_growth", &[], "bounded-request");
    assert!(output.out.contains("client allocated 3145728 bytes at once"), "{}", output.out);
}

fn a_large_request_that_was_announced(sim: &mut Sim) {
    sim.bound("bounded-request", 1 << 46);
    an_absurd_request(sim);
}

fn a_declared_bound_replaces_the_default() {
    // The system does not have this much. The program handles the failure.
    holds("a_large_request_that_was_announced", &[]);
}

/// Opens a path that does not exist.
fn opens(sim: &mut Sim, path: String) {
    sim.client_main("client", move |_| {
        let error = std::fs::File::open(&path).expect_err("it is not there").raw_os_error();
        let too_long = path.len() > 4_000 || path.len() == "/directory/".len() + 256;
        assert_eq!(error, Some(if too_long { libc::ENAMETOOLONG } else { libc::ENOENT }));
        0
    });
}

fn a_long_path(sim: &mut Sim) {
    opens(sim, "/directory".repeat(410));
}

fn a_long_name(sim: &mut Sim) {
    opens(sim, format!("/directory/{}", "a".repeat(256)));
}

fn a_path_that_just_fits(sim: &mut Sim) {
    opens(sim, format!("/directory/{}", "a".repeat(255)));
}

fn a_long_path_that_may_be(sim: &mut Sim) {
    sim.turn_off("bounded-request");
    a_long_path(sim);
}

fn a_path_longer_than_the_system_allows_is_reported() {
    let output = breaks("a_long_path", &[], "bounded-request");
    assert!(output.out.contains("client passed a path of 4100 bytes"), "{}", output.out);
    breaks("a_long_name", &[], "bounded-request");
    holds("a_path_that_just_fits", &[]);
    holds("a_long_path_that_may_be", &[]);
}

fn nothing_is_killed(sim: &mut Sim) {
    let server = takes(sim, "server", 60);
    sim.memory_budget(server, 64 * MIB);
    takes(sim, "other", 10);
    sim.always("one at most has ended", |view| view.exits() < 2);
}

fn memory_figures_are_events_where_there_is_a_budget() {
    let output = campaign("nothing_is_killed", "0..1");
    assert_eq!(output.code, 1, "{}{}", output.out, output.err);
    let path = output.finding()["path"].as_str().expect("a path").to_owned();
    let record = cli(&["show", &path, "--format", "json"]);
    let figures: Vec<Value> = record.lines().into_iter().filter(|line| !line["what"]["MemoryUsed"].is_null()).collect();
    let [of_the_server] = &figures[..] else { panic!("of the one with a budget and no other: {figures:?}") };
    assert_eq!(of_the_server["node"], SERVER.0);
    let peak = of_the_server["what"]["MemoryUsed"]["peak"].as_u64().expect("a number of bytes");
    assert!((60 * MIB..61 * MIB).contains(&peak), "{peak} bytes");
}
