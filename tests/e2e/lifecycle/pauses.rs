//! A paused process does not run, but its machine does, as its peers, its timers, stops and kills show.
//! Holds of single threads are in `threads::holds`.

use crate::harness::{Module, at, breaks, cli, holds, scenarios, trials};
use crate::time::{ms, secs};
use afterlife::{Fault, Faults, Injection, NodeId, Sim, Trigger};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The server is the first node.
const SERVER: NodeId = NodeId(0);

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        an_echo,
        paused_after_a_send,
        sleepers,
        a_runtime,
        a_heartbeat,
        a_stop_is_awaited,
        a_stop_is_ignored,
        killed_while_paused,
        paused_at_its_start,
        killed_at_its_start,
        pauses_are_drawn,
    ];
    let trials = trials![
        a_paused_server_answers_late_and_loses_nothing,
        bytes_sent_before_the_pause_are_delivered,
        all_sleeps_of_a_paused_process_end_late_and_together,
        timers_of_a_runtime_fire_late_and_work_continues,
        a_peer_misses_heartbeats_and_receives_them_later,
        a_stop_reaches_a_paused_process_when_it_resumes,
        a_stop_whose_budget_ends_during_the_pause_kills,
        a_kill_ends_a_paused_process_and_its_next_incarnation_runs,
        a_process_paused_at_its_start_starts_late,
        a_process_killed_at_its_start_never_runs,
        a_pause_longer_than_the_fault_window_is_healed,
        drawn_pauses_replay,
    ];
    Module::new(scenarios, trials)
}

fn pause(from: Duration, length: Duration) -> Injection {
    Injection { trigger: at(from), fault: Fault::pause(SERVER, length) }
}

/// Asserts that a scenario with its own injected faults holds.
fn runs(scenario: &str) {
    let output = crate::harness::campaign(scenario, "0..3");
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}

fn serve(listener: TcpListener) {
    for stream in listener.incoming() {
        let mut stream = stream.expect("the listener stays");
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
        });
    }
}

fn connect() -> TcpStream {
    loop {
        match TcpStream::connect("server:7000") {
            Ok(stream) => return stream,
            Err(_) => sleep(ms(10)),
        }
    }
}

// -- both ends of a connection

fn an_echo(sim: &mut Sim) {
    sim.node_main("server", |_| {
        serve(TcpListener::bind("0.0.0.0:7000").expect("the port is free"));
        0
    });
    sim.client_main("client", |_| {
        let mut stream = connect();
        let mut byte = [0];
        stream.write_all(b"a").and_then(|()| stream.read_exact(&mut byte)).expect("nothing is wrong yet");
        sleep(secs(3));
        // During the pause the kernel accepts bytes and connections for the process, and nobody answers.
        let paused = Instant::now();
        stream.write_all(b"bc").expect("its buffer takes it");
        let mut other = TcpStream::connect("server:7000").expect("its backlog takes it");
        other.write_all(b"d").expect("its buffer takes it");
        stream.set_read_timeout(Some(secs(2))).expect("it is a duration");
        assert_eq!(stream.read(&mut byte).expect_err("nobody answers").kind(), ErrorKind::WouldBlock);
        stream.set_read_timeout(None).expect("it is none");
        let mut late = [0; 2];
        stream.read_exact(&mut late).and_then(|()| other.read_exact(&mut byte)).expect("a pause loses nothing");
        assert_eq!((&late, &byte), (b"bc", b"d"));
        let late_by = paused.elapsed();
        assert!((secs(3)..secs(5)).contains(&late_by), "{late_by:?}");
        0
    });
}

fn a_paused_server_answers_late_and_loses_nothing() {
    holds("an_echo", &[pause(secs(2), secs(5))]);
    // The assertions would notice if there were no pause.
    breaks("an_echo", &[pause(secs(20), ms(1))], "no-silent-panic");
}

fn paused_after_a_send(sim: &mut Sim) {
    let trigger = Trigger::on(SERVER, "note sent", 1, Duration::ZERO);
    sim.inject(trigger, Fault::pause(SERVER, secs(5)));
    let sent = sim.ledger::<&'static str>("sent");
    let went_on = sim.ledger::<&'static str>("went on");
    sim.node_main("server", move |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (mut stream, _) = listener.accept().expect("somebody comes");
        stream.write_all(b"last words").expect("the buffer has room");
        sent.note("sent");
        went_on.note("went on");
        sleep(secs(100));
        0
    });
    sim.client_main("client", move |_| {
        let mut words = [0; 10];
        connect().read_exact(&mut words).expect("they were sent");
        assert!(went_on.is_empty(), "it stands still before its next step");
        sleep(secs(10));
        assert!(!went_on.is_empty(), "it has gone on");
        0
    });
}

fn bytes_sent_before_the_pause_are_delivered() {
    runs("paused_after_a_send");
}

