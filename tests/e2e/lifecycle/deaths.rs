//! Every death of a process, observed by its peer, on its disk, and in the code that runs afterwards: none.
//! Deaths of the whole run, by a real signal, are in `campaign::crashes`.

use crate::harness::{Module, at, breaks, holds, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, Ledger, Node, NodeId, Sim, Supervisor};
use std::cell::Cell;
use std::fs::{File, create_dir_all, read_to_string};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

/// The server is the first node.
const SERVER: NodeId = NodeId(0);

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        returns,
        exits,
        exits_again_and_again,
        ends_before_a_start,
        aborts,
        panics,
        stops,
        overruns,
        is_killed,
        loses_power,
        a_panic_in_a_task,
        a_panic_in_a_thread,
        a_panic_that_is_caught,
        an_asynchronous_service,
        an_error_that_main_returns,
    ];
    let trials = trials![
        a_returning_main_sends_fin_and_runs_destructors,
        an_exit_sends_fin_and_drops_thread_locals,
        every_incarnation_of_every_node_may_exit,
        a_process_starts_while_detached_threads_end,
        an_abort_resets_and_runs_no_destructor,
        a_panicking_main_sends_fin_and_unwinds,
        a_stop_within_its_budget_sends_fin_and_runs_destructors,
        a_stop_over_its_budget_is_a_kill,
        a_stop_over_its_budget_breaks_bounded_shutdown,
        a_kill_resets_and_runs_no_destructor,
        a_power_loss_is_silent_and_runs_no_destructor,
        a_panic_in_a_task_that_nobody_joins_fails_the_run,
        a_panic_in_a_thread_that_nobody_joins_fails_the_run,
        a_caught_panic_fails_the_run_too,
        a_killed_service_leaves_no_timer_task_or_thread_behind,
        an_error_from_main_ends_the_process,
    ];
    Module::new(scenarios, trials)
}

// -- one incarnation and its remains

/// The expected remains of an incarnation.
struct Left {
    /// The result of the peer's read.
    peer: &'static str,
    /// True if locals of main are dropped.
    locals: bool,
    /// True if thread-locals of the main thread are dropped.
    thread_locals: bool,
}

const NOTHING: Left = Left { peer: "reset", locals: false, thread_locals: false };

/// Notes its drop.
struct NotesDrop(&'static str, Ledger<&'static str>);

impl Drop for NotesDrop {
    fn drop(&mut self) {
        self.1.note(self.0);
    }
}

thread_local! {
    static INCARNATIONS_SEEN: Cell<u32> = const { Cell::new(0) };
    static LOCAL: Cell<Option<NotesDrop>> = const { Cell::new(None) };
}

/// A server that ends its first incarnation in this way and checks the remains in the next; and its peer.
fn dies(sim: &mut Sim, left: Left, end: fn(Node) -> i32) {
    let beats = sim.ledger::<u64>("beats of the first incarnation");
    let dropped = sim.ledger::<&'static str>("dropped");
    let second = sim.ledger::<u64>("beats when the second incarnation began");
    let content = sim.ledger::<&str>("content");
    // The second thread beats until the death ends it, which is the subject of these tests.
    sim.turn_off("nothing-left");
    // Most of these deaths come without a fault.
    sim.turn_off("no-unprovoked-exit");
    let server = sim.node_main("server", move |node| {
        assert_eq!(INCARNATIONS_SEEN.replace(1), 0, "a thread-local of an earlier incarnation");
        if node.incarnation() > 1 {
            second.note(beats.len());
            assert_eq!(read_to_string("/data/synced").expect("a death forgets no synced file"), "synced");
            let _taken_again = TcpListener::bind("0.0.0.0:7000").expect("a dead process holds no port");
            sleep(secs(1_000));
            return 0;
        }
        create_dir_all("/data").expect("the disk is empty");
        let mut file = File::create("/data/synced").expect("the directory is there");
        file.write_all(b"synced").and_then(|()| file.sync_all()).expect("the disk works");
        for directory in ["/data", "/"] {
            File::open(directory).and_then(|file| file.sync_all()).expect("the disk works");
        }
        let _local = NotesDrop("a local", dropped);
        LOCAL.set(Some(NotesDrop("a thread-local", dropped)));
        std::thread::spawn(move || {
            let _local = NotesDrop("a local of another thread", dropped);
            for beat in 0.. {
                beats.note(beat);
                sleep(Duration::from_millis(100));
            }
        });
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _stream = listener.accept().expect("somebody comes");
        end(node)
    });
    // A fault that ends the process has a restart of its own.
    sim.supervise(server, Supervisor::always().delay(secs(9)));
    sim.client_main("peer", move |_| {
        let mut stream = loop {
            match TcpStream::connect("server:7000") {
                Ok(stream) => break stream,
                Err(_) => sleep(Duration::from_millis(10)),
            }
        };
        stream.set_read_timeout(Some(secs(9))).expect("it is a duration");
        let end = match stream.read(&mut [0]).map_err(|error| error.kind()) {
            Ok(0) => "fin",
            Err(ErrorKind::ConnectionReset) => "reset",
            Err(ErrorKind::WouldBlock) => "silence",
            other => panic!("a death looks like this: {other:?}"),
        };
        assert_eq!(end, left.peer);
        sleep(secs(20));
        assert!(second.len() == 1 && second.contains(&beats.len()), "the first incarnation goes on in the second");
        assert!(beats.len() >= 9);
        assert_eq!(dropped.contains(&"a local"), left.locals);
        assert_eq!(dropped.contains(&"a thread-local"), left.thread_locals);
        assert!(!dropped.contains(&"a local of another thread"), "the end of a process unwinds no other thread");
        content.note("the peer");
        0
    });
    // Needed where a panic is expected: a panic of the peer would go unnoticed.
    sim.eventually("the peer found all as it should be", secs(60), move |_| !content.is_empty());
}

