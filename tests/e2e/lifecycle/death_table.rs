//! The table of deaths, row by row, at both ends of a connection and on the disk: what the dying end's destructors did, what
//! its peer's read, next write and next connect saw, and what the next life found. What else deaths do is in `deaths`.

use crate::harness::{Module, at, holds, scenario, scenarios, trial, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, Node, NodeId, Sim};
use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::thread::sleep;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
const SERVER: NodeId = NodeId(0);

/// What the peer's blocked read comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Goodbye,
    Reset,
    Nothing,
    Late,
}

/// What a connect to it comes to while it is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Refused,
    Taken,
    Silence,
}

/// What is left of a file that nobody synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cached {
    Kept,
    Lost,
}

struct Row {
    name: &'static str,
    test: &'static str,
    script: fn(&mut Sim),
    /// How it ends by itself, two seconds after its start.
    end: fn(Node) -> i32,
    /// What is done to it then.
    fault: Option<fn() -> Fault>,
    /// Whether destructors of locals run, and those of thread-locals.
    destructors: [bool; 2],
    read: Told,
    /// Whether a second write after the end fails.
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
    read: Told::Reset,
    write_fails: true,
    connect: Answer::Refused,
    cached: Cached::Kept,
};

const DOWN_NS: u64 = 11_000_000_000;