// -- its own time

/// Several threads, each of which waits in its own way and notes the longest gap between two of its steps.
fn sleepers(sim: &mut Sim) {
    let gaps = sim.ledger::<(&'static str, u64)>("long gaps in whole seconds");
    sim.node_main("server", move |_| {
        let step = |name: &'static str, wait: fn()| {
            std::thread::spawn(move || {
                loop {
                    let begun = Instant::now();
                    wait();
                    if begun.elapsed() > ms(500) {
                        gaps.note((name, begun.elapsed().as_secs()));
                    }
                }
            })
        };
        step("sleep", || sleep(ms(100)));
        step("park", || std::thread::park_timeout(ms(150)));
        step("channel", || {
            let (_sender, receiver) = std::sync::mpsc::channel::<()>();
            receiver.recv_timeout(ms(200)).expect_err("nobody sends");
        });
        let file = step("sync", || {
            let file = std::fs::File::create("/file").expect("the disk works");
            file.sync_all().expect("the disk works");
        });
        file.join().expect("it goes on for ever");
        0
    });
    sim.client_main("client", move |_| {
        sleep(secs(4));
        for name in ["sleep", "park", "channel", "sync"] {
            assert!(gaps.contains(&(name, 2)), "{name} has no gap of 2 s");
        }
        assert_eq!(gaps.len(), 4, "one gap each");
        0
    });
}

fn all_sleeps_of_a_paused_process_end_late_and_together() {
    holds("sleepers", &[pause(secs(1), secs(2) + ms(50))]);
}

fn a_runtime(sim: &mut Sim) {
    let ticks = sim.ledger::<u64>("ticks");
    let blocking = sim.ledger::<&'static str>("blocking");
    let server = sim.node("server", move |_| async move {
        tokio::task::spawn_blocking(move || {
            loop {
                sleep(ms(300));
                blocking.note("round");
            }
        });
        let mut interval = tokio::time::interval(ms(100));
        for tick in 0.. {
            interval.tick().await;
            ticks.note(tick);
        }
        Ok(())
    });
    let client = sim.client("client", move |_| async move {
        tokio::time::sleep(secs(4)).await;
        let (before, rounds) = (ticks.len(), blocking.len());
        tokio::time::sleep(secs(3)).await;
        assert_eq!((ticks.len(), blocking.len()), (before, rounds), "a paused process does nothing");
        tokio::time::sleep(secs(3)).await;
        // An interval catches up on missed ticks.
        assert!((98..=101).contains(&ticks.len()), "{} ticks in 10 s", ticks.len());
        assert!(blocking.len() > rounds + 5);
        Ok(())
    });
    sim.workers(server.and(client), 2);
}

fn timers_of_a_runtime_fire_late_and_work_continues() {
    holds("a_runtime", &[pause(secs(3), secs(5))]);
}

fn a_heartbeat(sim: &mut Sim) {
    let noted = sim.ledger::<&'static str>("noted by the peer");
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (mut stream, _) = listener.accept().expect("somebody comes");
        while stream.write_all(b"!").is_ok() {
            sleep(ms(100));
        }
        0
    });
    sim.client_main("client", move |_| {
        let mut stream = connect();
        stream.set_read_timeout(Some(secs(1))).expect("it is a duration");
        let (mut received, mut missed) = (0, 0);
        while received < 100 {
            match stream.read(&mut [0]) {
                Ok(_) => received += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => missed += 1,
                Err(error) => panic!("a pause looks like this: {error}"),
            }
        }
        assert_eq!(missed, 4);
        noted.note("it came back");
        0
    });
    sim.eventually("the peer notes both", secs(60), move |_| !noted.is_empty());
}

fn a_peer_misses_heartbeats_and_receives_them_later() {
    holds("a_heartbeat", &[pause(secs(3), ms(4_500))]);
}

// -- stops and kills

fn a_stop_is_awaited(sim: &mut Sim) {
    let stopped = sim.ledger::<u64>("stopped after whole seconds");
    sim.node("server", move |node| async move {
        if node.incarnation() == 1 {
            node.stopping().await;
            stopped.note(Instant::now().duration_since(begun()).as_secs());
        } else {
            tokio::time::sleep(secs(100)).await;
        }
        Ok(())
    });
    sim.client("client", move |_| async move {
        tokio::time::sleep(secs(20)).await;
        assert!(stopped.len() == 1 && stopped.contains(&7), "it stops when it goes on");
        Ok(())
    });
}

/// The start of the run: the monotonic clock begins at one million seconds.
fn begun() -> Instant {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    Instant::now() - Duration::new(now.tv_sec as u64 - 1_000_000, now.tv_nsec as u32)
}

fn stop(from: Duration, budget: Duration) -> Injection {
    let fault = Fault::stop(SERVER, budget, secs(1));
    Injection { trigger: at(from), fault }
}

