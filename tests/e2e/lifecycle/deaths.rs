//! Every way for a process to end, seen from its peer, on its disk, and in what runs of it afterwards: nothing.
//! Deaths of the whole run, by a real signal, are in `outcomes`.

use crate::harness::{Module, at, breaks, holds, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, Ledger, Node, NodeId, Sim, Supervisor};
use std::cell::Cell;
use std::fs::{File, create_dir_all, read_to_string};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

/// The server is made first.
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
        a_return_says_goodbye_and_runs_destructors,
        an_exit_says_goodbye_and_runs_the_destructors_of_thread_locals,
        every_life_of_every_node_may_exit,
        a_thread_that_ends_outlives_the_start_that_follows,
        an_abort_resets_and_runs_no_destructor,
        a_panic_in_main_says_goodbye_and_unwinds,
        a_stop_within_its_budget_says_goodbye_and_runs_destructors,
        a_stop_over_its_budget_is_a_kill,
        a_stop_over_its_budget_breaks_bounded_shutdown,
        a_kill_resets_and_runs_no_destructor,
        a_power_loss_is_silent_and_runs_no_destructor,
        a_panic_in_a_task_that_nobody_joins_fails_the_run,
        a_panic_in_a_thread_that_nobody_joins_fails_the_run,
        a_panic_that_somebody_catches_fails_the_run_as_well,
        a_killed_service_leaves_no_timer_task_or_thread_behind,
        a_main_that_returns_an_error_is_an_end_and_no_failure,
    ];
    Module::new(scenarios, trials)
}

// -- one life and what is left of it

/// What a life is expected to leave.
struct Left {
    /// What the peer's read comes to.
    peer: &'static str,
    /// Whether locals of main are dropped.
    locals: bool,
    /// Whether thread-locals of main's thread are.
    thread_locals: bool,
}

const NOTHING: Left = Left { peer: "reset", locals: false, thread_locals: false };

/// Notes its end.
struct Told(&'static str, Ledger<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        self.1.note(self.0);
    }
}

thread_local! {
    static LIVES_SEEN: Cell<u32> = const { Cell::new(0) };
    static LOCAL: Cell<Option<Told>> = const { Cell::new(None) };
}

/// A server that lives one life, ends it in this way, and looks around in the next one; and its peer.
fn life(sim: &mut Sim, left: Left, end: fn(Node) -> i32) {
    let beats = sim.ledger::<u64>("beats of the first life");
    let dropped = sim.ledger::<&'static str>("dropped");
    let second = sim.ledger::<u64>("beats when the second life began");
    let content = sim.ledger::<&str>("content");
    // Its second thread beats until something ends it: what ends it is the matter here.
    sim.without("nothing-left");
    sim.program("server", move |node| {
        assert_eq!(LIVES_SEEN.replace(1), 0, "a thread-local of an earlier life");
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
            File::open(directory).and_then(|it| it.sync_all()).expect("the disk works");
        }
        let _local = Told("a local", dropped);
        LOCAL.set(Some(Told("a thread-local", dropped)));
        std::thread::spawn(move || {
            let _local = Told("a local of another thread", dropped);
            for beat in 0.. {
                beats.note(beat);
                sleep(Duration::from_millis(100));
            }
        });
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _stream = listener.accept().expect("somebody comes");
        end(node)
    });
    sim.client_program("peer", move |_| {
        let mut stream = loop {
            match TcpStream::connect("server:7000") {
                Ok(stream) => break stream,
                Err(_) => sleep(Duration::from_millis(10)),
            }
        };
        stream.set_read_timeout(Some(secs(9))).expect("it is a duration");
        let told = match stream.read(&mut [0]).map_err(|error| error.kind()) {
            Ok(0) => "goodbye",
            Err(ErrorKind::ConnectionReset) => "reset",
            Err(ErrorKind::WouldBlock) => "silence",
            other => panic!("a death looks like this: {other:?}"),
        };
        assert_eq!(told, left.peer);
        sleep(secs(20));
        assert!(second.len() == 1 && second.contains(&beats.len()), "the first life goes on in the second");
        assert!(beats.len() >= 9);
        assert_eq!(dropped.contains(&"a local"), left.locals);
        assert_eq!(dropped.contains(&"a thread-local"), left.thread_locals);
        assert!(!dropped.contains(&"a local of another thread"), "the end of a process unwinds no other thread");
        content.note("the peer");
        0
    });
    // Also where a panic is expected, and the peer's own would not be seen.
    sim.eventually("the peer found all as it should be", secs(60), move |_| !content.is_empty());
}

