//! The table of deaths, row by row: destructors, the peer's pending read, next write and next connect, and the disk that the
//! next incarnation finds. Other effects of deaths are in `deaths`.

use crate::harness::{Module, at, holds, scenario, scenarios, trial, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, Node, NodeId, Sim, Supervisor};
use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::thread::sleep;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
const SERVER: NodeId = NodeId(0);

/// The result of the peer's pending read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PeerRead {
    Fin,
    Reset,
    Nothing,
    Late,
}

/// The result of a connect while the process is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Refused,
    Taken,
    Silence,
}

/// The remains of a file that was never synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cached {
    Kept,
    Lost,
}

struct Row {
    name: &'static str,
    test: &'static str,
    script: fn(&mut Sim),
    /// The end that the process chooses itself, two seconds after its start.
    end: fn(Node) -> i32,
    /// The fault that strikes it at that time.
    fault: Option<fn() -> Fault>,
    /// True if destructors of locals run; true if those of thread-locals run.
    destructors: [bool; 2],
    read: PeerRead,
    /// True if a second write after the end fails.
    write_fails: bool,
    connect: Answer,
    cached: Cached,
}

const ROW: Row = Row {
    name: "",
    test: "",
    script: |_| {},
    end: for_ever,
    fault: None,
    destructors: [false, false],
    read: PeerRead::Reset,
    write_fails: true,
    connect: Answer::Refused,
    cached: Cached::Kept,
};

const DOWN_NS: u64 = 11_000_000_000;

const ROWS: [Row; 14] = [
    Row {
        name: "row_returns",
        test: "a_return_runs_destructors_and_sends_fin",
        script: |sim| dies(sim, 0),
        end: |_| 3,
        destructors: [true, true],
        read: PeerRead::Fin,
        ..ROW
    },
    Row {
        name: "row_exits",
        test: "an_exit_runs_destructors_of_thread_locals_and_sends_fin",
        script: |sim| dies(sim, 1),
        end: |_| std::process::exit(3),
        destructors: [false, true],
        read: PeerRead::Fin,
        ..ROW
    },
    Row {
        name: "row_exits_in_a_thread",
        test: "an_exit_in_another_thread_ends_the_process",
        script: |sim| dies(sim, 2),
        end: |node| in_a_thread(node, || std::process::exit(3)),
        read: PeerRead::Fin,
        ..ROW
    },
    Row {
        name: "row_panics",
        test: "a_panic_in_main_unwinds_and_sends_fin",
        script: |sim| dies(sim, 3),
        end: |_| panic!("on purpose"),
        destructors: [true, true],
        read: PeerRead::Fin,
        ..ROW
    },
    Row {
        name: "row_panics_while_it_panics",
        test: "a_panic_during_unwinding_aborts",
        script: |sim| dies(sim, 4),
        end: |_| {
            let _bomb = Bomb;
            panic!("on purpose")
        },
        ..ROW
    },
    Row {
        name: "row_aborts",
        test: "an_abort_runs_nothing_and_resets",
        script: |sim| dies(sim, 5),
        end: |_| std::process::abort(),
        ..ROW
    },
    Row {
        name: "row_aborts_in_a_thread",
        test: "an_abort_in_another_thread_ends_the_process",
        script: |sim| dies(sim, 6),
        end: |node| in_a_thread(node, || std::process::abort()),
        ..ROW
    },
    Row {
        name: "row_stops",
        test: "a_stop_within_its_budget_is_a_clean_end",
        script: |sim| dies(sim, 7),
        end: until_asked,
        fault: Some(|| Fault::stop(SERVER, Duration::from_secs(1), Duration::from_nanos(DOWN_NS))),
        destructors: [true, true],
        read: PeerRead::Fin,
        ..ROW
    },
    Row {
        name: "row_overruns",
        test: "a_stop_over_its_budget_is_a_kill",
        script: |sim| dies(sim, 8),
        fault: Some(|| Fault::stop(SERVER, Duration::from_secs(1), Duration::from_nanos(DOWN_NS))),
        ..ROW
    },
    Row {
        name: "row_is_killed",
        test: "a_kill_runs_nothing_and_resets",
        script: |sim| dies(sim, 9),
        fault: Some(|| Fault::kill(SERVER, Duration::from_nanos(DOWN_NS))),
        ..ROW
    },
    Row {
        name: "row_runs_out_of_memory",
        test: "an_oom_kill_runs_nothing_and_resets",
        script: |sim| dies(sim, 10),
        end: |_| {
            let block = std::hint::black_box(vec![0_u8; 100 * MIB as usize]);
            block.len() as i32
        },
        ..ROW
    },
    Row {
        name: "row_is_signalled",
        test: "a_signal_without_a_handler_runs_nothing_and_resets",
        script: |sim| dies(sim, 11),
        end: |_| {
            // SAFETY: it takes a number.
            unsafe { libc::raise(libc::SIGUSR1) }
        },
        ..ROW
    },
    Row {
        name: "row_loses_power",
        test: "a_power_loss_is_silent_and_loses_unsynced_data",
        script: |sim| dies(sim, 12),
        fault: Some(|| Fault::power_loss(SERVER, Duration::from_nanos(DOWN_NS))),
        read: PeerRead::Nothing,
        write_fails: false,
        connect: Answer::Silence,
        cached: Cached::Lost,
        ..ROW
    },
    Row {
        name: "row_is_paused",
        test: "a_pause_is_silent_and_everything_comes_late",
        script: |sim| dies(sim, 13),
        end: |_| {
            // Expires in the middle of the pause.
            sleep(secs(3));
            for_ever_with_a_word()
        },
        fault: Some(|| Fault::pause(SERVER, Duration::from_secs(6))),
        read: PeerRead::Late,
        write_fails: false,
        connect: Answer::Taken,
        ..ROW
    },
];