fn for_ever(_: Node) -> i32 {
    sleep(secs(100_000));
    0
}

fn struck_by(fault: Fault) -> [Injection; 1] {
    [Injection { trigger: at(secs(2)), fault }]
}

fn returns(sim: &mut Sim) {
    dies(sim, Left { peer: "fin", locals: true, thread_locals: true }, |_| {
        sleep(secs(2));
        4
    });
}

fn a_returning_main_sends_fin_and_runs_destructors() {
    holds("returns", &[]);
}

fn exits(sim: &mut Sim) {
    dies(sim, Left { peer: "fin", locals: false, thread_locals: true }, |_| {
        sleep(secs(2));
        std::process::exit(3)
    });
}

fn an_exit_sends_fin_and_drops_thread_locals() {
    holds("exits", &[]);
}

/// In a real process std lets one thread exit and blocks all others for good. Here each incarnation is a process of its own.
fn exits_again_and_again(sim: &mut Sim) {
    let exits = sim.ledger::<(u64, u64)>("exits");
    let servers = sim.nodes("server", 2, move |node| async move {
        exits.note((node.index() as u64, u64::from(node.incarnation())));
        std::process::exit(3)
    });
    sim.supervise(servers, Supervisor::on_failure().delay(secs(1)).attempts(4));
    for invariant in ["no-crash-loop", "no-unprovoked-exit"] {
        sim.turn_off(invariant);
    }
    sim.client("clock", |_| async {
        tokio::time::sleep(secs(20)).await;
        Ok(())
    });
    sim.eventually("both nodes exit five times", secs(20), move |_| exits.len() == 10);
}

fn every_incarnation_of_every_node_may_exit() {
    holds("exits_again_and_again", &[]);
}

/// Detached threads end while nothing else happens, so that each picks the next fiber on its own stack and finds a process
/// to start.
fn ends_before_a_start(sim: &mut Sim) {
    sim.node_main("server", for_ever);
    sim.client_main("client", |_| {
        for tenths in 1..40 {
            drop(std::thread::spawn(move || sleep(Duration::from_millis(100 * tenths))));
        }
        sleep(secs(8));
        0
    });
}

fn a_process_starts_while_detached_threads_end() {
    let kill = |tenths: u64| Injection {
        trigger: at(Duration::from_millis(100 * tenths + 20)),
        fault: Fault::kill(SERVER, Duration::from_millis(130)),
    };
    holds("ends_before_a_start", &[3, 7, 11, 15, 19, 23].map(kill));
}

fn aborts(sim: &mut Sim) {
    dies(sim, NOTHING, |_| {
        sleep(secs(2));
        std::process::abort()
    });
}

fn an_abort_resets_and_runs_no_destructor() {
    holds("aborts", &[]);
}

fn panics(sim: &mut Sim) {
    sim.turn_off("no-silent-panic");
    dies(sim, Left { peer: "fin", locals: true, thread_locals: true }, |_| {
        sleep(secs(2));
        panic!("on purpose")
    });
}

fn a_panicking_main_sends_fin_and_unwinds() {
    holds("panics", &[]);
}

fn stops(sim: &mut Sim) {
    dies(sim, Left { peer: "fin", locals: true, thread_locals: true }, |node| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a node makes runtimes as it likes").block_on(async {
            node.stopping().await;
            // A second call returns too.
            node.stopping().await;
            tokio::time::sleep(secs(2)).await;
        });
        0
    });
}

fn a_stop_within_its_budget_sends_fin_and_runs_destructors() {
    holds("stops", &struck_by(Fault::stop(SERVER, secs(3), secs(8))));
}

fn overruns(sim: &mut Sim) {
    sim.turn_off("bounded-shutdown");
    dies(sim, NOTHING, for_ever);
}

fn overrun() -> [Injection; 1] {
    struck_by(Fault::stop(SERVER, secs(3), secs(8)))
}

fn a_stop_over_its_budget_is_a_kill() {
    holds("overruns", &overrun());
}

fn a_stop_over_its_budget_breaks_bounded_shutdown() {
    let output = breaks("is_killed", &overrun(), "bounded-shutdown");
    assert!(output.out.contains("server had not stopped 3 s after it was asked to, and was killed"), "{}", output.out);
}

