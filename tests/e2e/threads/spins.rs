//! Who goes round without progress is told with the line at which it does, and who works or waits is left alone.
//! An endless loop that passes no door at all is in `outcomes`.

use crate::harness::{Module, run, scenarios, trials};
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
        a_flag_is_awaited_by_yielding,
        a_time_is_awaited_by_looking,
        nobody_writes_and_it_is_read_again_and_again,
        a_task_yields_for_ever,
        short_sleeps_follow_each_other,
        a_time_is_awaited_by_looking_and_telling,
        nobody_is_accepted_for_want_of_a_descriptor,
        a_time_is_awaited_for_a_while,
        a_time_is_awaited_for_a_while_too_long,
        a_disk_is_filled,
        a_server_is_busy,
        much_is_computed,
    ];
    let trials = trials![
        a_loop_that_yields_is_told_with_its_line,
        every_other_way_to_go_round_is_told,
        a_limit_can_be_set,
        who_works_or_waits_is_left_alone,
    ];
    Module::new(scenarios, trials)
}

fn sentence(scenario: &str) -> (String, String) {
    let said = run(scenario, "3");
    assert_eq!(said.code, 1, "{said:?}");
    let finding = said.finding();
    let text = |key: &str| finding[key].as_str().expect("it is text").to_owned();
    (text("signature"), text("sentence"))
}

const YIELDS: u32 = line!() + 6;

fn a_flag_is_awaited_by_yielding(sim: &mut Sim) {
    sim.client_program("client", |_| {
        let flag = Arc::new(AtomicBool::new(false));
        while !flag.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        0
    });
}

fn a_loop_that_yields_is_told_with_its_line() {
    let (signature, sentence) = sentence("a_flag_is_awaited_by_yielding");
    assert_eq!(signature, "no-spin · no progress · tests/e2e/threads/spins.rs");
    assert!(sentence.starts_with("client went round without progress: 1"), "{sentence}");
    assert!(sentence.ends_with(&format!("; going round at tests/e2e/threads/spins.rs:{YIELDS}")), "{sentence}");
}

fn look(length: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < length {}
}

fn a_time_is_awaited_by_looking(sim: &mut Sim) {
    sim.client_program("client", |_| {
        look(Duration::from_secs(3_600));
        0
    });
}

fn nobody_writes_and_it_is_read_again_and_again(sim: &mut Sim) {
    sim.program("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _kept = listener.accept().expect("somebody comes");
        thread::sleep(Duration::from_secs(3_600));
        0
    });
    sim.client_program("client", |_| {
        thread::sleep(Duration::from_millis(10));
        let mut stream = TcpStream::connect("server:7000").expect("it listens");
        stream.set_nonblocking(true).expect("it can be");
        while stream.read(&mut [0; 8]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {}
        0
    });
}

fn a_task_yields_for_ever(sim: &mut Sim) {
    sim.client("client", |_| async {
        loop {
            tokio::task::yield_now().await;
        }
    });
}

fn short_sleeps_follow_each_other(sim: &mut Sim) {
    sim.client_program("client", |_| {
        loop {
            thread::sleep(Duration::from_micros(1));
        }
    });
}

/// What a probe tells is no progress, however often.
fn a_time_is_awaited_by_looking_and_telling(sim: &mut Sim) {
    sim.bound("no-spin", 20_000);
    sim.client_program("client", |_| {
        let (begun, time) = (Instant::now(), afterlife::probe::Resource::open("time"));
        while begun.elapsed() < Duration::from_secs(3_600) {
            time.used();
        }
        0
    });
}

fn nobody_is_accepted_for_want_of_a_descriptor(sim: &mut Sim) {
    let client = sim.client_program("client", |_| {
        let listener = TcpListener::bind("127.0.0.1:7000").expect("the port is free");
        let _others = [(); 9].map(|()| UdpSocket::bind("127.0.0.1:0").expect("there is room for ten"));
        while listener.accept().is_err() {}
        0
    });
    sim.descriptors(client, 10);
}

fn every_other_way_to_go_round_is_told() {
    for scenario in [
        "a_time_is_awaited_by_looking",
        "nobody_writes_and_it_is_read_again_and_again",
        "a_task_yields_for_ever",
        "short_sleeps_follow_each_other",
        "a_time_is_awaited_by_looking_and_telling",
        "nobody_is_accepted_for_want_of_a_descriptor",
    ] {
        let (signature, sentence) = sentence(scenario);
        assert!(signature.starts_with("no-spin · no progress"), "{scenario}: {signature}");
        assert!(sentence.starts_with("client went round"), "{scenario}: {sentence}");
    }
}

fn a_time_is_awaited_for_a_while(sim: &mut Sim) {
    sim.client_program("client", |_| {
        for _ in 0..5 {
            look(Duration::from_millis(50));
            thread::sleep(Duration::from_secs(1));
        }
        0
    });
}

fn a_time_is_awaited_for_a_while_too_long(sim: &mut Sim) {
    sim.bound("no-spin", 100_000);
    a_time_is_awaited_for_a_while(sim);
}

fn a_limit_can_be_set() {
    assert_eq!(
        sentence("a_time_is_awaited_for_a_while_too_long").0,
        "no-spin · no progress · tests/e2e/threads/spins.rs"
    );
}

/// Small writes, each with a look at the clock before and after.
fn a_disk_is_filled(sim: &mut Sim) {
    sim.client_program("client", |_| {
        let mut file = File::create("/data").expect("the disk is empty");
        for _ in 0..300_000 {
            let begun = Instant::now();
            file.write_all(b"one more line").expect("the disk has room");
            let _took = begun.elapsed();
        }
        0
    });
}

fn a_server_is_busy(sim: &mut Sim) {
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

/// Much work of its own between looks at whether somebody has called.
fn much_is_computed(sim: &mut Sim) {
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

fn who_works_or_waits_is_left_alone() {
    for scenario in ["a_time_is_awaited_for_a_while", "a_disk_is_filled", "a_server_is_busy", "much_is_computed"] {
        let said = run(scenario, "2");
        assert_eq!(said.code, 0, "{said:?}");
    }
}