fn for_ever(_: Node) -> i32 {
    sleep(secs(100_000));
    0
}

/// Starts the server again once it is down.
fn started_again() -> Injection {
    Injection { trigger: at(secs(12)), fault: Fault::kill(SERVER, secs(1)) }
}

fn struck_by(fault: Fault) -> [Injection; 1] {
    [Injection { trigger: at(secs(2)), fault }]
}

fn returns(sim: &mut Sim) {
    life(sim, Left { peer: "goodbye", locals: true, thread_locals: true }, |_| {
        sleep(secs(2));
        4
    });
}

fn a_return_says_goodbye_and_runs_destructors() {
    holds("returns", &[started_again()]);
}

fn exits(sim: &mut Sim) {
    life(sim, Left { peer: "goodbye", locals: false, thread_locals: true }, |_| {
        sleep(secs(2));
        std::process::exit(3)
    });
}

fn an_exit_says_goodbye_and_runs_the_destructors_of_thread_locals() {
    holds("exits", &[started_again()]);
}

/// std lets one thread of a real process exit and holds the others for good; here each node's life is a process.
fn exits_again_and_again(sim: &mut Sim) {
    let exits = sim.ledger::<(u64, u64)>("exits");
    let servers = sim.nodes("server", 2, move |node| async move {
        exits.note((node.index() as u64, u64::from(node.incarnation())));
        std::process::exit(3)
    });
    sim.supervise(servers, Supervisor::on_failure().delay(secs(1)).attempts(4));
    sim.without("no-crash-loop");
    sim.client("clock", |_| async {
        tokio::time::sleep(secs(20)).await;
        Ok(())
    });
    sim.eventually("both nodes exit five times", secs(20), move |_| exits.len() == 10);
}

fn every_life_of_every_node_may_exit() {
    holds("exits_again_and_again", &[]);
}

/// Detached threads end while nothing else happens, so that each looks for who goes next on its own stack, and finds a process
/// that is to be started.
fn ends_before_a_start(sim: &mut Sim) {
    sim.program("server", for_ever);
    sim.client_program("client", |_| {
        for tenths in 1..40 {
            drop(std::thread::spawn(move || sleep(Duration::from_millis(100 * tenths))));
        }
        sleep(secs(8));
        0
    });
}

fn a_thread_that_ends_outlives_the_start_that_follows() {
    let kill = |tenths: u64| Injection {
        trigger: at(Duration::from_millis(100 * tenths + 20)),
        fault: Fault::kill(SERVER, Duration::from_millis(130)),
    };
    holds("ends_before_a_start", &[3, 7, 11, 15, 19, 23].map(kill));
}

fn aborts(sim: &mut Sim) {
    life(sim, NOTHING, |_| {
        sleep(secs(2));
        std::process::abort()
    });
}

fn an_abort_resets_and_runs_no_destructor() {
    holds("aborts", &[started_again()]);
}

fn panics(sim: &mut Sim) {
    sim.without("no-silent-panic");
    life(sim, Left { peer: "goodbye", locals: true, thread_locals: true }, |_| {
        sleep(secs(2));
        panic!("on purpose")
    });
}

fn a_panic_in_main_says_goodbye_and_unwinds() {
    holds("panics", &[started_again()]);
}

fn stops(sim: &mut Sim) {
    life(sim, Left { peer: "goodbye", locals: true, thread_locals: true }, |node| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a node makes runtimes as it likes").block_on(async {
            node.stopping().await;
            // A second one who asks is told as well.
            node.stopping().await;
            tokio::time::sleep(secs(2)).await;
        });
        0
    });
}

fn a_stop_within_its_budget_says_goodbye_and_runs_destructors() {
    holds("stops", &struck_by(Fault::stop(SERVER, secs(3), secs(8))));
}

fn overruns(sim: &mut Sim) {
    sim.without("bounded-shutdown");
    life(sim, NOTHING, for_ever);
}

fn overrun() -> [Injection; 1] {
    struck_by(Fault::stop(SERVER, secs(3), secs(8)))
}

fn a_stop_over_its_budget_is_a_kill() {
    holds("overruns", &overrun());
}

fn a_stop_over_its_budget_breaks_bounded_shutdown() {
    let said = breaks("is_killed", &overrun(), "bounded-shutdown");
    assert!(said.out.contains("server had not stopped 3 s after it was asked to, and was killed"), "{}", said.out);
}