pub(crate) fn module() -> Module {
    let mut scenarios: Vec<_> = ROWS.iter().map(|row| scenario(row.name, row.script)).collect();
    scenarios.extend(scenarios![a_panic_in_another_thread]);
    const TESTS: [fn(); ROWS.len()] = [
        || row(0),
        || row(1),
        || row(2),
        || row(3),
        || row(4),
        || row(5),
        || row(6),
        || row(7),
        || row(8),
        || row(9),
        || row(10),
        || row(11),
        || row(12),
        || row(13),
    ];
    let mut trials: Vec<_> = ROWS.iter().zip(TESTS).map(|(row, test)| trial(row.test, test)).collect();
    trials.extend(trials![a_panic_in_another_thread_ends_that_thread_alone]);
    Module::new(scenarios, trials)
}

/// Runs a row: its fault, unless the process ends by itself, and a restart of the process.
fn row(index: usize) {
    let row = &ROWS[index];
    let again = Injection { trigger: at(secs(12)), fault: Fault::kill(SERVER, secs(1)) };
    let struck = row.fault.map(|fault| Injection { trigger: at(secs(2)), fault: fault() });
    // A supervisor restarts a process that ends by itself, and a fault's downtime one that it ends.
    let is_paused = row.fault.is_some_and(|fault| fault() == Fault::pause(SERVER, Duration::from_secs(6)));
    let plan: Vec<Injection> = struck.into_iter().chain(is_paused.then_some(again)).collect();
    holds(row.name, &plan);
}

struct Noted(&'static str, afterlife::Ledger<&'static str>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.1.note(self.0);
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("once more")
    }
}

thread_local! {
    static LOCAL: Cell<Option<Noted>> = const { Cell::new(None) };
    /// A server's connection whose destructor sends one more byte.
    static STREAM: Cell<Option<TcpStream>> = const { Cell::new(None) };
}

fn for_ever(_: Node) -> i32 {
    sleep(secs(100_000));
    0
}

fn for_ever_with_a_word() -> i32 {
    let mut stream = STREAM.take().expect("it was put there");
    stream.write_all(b"!").expect("the peer waits");
    sleep(secs(100_000));
    0
}

fn in_a_thread(node: Node, end: fn()) -> i32 {
    std::thread::spawn(end);
    for_ever(node)
}

fn until_asked(node: Node) -> i32 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a node makes runtimes as it likes").block_on(node.stopping());
    0
}