fn a_stop_reaches_a_paused_process_when_it_resumes() {
    holds("a_stop_is_awaited", &[pause(secs(2), secs(5)), stop(secs(3), secs(10))]);
}

fn a_stop_is_ignored(sim: &mut Sim) {
    sim.turn_off("bounded-shutdown");
    killed_while_paused(sim);
}

fn a_stop_whose_budget_ends_during_the_pause_kills() {
    holds("a_stop_is_ignored", &[pause(secs(2), secs(20)), stop(secs(3), secs(2))]);
    breaks("killed_while_paused", &[pause(secs(2), secs(20)), stop(secs(3), secs(2))], "bounded-shutdown");
}

/// A server whose next incarnation resumes at once, and a client that loses its connection between them.
fn killed_while_paused(sim: &mut Sim) {
    let beats = sim.ledger::<(u16, u64)>("beats");
    sim.node_main("server", move |node| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("a dead process holds no port");
        std::thread::spawn(move || serve(listener));
        for beat in 0.. {
            beats.note((node.incarnation(), beat));
            sleep(ms(100));
        }
        0
    });
    sim.client_main("client", move |_| {
        let mut stream = connect();
        let error = stream.read(&mut [0]).expect_err("the server never sends").kind();
        assert_eq!(error, ErrorKind::ConnectionReset);
        drop(connect());
        sleep(secs(5));
        assert!(!beats.contains(&(1, 25)), "the first incarnation is over");
        assert!(beats.contains(&(2, 45)), "the second incarnation is not paused");
        0
    });
}

fn a_kill_ends_a_paused_process_and_its_next_incarnation_runs() {
    let kill = Injection { trigger: at(secs(4)), fault: Fault::kill(SERVER, secs(1)) };
    holds("killed_while_paused", &[pause(secs(2), secs(30)), kill]);
}

/// Kills the server and strikes it with this fault as it restarts.
fn killed_and_at_its_start(sim: &mut Sim, fault: Fault) {
    sim.inject(at(secs(2)), Fault::kill(SERVER, secs(1)));
    sim.inject(Trigger::on(SERVER, "start", 2, Duration::ZERO), fault);
}

fn paused_at_its_start(sim: &mut Sim) {
    killed_and_at_its_start(sim, Fault::pause(SERVER, secs(4)));
    let incarnations = sim.ledger::<u16>("incarnations");
    sim.node_main("server", move |node| {
        incarnations.note(node.incarnation());
        sleep(secs(100));
        0
    });
    sim.client_main("client", move |_| {
        sleep(secs(5));
        assert_eq!(incarnations.len(), 1, "the process is paused before its first step");
        sleep(secs(5));
        assert_eq!(incarnations.len(), 2);
        0
    });
}

fn a_process_paused_at_its_start_starts_late() {
    runs("paused_at_its_start");
}

fn killed_at_its_start(sim: &mut Sim) {
    killed_and_at_its_start(sim, Fault::kill(SERVER, secs(1)));
    let incarnations = sim.ledger::<u16>("incarnations");
    sim.node_main("server", move |node| {
        incarnations.note(node.incarnation());
        sleep(secs(100));
        0
    });
    sim.client_main("client", move |_| {
        sleep(secs(10));
        assert!(
            incarnations.len() == 2 && incarnations.contains(&1) && incarnations.contains(&3),
            "the second incarnation never took a step"
        );
        0
    });
}

fn a_process_killed_at_its_start_never_runs() {
    runs("killed_at_its_start");
}

fn a_pause_longer_than_the_fault_window_is_healed() {
    // A pause keeps its length; later faults wait for its end.
    holds("an_echo", &[pause(secs(2), secs(5)), pause(secs(4), ms(1))]);
}

// -- drawn by a seed

fn pauses_are_drawn(sim: &mut Sim) {
    let late = sim.ledger::<u64>("late by whole seconds");
    let servers = sim.nodes("server", 2, move |_| async move {
        loop {
            let begun = tokio::time::Instant::now();
            tokio::time::sleep(ms(50)).await;
            if begun.elapsed() >= secs(1) {
                late.note(begun.elapsed().as_secs());
            }
        }
    });
    sim.client("client", |_| async {
        tokio::time::sleep(secs(30)).await;
        Ok(())
    });
    sim.faults(servers, Faults::none().pauses(secs(1), secs(3)).kills().quiet_after(secs(20)));
    sim.always("nobody is late by more than a pause", move |_| !late.contains(&8));
    sim.sometimes("somebody is late", move |_| !late.is_empty());
}

fn drawn_pauses_replay() {
    let output = cli(&["check", "pauses_are_drawn", "--pairs", "10"]);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    let output = crate::harness::campaign("pauses_are_drawn", "0..20");
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}
