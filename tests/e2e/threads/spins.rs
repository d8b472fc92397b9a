//! Threads that loop without progress are reported with the line of the loop; threads that work or wait are not.
//! Endless loops without any call are in `campaign::crashes`.

use crate::harness::{Module, campaign, scenarios, trials};
use afterlife::Sim;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        spins_on_a_flag_by_yielding,
        spins_on_the_clock,
        spins_on_an_empty_read,
        spins_by_yielding_a_task,
        spins_by_short_sleeps,
        spins_on_the_clock_with_probe_events,
        spins_on_accept_without_a_descriptor,
        spins_briefly,
        spins_a_little_too_long,
        fills_a_disk,
        serves_all_the_time,
        computes_all_the_time,
    ];
    let trials = trials![
        a_yielding_loop_is_reported_with_its_line,
        every_other_kind_of_spin_is_reported,
        the_spin_limit_can_be_set,
        working_and_waiting_threads_are_not_reported,
    ];
    Module::new(scenarios, trials)
}

fn sentence(scenario: &str) -> (String, String) {
    let output = campaign(scenario, "3");
    assert_eq!(output.code, 1, "{output:?}");
    let finding = output.finding();
    let text = |key: &str| finding[key].as_str().expect("it is text").to_owned();
    (text("signature"), text("sentence"))
}

const YIELDS: u32 = line!() + 6;

fn spins_on_a_flag_by_yielding(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let flag = Arc::new(AtomicBool::new(false));
        while !flag.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        0
    });
}

fn a_yielding_loop_is_reported_with_its_line() {
    let (signature, sentence) = sentence("spins_on_a_flag_by_yielding");
    assert_eq!(signature, "no-spin · no progress · tests/e2e/threads/spins.rs");
    assert!(sentence.starts_with("client spins: 1"), "{sentence}");
    assert!(sentence.ends_with(&format!("; going round at tests/e2e/threads/spins.rs:{YIELDS}")), "{sentence}");
}

fn look(length: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < length {}
}

fn spins_on_the_clock(sim: &mut Sim) {
    sim.client_main("client", |_| {
        look(Duration::from_secs(3_600));
        0
    });
}

fn spins_on_an_empty_read(sim: &mut Sim) {
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _kept = listener.accept().expect("somebody comes");
        thread::sleep(Duration::from_secs(3_600));
        0
    });
    sim.client_main("client", |_| {
        thread::sleep(Duration::from_millis(10));
        let mut stream = TcpStream::connect("server:7000").expect("it listens");
        stream.set_nonblocking(true).expect("it can be");
        while stream.read(&mut [0; 8]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {}
        0
    });
}

fn spins_by_yielding_a_task(sim: &mut Sim) {
    sim.client("client", |_| async {
        loop {
            tokio::task::yield_now().await;
        }
    });
}

fn spins_by_short_sleeps(sim: &mut Sim) {
    sim.client_main("client", |_| {
        loop {
            thread::sleep(Duration::from_micros(1));
        }
    });
}

/// Probe events do not count as progress, however many there are.
fn spins_on_the_clock_with_probe_events(sim: &mut Sim) {
    sim.bound("no-spin", 20_000);
    sim.client_main("client", |_| {
        let (begun, time) = (Instant::now(), afterlife::probe::Resource::open("time"));
        while begun.elapsed() < Duration::from_secs(3_600) {
            time.used();
        }
        0
    });
}

fn spins_on_accept_without_a_descriptor(sim: &mut Sim) {
    let client = sim.client_main("client", |_| {
        let listener = TcpListener::bind("127.0.0.1:7000").expect("the port is free");
        let _others = [(); 9].map(|()| UdpSocket::bind("127.0.0.1:0").expect("ten descriptors are allowed"));
        while listener.accept().is_err() {}
        0
    });
    sim.descriptor_limit(client, 10);
}

fn every_other_kind_of_spin_is_reported() {
    for scenario in [
        "spins_on_the_clock",
        "spins_on_an_empty_read",
        "spins_by_yielding_a_task",
        "spins_by_short_sleeps",
        "spins_on_the_clock_with_probe_events",
        "spins_on_accept_without_a_descriptor",
    ] {
        let (signature, sentence) = sentence(scenario);
        assert!(signature.starts_with("no-spin · no progress"), "{scenario}: {signature}");
        assert!(sentence.starts_with("client spins"), "{scenario}: {sentence}");
    }
}

fn spins_briefly(sim: &mut Sim) {
    sim.client_main("client", |_| {
        for _ in 0..5 {
            look(Duration::from_millis(50));
            thread::sleep(Duration::from_secs(1));
        }
        0
    });
}

fn spins_a_little_too_long(sim: &mut Sim) {
    sim.bound("no-spin", 100_000);
    spins_briefly(sim);
}

fn the_spin_limit_can_be_set() {
    assert_eq!(sentence("spins_a_little_too_long").0, "no-spin · no progress · tests/e2e/threads/spins.rs");
}

/// Small writes, with the clock read before and after each.
fn fills_a_disk(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let mut file = File::create("/data").expect("the disk is empty");
        for _ in 0..300_000 {
            let begun = Instant::now();
            file.write_all(b"one more line").expect("the disk has free space");
            let _took = begun.elapsed();
        }
        0
    });
}

fn serves_all_the_time(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        let serve = async {
            loop {
                let (mut stream, _) = listener.accept().await?;
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        };
        tokio::select! { ended = serve => ended, () = node.stopping() => Ok(()) }
    });
    sim.client("client", |_| async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut stream = tokio::net::TcpStream::connect("server:7000").await?;
        stream.set_nodelay(true)?;
        for number in 0..20_000 {
            stream.write_u64(number).await?;
            assert_eq!(stream.read_u64().await?, number);
        }
        Ok(())
    });
    sim.latency(Duration::from_micros(5), Duration::from_micros(10));
}

/// Long computations between checks for a new connection.
fn computes_all_the_time(sim: &mut Sim) {
    sim.client("client", |_| async {
        let mut sum = 0_u64;
        for number in 0..50_000_u64 {
            sum = sum.wrapping_mul(31).wrapping_add(number);
            tokio::task::yield_now().await;
        }
        assert_ne!(sum, 0);
        Ok(())
    });
}

fn working_and_waiting_threads_are_not_reported() {
    for scenario in ["spins_briefly", "fills_a_disk", "serves_all_the_time", "computes_all_the_time"] {
        let output = campaign(scenario, "2");
        assert_eq!(output.code, 0, "{output:?}");
    }
}