fn is_killed(sim: &mut Sim) {
    dies(sim, NOTHING, for_ever);
}

fn a_kill_resets_and_runs_no_destructor() {
    holds("is_killed", &struck_by(Fault::kill(SERVER, secs(8))));
}

fn loses_power(sim: &mut Sim) {
    dies(sim, Left { peer: "silence", locals: false, thread_locals: false }, for_ever);
}

fn a_power_loss_is_silent_and_runs_no_destructor() {
    holds("loses_power", &struck_by(Fault::power_loss(SERVER, secs(12))));
}

// -- panics that nobody observes

fn a_panic_in_a_task(sim: &mut Sim) {
    sim.client("client", |_| async {
        drop(tokio::spawn(async { panic!("nobody joins this task") }));
        tokio::time::sleep(secs(1)).await;
        Ok(())
    });
}

fn a_panic_in_a_task_that_nobody_joins_fails_the_run() {
    let output = breaks("a_panic_in_a_task", &[], "no-silent-panic");
    assert!(output.out.contains("client panicked: nobody joins this task"), "{}", output.out);
    assert!(output.out.contains("tests/e2e/lifecycle/deaths.rs:"), "{}", output.out);
}

fn a_panic_in_a_thread(sim: &mut Sim) {
    sim.client_main("client", |_| {
        drop(std::thread::spawn(|| panic!("nobody joins this thread")));
        sleep(secs(1));
        0
    });
}

fn a_panic_in_a_thread_that_nobody_joins_fails_the_run() {
    let output = breaks("a_panic_in_a_thread", &[], "no-silent-panic");
    assert!(output.out.contains("client panicked: nobody joins this thread"), "{}", output.out);
}

fn a_panic_that_is_caught(sim: &mut Sim) {
    sim.client_main("client", |_| i32::from(std::panic::catch_unwind(|| panic!("swallowed")).is_ok()));
}

fn a_caught_panic_fails_the_run_too() {
    let output = breaks("a_panic_that_is_caught", &[], "no-silent-panic");
    assert!(output.out.contains("client panicked: swallowed"), "{}", output.out);
}

// -- the remains of an asynchronous service

fn an_asynchronous_service(sim: &mut Sim) {
    let acts = sim.ledger::<(u16, &'static str)>("acts");
    let second = sim.ledger::<u64>("acts when the second incarnation began");
    let server = sim.node("server", move |node| async move {
        let incarnation = node.incarnation();
        if incarnation == 2 {
            second.note(acts.len());
            tokio::time::sleep(secs(1_000)).await;
            return Ok(());
        }
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(Duration::from_millis(50));
            loop {
                interval.tick().await;
                acts.note((incarnation, "a timer"));
            }
        });
        tokio::task::spawn_blocking(move || {
            loop {
                sleep(Duration::from_millis(70));
                acts.note((incarnation, "a blocking task"));
            }
        });
        std::thread::spawn(move || {
            loop {
                std::thread::park_timeout(Duration::from_millis(90));
                acts.note((incarnation, "a thread"));
            }
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:7000")?;
        let stream = TcpStream::connect("127.0.0.1:7000")?;
        std::thread::spawn(move || {
            let woken = listener.accept().map(|(mut peer, _)| peer.read(&mut [0]));
            drop(stream);
            acts.note((incarnation, if woken.is_ok() { "a socket" } else { "a socket that broke" }));
        });
        tokio::time::sleep(secs(1_000)).await;
        Ok(())
    });
    let client = sim.client("client", move |_| async move {
        tokio::time::sleep(secs(20)).await;
        for who in ["a timer", "a blocking task", "a thread"] {
            assert!(acts.contains(&(1, who)), "{who} never acted");
        }
        for who in ["a socket", "a socket that broke"] {
            assert!(!acts.contains(&(1, who)), "a kill woke a thread of its own process");
        }
        assert!(second.len() == 1 && second.contains(&acts.len()), "the first incarnation goes on in the second");
        Ok(())
    });
    sim.workers(server.and(client), 2);
}

fn a_killed_service_leaves_no_timer_task_or_thread_behind() {
    for fault in [
        Fault::kill(SERVER, secs(1)),
        Fault::power_loss(SERVER, secs(1)),
        // Restarts at once, while deadlines of the dead incarnation are still pending.
        Fault::kill(SERVER, Duration::ZERO),
    ] {
        holds("an_asynchronous_service", &struck_by(fault));
    }
}

fn an_error_that_main_returns(sim: &mut Sim) {
    sim.node("server", |_| async {
        tokio::fs::read("/not/there").await?;
        Ok(())
    });
    let client = sim.client("client", |_| async {
        tokio::time::sleep(secs(1)).await;
        Err("this client fails".into())
    });
    sim.may_fail(client);
    sim.known_issue("no-unprovoked-exit", &["server", "No such file"]);
    sim.eventually("both have ended", secs(2), |view| view.exits() == 2);
}

fn an_error_from_main_ends_the_process() {
    holds("an_error_that_main_returns", &[]);
}