fn is_killed(sim: &mut Sim) {
    life(sim, NOTHING, for_ever);
}

fn a_kill_resets_and_runs_no_destructor() {
    holds("is_killed", &struck_by(Fault::kill(SERVER, secs(8))));
}

fn loses_power(sim: &mut Sim) {
    life(sim, Left { peer: "silence", locals: false, thread_locals: false }, for_ever);
}

fn a_power_loss_is_silent_and_runs_no_destructor() {
    holds("loses_power", &struck_by(Fault::power_loss(SERVER, secs(12))));
}

// -- panics that nobody looks at

fn a_panic_in_a_task(sim: &mut Sim) {
    sim.client("client", |_| async {
        drop(tokio::spawn(async { panic!("nobody joins this task") }));
        tokio::time::sleep(secs(1)).await;
        Ok(())
    });
}

fn a_panic_in_a_task_that_nobody_joins_fails_the_run() {
    let said = breaks("a_panic_in_a_task", &[], "no-silent-panic");
    assert!(said.out.contains("client panicked: nobody joins this task"), "{}", said.out);
    assert!(said.out.contains("tests/e2e/lifecycle/deaths.rs:"), "{}", said.out);
}

fn a_panic_in_a_thread(sim: &mut Sim) {
    sim.client_program("client", |_| {
        drop(std::thread::spawn(|| panic!("nobody joins this thread")));
        sleep(secs(1));
        0
    });
}

fn a_panic_in_a_thread_that_nobody_joins_fails_the_run() {
    let said = breaks("a_panic_in_a_thread", &[], "no-silent-panic");
    assert!(said.out.contains("client panicked: nobody joins this thread"), "{}", said.out);
}

fn a_panic_that_is_caught(sim: &mut Sim) {
    sim.client_program("client", |_| i32::from(std::panic::catch_unwind(|| panic!("swallowed")).is_ok()));
}

fn a_panic_that_somebody_catches_fails_the_run_as_well() {
    let said = breaks("a_panic_that_is_caught", &[], "no-silent-panic");
    assert!(said.out.contains("client panicked: swallowed"), "{}", said.out);
}

// -- what a service on a runtime leaves behind

fn an_asynchronous_service(sim: &mut Sim) {
    sim.workers(2);
    let acts = sim.ledger::<(u16, &'static str)>("acts");
    let second = sim.ledger::<u64>("acts when the second life began");
    sim.node("server", move |node| async move {
        let life = node.incarnation();
        if life == 2 {
            second.note(acts.len());
            tokio::time::sleep(secs(1_000)).await;
            return Ok(());
        }
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(Duration::from_millis(50));
            loop {
                interval.tick().await;
                acts.note((life, "a timer"));
            }
        });
        tokio::task::spawn_blocking(move || {
            loop {
                sleep(Duration::from_millis(70));
                acts.note((life, "a blocking task"));
            }
        });
        std::thread::spawn(move || {
            loop {
                std::thread::park_timeout(Duration::from_millis(90));
                acts.note((life, "a thread"));
            }
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:7000")?;
        let stream = TcpStream::connect("127.0.0.1:7000")?;
        std::thread::spawn(move || {
            let woken = listener.accept().map(|(mut peer, _)| peer.read(&mut [0]));
            drop(stream);
            acts.note((life, if woken.is_ok() { "a socket" } else { "a socket that broke" }));
        });
        tokio::time::sleep(secs(1_000)).await;
        Ok(())
    });
    sim.client("client", move |_| async move {
        tokio::time::sleep(secs(20)).await;
        for who in ["a timer", "a blocking task", "a thread"] {
            assert!(acts.contains(&(1, who)), "{who} never acted");
        }
        for who in ["a socket", "a socket that broke"] {
            assert!(!acts.contains(&(1, who)), "a kill woke a thread of its own process");
        }
        assert!(second.len() == 1 && second.contains(&acts.len()), "the first life goes on in the second");
        Ok(())
    });
}

fn a_killed_service_leaves_no_timer_task_or_thread_behind() {
    for fault in [
        Fault::kill(SERVER, secs(1)),
        Fault::power_loss(SERVER, secs(1)),
        // At once, while the dead life's deadlines are still due.
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
    sim.client("client", |_| async {
        tokio::time::sleep(secs(1)).await;
        Err("this client fails".into())
    });
    sim.eventually("both have ended", secs(2), |view| view.exits() == 2);
}

fn a_main_that_returns_an_error_is_an_end_and_no_failure() {
    holds("an_error_that_main_returns", &[]);
}