/// A server that dies in its first incarnation and checks the disk in its second, and its peer.
fn dies(sim: &mut Sim, index: usize) {
    for invariant in ["no-silent-panic", "no-unprovoked-exit", "bounded-shutdown", "bounded-request"] {
        sim.turn_off(invariant);
    }
    let dropped = sim.ledger::<&'static str>("dropped");
    let found = sim.ledger::<&'static str>("found");
    let server = sim.node_main("server", move |node| {
        let cached = vec![7_u8; 256 << 10];
        if node.incarnation() > 1 {
            let synced = std::fs::read("/data/synced").is_ok_and(|bytes| bytes == b"synced");
            let kept = std::fs::read("/data/cached").is_ok_and(|bytes| bytes == cached);
            found.note(if synced { "synced" } else { "no synced" });
            found.note(if kept { "cached" } else { "no cached" });
            return for_ever(node);
        }
        prepare(&cached);
        let _local = Noted("a local", dropped);
        LOCAL.set(Some(Noted("a thread-local", dropped)));
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (stream, _) = listener.accept().expect("somebody comes");
        if ROWS[index].read == PeerRead::Late {
            STREAM.set(Some(stream.try_clone().expect("there are descriptors")));
        }
        if ROWS[index].fault.is_none() {
            sleep(secs(2));
        }
        (ROWS[index].end)(node)
    });
    sim.memory_budget(server, 32 * MIB);
    if ROWS[index].fault.is_none() {
        sim.supervise(server, Supervisor::always().delay(secs(11)));
    }
    sim.client_main("peer", move |_| {
        let mut stream = loop {
            match TcpStream::connect("server:7000") {
                Ok(stream) => break stream,
                Err(_) => sleep(Duration::from_millis(10)),
            }
        };
        let row = &ROWS[index];
        // A pause is observed while it lasts.
        let connect_first = row.read == PeerRead::Late;
        if connect_first {
            sleep(secs(4));
            assert_eq!(connect(), row.connect);
        }
        let begun = Instant::now();
        assert_eq!(read(&mut stream), row.read);
        assert!(begun.elapsed() > secs(1), "the read was blocked");
        let first = stream.write(b"?");
        sleep(Duration::from_millis(500));
        let second = stream.write(b"?");
        assert_eq!(second.is_err(), row.write_fails, "after {first:?}: {second:?}");
        if !connect_first {
            assert_eq!(connect(), row.connect);
        }
        let ran = [dropped.contains(&"a local"), dropped.contains(&"a thread-local")];
        assert_eq!(ran, row.destructors);
        sleep(secs(20));
        assert!(found.contains(&"synced") && found.len() == 2, "the next incarnation checked the disk");
        assert_eq!(found.contains(&"cached"), row.cached == Cached::Kept);
        found.note("all as it should be");
        0
    });
    // Needed where a panic is expected: a panic of the peer would go unnoticed.
    sim.eventually("the peer found all as it should be", secs(60), move |_| found.contains(&"all as it should be"));
}

fn prepare(cached: &[u8]) {
    std::fs::create_dir_all("/data").expect("the disk is empty");
    let mut file = File::create("/data/synced").expect("the directory is there");
    file.write_all(b"synced").and_then(|()| file.sync_all()).expect("the disk works");
    for directory in ["/data", "/"] {
        File::open(directory).and_then(|file| file.sync_all()).expect("the disk works");
    }
    std::fs::write("/data/cached", cached).expect("the disk works");
}

fn read(stream: &mut TcpStream) -> PeerRead {
    stream.set_read_timeout(Some(secs(6))).expect("it is a duration");
    match stream.read(&mut [0]).map_err(|error| error.kind()) {
        Ok(0) => PeerRead::Fin,
        Ok(_) => PeerRead::Late,
        Err(ErrorKind::ConnectionReset) => PeerRead::Reset,
        Err(ErrorKind::WouldBlock) => PeerRead::Nothing,
        other => panic!("a death looks like this: {other:?}"),
    }
}

fn connect() -> Answer {
    let address = "server:7000".to_socket_addrs().expect("names outlive processes").next().expect("it has one");
    match TcpStream::connect_timeout(&address, secs(1)).map_err(|error| error.kind()) {
        Ok(_) => Answer::Taken,
        Err(ErrorKind::ConnectionRefused) => Answer::Refused,
        Err(ErrorKind::TimedOut) => Answer::Silence,
        other => panic!("a connect looks like this: {other:?}"),
    }
}

/// A process whose thread panics continues, as on Linux. `no-silent-panic` reports the panic.
fn a_panic_in_another_thread(sim: &mut Sim) {
    sim.turn_off("no-silent-panic");
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let joined = std::thread::spawn(|| panic!("on purpose")).join();
        assert!(joined.is_err(), "the join returns the panic");
        for stream in listener.incoming() {
            stream.and_then(|mut stream| stream.write_all(b"!")).expect("somebody comes");
        }
        0
    });
    let served = sim.ledger::<&'static str>("served");
    sim.client_main("client", move |_| {
        sleep(secs(2));
        let mut stream = TcpStream::connect("server:7000").expect("it goes on");
        stream.read_exact(&mut [0]).expect("it serves");
        served.note("served");
        0
    });
    sim.eventually("the process goes on", secs(9), move |view| !served.is_empty() && view.exits() == 1);
}

fn a_panic_in_another_thread_ends_that_thread_alone() {
    holds("a_panic_in_another_thread", &[]);
}