const ROWS: [Row; 14] = [
    Row {
        name: "row_returns",
        test: "a_return_runs_destructors_and_says_goodbye",
        script: |sim| life(sim, 0),
        end: |_| 3,
        destructors: [true, true],
        read: Told::Goodbye,
        ..ROW
    },
    Row {
        name: "row_exits",
        test: "an_exit_runs_destructors_of_thread_locals_and_says_goodbye",
        script: |sim| life(sim, 1),
        end: |_| std::process::exit(3),
        destructors: [false, true],
        read: Told::Goodbye,
        ..ROW
    },
    Row {
        name: "row_exits_in_a_thread",
        test: "an_exit_in_another_thread_ends_the_process",
        script: |sim| life(sim, 2),
        end: |node| in_a_thread(node, || std::process::exit(3)),
        read: Told::Goodbye,
        ..ROW
    },
    Row {
        name: "row_panics",
        test: "a_panic_in_main_unwinds_and_says_goodbye",
        script: |sim| life(sim, 3),
        end: |_| panic!("on purpose"),
        destructors: [true, true],
        read: Told::Goodbye,
        ..ROW
    },
    Row {
        name: "row_panics_while_it_panics",
        test: "a_panic_in_a_destructor_of_a_panic_aborts",
        script: |sim| life(sim, 4),
        end: |_| {
            let _bomb = Bomb;
            panic!("on purpose")
        },
        ..ROW
    },
    Row {
        name: "row_aborts",
        test: "an_abort_runs_nothing_and_resets",
        script: |sim| life(sim, 5),
        end: |_| std::process::abort(),
        ..ROW
    },
    Row {
        name: "row_aborts_in_a_thread",
        test: "an_abort_in_another_thread_ends_the_process",
        script: |sim| life(sim, 6),
        end: |node| in_a_thread(node, || std::process::abort()),
        ..ROW
    },
    Row {
        name: "row_stops",
        test: "a_stop_within_its_budget_is_a_good_end",
        script: |sim| life(sim, 7),
        end: until_asked,
        fault: Some(|| Fault::stop(SERVER, Duration::from_secs(1), Duration::from_nanos(DOWN_NS))),
        destructors: [true, true],
        read: Told::Goodbye,
        ..ROW
    },
    Row {
        name: "row_overruns",
        test: "a_stop_over_its_budget_is_a_kill",
        script: |sim| life(sim, 8),
        fault: Some(|| Fault::stop(SERVER, Duration::from_secs(1), Duration::from_nanos(DOWN_NS))),
        ..ROW
    },
    Row {
        name: "row_is_killed",
        test: "a_kill_runs_nothing_and_resets",
        script: |sim| life(sim, 9),
        fault: Some(|| Fault::kill(SERVER, Duration::from_nanos(DOWN_NS))),
        ..ROW
    },
    Row {
        name: "row_runs_out_of_memory",
        test: "an_oom_kill_runs_nothing_and_resets",
        script: |sim| life(sim, 10),
        end: |_| {
            let block = std::hint::black_box(vec![0_u8; 100 * MIB as usize]);
            block.len() as i32
        },
        ..ROW
    },
    Row {
        name: "row_is_signalled",
        test: "a_signal_without_a_handler_runs_nothing_and_resets",
        script: |sim| life(sim, 11),
        end: |_| {
            // SAFETY: it takes a number.
            unsafe { libc::raise(libc::SIGUSR1) }
        },
        ..ROW
    },
    Row {
        name: "row_loses_power",
        test: "a_power_loss_is_silence_and_forgets_what_was_not_synced",
        script: |sim| life(sim, 12),
        fault: Some(|| Fault::power_loss(SERVER, Duration::from_nanos(DOWN_NS))),
        read: Told::Nothing,
        write_fails: false,
        connect: Answer::Silence,
        cached: Cached::Lost,
        ..ROW
    },
    Row {
        name: "row_is_paused",
        test: "a_pause_is_silence_and_then_late",
        script: |sim| life(sim, 13),
        end: |_| {
            // Due in the middle of the pause.
            sleep(secs(3));
            for_ever_with_a_word()
        },
        fault: Some(|| Fault::pause(SERVER, Duration::from_secs(6))),
        read: Told::Late,
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

/// Carries out a row: its fault, if it does not end by itself, and whatever starts it again.
fn row(index: usize) {
    let row = &ROWS[index];
    let again = Injection { trigger: at(secs(12)), fault: Fault::kill(SERVER, secs(1)) };
    let struck = row.fault.map(|fault| Injection { trigger: at(secs(2)), fault: fault() });
    let comes_back = row.fault.is_some_and(|fault| fault() != Fault::pause(SERVER, Duration::from_secs(6)));
    let plan: Vec<Injection> = struck.into_iter().chain((!comes_back).then_some(again)).collect();
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
    /// The connection of a server that still has a word to say.
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

/// A server that dies in its first life and looks around in the second, and its peer.
fn life(sim: &mut Sim, index: usize) {
    for invariant in ["no-silent-panic", "bounded-shutdown", "bounded-request"] {
        sim.without(invariant);
    }
    let dropped = sim.ledger::<&'static str>("dropped");
    let found = sim.ledger::<&'static str>("found");
    let server = sim.program("server", move |node| {
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
        if ROWS[index].read == Told::Late {
            STREAM.set(Some(stream.try_clone().expect("there are descriptors")));
        }
        if ROWS[index].fault.is_none() {
            sleep(secs(2));
        }
        (ROWS[index].end)(node)
    });
    sim.memory(server, 32 * MIB);
    sim.client_program("peer", move |_| {
        let mut stream = loop {
            match TcpStream::connect("server:7000") {
                Ok(stream) => break stream,
                Err(_) => sleep(Duration::from_millis(10)),
            }
        };
        let row = &ROWS[index];
        // A pause is looked at while it lasts.
        let connect_first = row.read == Told::Late;
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
        assert!(found.contains(&"synced") && found.len() == 2, "the next life looked around");
        assert_eq!(found.contains(&"cached"), row.cached == Cached::Kept);
        found.note("all as it should be");
        0
    });
    // Also where panics are expected, and the peer's own would not be seen.
    sim.eventually("the peer found all as it should be", secs(60), move |_| found.contains(&"all as it should be"));
}

fn prepare(cached: &[u8]) {
    std::fs::create_dir_all("/data").expect("the disk is empty");
    let mut file = File::create("/data/synced").expect("the directory is there");
    file.write_all(b"synced").and_then(|()| file.sync_all()).expect("the disk works");
    for directory in ["/data", "/"] {
        File::open(directory).and_then(|it| it.sync_all()).expect("the disk works");
    }
    std::fs::write("/data/cached", cached).expect("the disk works");
}

fn read(stream: &mut TcpStream) -> Told {
    stream.set_read_timeout(Some(secs(6))).expect("it is a duration");
    match stream.read(&mut [0]).map_err(|error| error.kind()) {
        Ok(0) => Told::Goodbye,
        Ok(_) => Told::Late,
        Err(ErrorKind::ConnectionReset) => Told::Reset,
        Err(ErrorKind::WouldBlock) => Told::Nothing,
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

/// A process whose thread panics goes on, as on Linux; that it panicked is another claim.
fn a_panic_in_another_thread(sim: &mut Sim) {
    sim.without("no-silent-panic");
    sim.program("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let joined = std::thread::spawn(|| panic!("on purpose")).join();
        assert!(joined.is_err(), "who joins it is told");
        for stream in listener.incoming() {
            stream.and_then(|mut it| it.write_all(b"!")).expect("somebody comes");
        }
        0
    });
    let served = sim.ledger::<&'static str>("served");
    sim.client_program("client", move |_| {
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
