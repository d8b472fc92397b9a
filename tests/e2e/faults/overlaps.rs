//! Faults of one kind that overlap on one target end with the last of them; and when faults are over, everything is healed.
//! What each of them does alone is tested where it is built.

use crate::harness::{Module, at, holds, ns, run, scenarios, trials};
use crate::reach::connect;
use crate::time::{ms, secs};
use afterlife::{Fault, Faults, Injection, NodeId, Sim, Supervisor};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![heartbeats, syncs, asks_for_memory, everything_heals];
    let trials = trials![
        of_two_pauses_the_later_end_counts,
        of_two_cuts_the_later_end_counts,
        a_pause_of_an_earlier_life_ends_none_of_a_later_one,
        of_two_slow_disks_the_later_end_counts,
        of_two_squeezes_the_tighter_counts_and_then_the_other,
        when_faults_are_over_everything_is_itself_again,
    ];
    Module::new(scenarios, trials)
}

/// From one second to three, and from two to five.
fn twice(fault: impl Fn(u64) -> Fault) -> Vec<Injection> {
    let injection = |from: u64, length: u64| Injection { trigger: at(secs(from)), fault: fault(ns(secs(length))) };
    vec![injection(1, 2), injection(2, 3)]
}

/// A beat every 10 ms; the client says between which whole tenths of a second it heard none.
fn heartbeats(sim: &mut Sim) {
    let silent = sim.ledger::<(u64, u64)>("silent between these tenths of a second");
    sim.program("server", |_| {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        loop {
            let _lost = socket.send_to(&[1], "client:9000");
            sleep(ms(10));
        }
    });
    sim.client_program("client", move |_| {
        let begun = Instant::now();
        let socket = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
        let mut last = Duration::ZERO;
        while last < secs(8) {
            socket.recv(&mut [0]).expect("it can receive");
            let now = begun.elapsed();
            if now - last > ms(300) {
                silent.note(((last.as_millis() / 100) as u64, (now.as_millis() / 100) as u64));
            }
            last = now;
        }
        0
    });
    // Whether or not a new life says one word between two faults, the last silence ends with the last of them.
    let is_so = move || silent.len() <= 2 && [9, 10, 19].into_iter().any(|from| silent.contains(&(from, 50)));
    sim.eventually("it was silent from the first second to the fifth", secs(60), move |_| is_so());
}

fn of_two_pauses_the_later_end_counts() {
    holds("heartbeats", &twice(|for_ns| Fault::pause(NodeId(0), Duration::from_nanos(for_ns))));
}

fn of_two_cuts_the_later_end_counts() {
    holds("heartbeats", &twice(|for_ns| Fault::partition(NodeId(0), NodeId(1), Duration::from_nanos(for_ns))));
    // One of them one way, as the other's first half.
    let mut plan = twice(|for_ns| Fault::one_way_partition(NodeId(0), NodeId(1), Duration::from_nanos(for_ns)));
    plan[1].fault = Fault::partition(NodeId(1), NodeId(0), secs(3));
    holds("heartbeats", &plan);
}

/// The first pause would last to the third second; its life ends, and the next one is paused to the fifth.
fn a_pause_of_an_earlier_life_ends_none_of_a_later_one() {
    let kill = Fault::kill(NodeId(0), ms(100));
    let mut plan = twice(|for_ns| Fault::pause(NodeId(0), Duration::from_nanos(for_ns)));
    plan.push(Injection { trigger: at(ms(1_800)), fault: kill });
    plan[1].trigger = at(ms(1_900) + Duration::from_micros(100));
    plan[1].fault = Fault::pause(NodeId(0), ms(3_100));
    holds("heartbeats", &plan);
}

fn syncs(sim: &mut Sim) {
    let slow = sim.ledger::<u64>("seconds in which a sync was slow");
    sim.program("server", move |_| {
        let begun = Instant::now();
        let mut file = File::create("/log").expect("the disk works");
        loop {
            file.write_all(b"x").expect("the disk works");
            let before = begun.elapsed();
            file.sync_all().expect("the disk works");
            if begun.elapsed() - before >= ms(100) {
                slow.note(before.as_secs());
            }
            sleep(ms(100));
        }
    });
    sim.client_program("client", |_| {
        sleep(secs(8));
        0
    });
    sim.eventually("syncs were slow from the first second to the fifth", secs(60), move |_| {
        (1..5).all(|second| slow.contains(&second)) && !slow.contains(&0) && !slow.contains(&5) && !slow.contains(&6)
    });
}

fn of_two_slow_disks_the_later_end_counts() {
    holds("syncs", &twice(|for_ns| Fault::slow_disk(NodeId(0), ms(100), Duration::from_nanos(for_ns))));
}

const MIB: u64 = 1 << 20;

/// Takes 24 MiB in each of its lives, and says that it could. A life is half a second if there is memory, else none at all.
fn asks_for_memory(sim: &mut Sim) {
    let lived = sim.ledger::<u16>("lives with memory");
    let worker = sim.program("worker", move |node| {
        drop(std::hint::black_box(vec![1_u8; 24 * MIB as usize]));
        lived.note(node.incarnation());
        sleep(ms(400));
        1
    });
    sim.memory(worker, 64 * MIB);
    sim.supervise(worker, Supervisor::on_failure().delay(ms(100)));
    sim.without("no-crash-loop");
    sim.client_program("client", |_| {
        sleep(secs(8));
        0
    });
    // Two in each second but for those from the first to the fifth.
    sim.eventually("there is memory for four seconds", secs(60), move |_| (6..=10).contains(&lived.len()));
}

fn of_two_squeezes_the_tighter_counts_and_then_the_other() {
    let budgets = std::cell::Cell::new(4 * MIB);
    let squeeze = |for_ns| Fault::memory_pressure(NodeId(0), budgets.replace(16 * MIB), Duration::from_nanos(for_ns));
    holds("asks_for_memory", &twice(squeeze));
}

/// Everything that lasts, drawn; then a verifier that holds the room to what it should be.
fn everything_heals(sim: &mut Sim) {
    let servers = sim.nodes("server", 2, |_| async {
        std::thread::scope(|scope| {
            scope.spawn(serve);
        });
        Ok(())
    });
    sim.memory(servers, 64 * MIB);
    sim.without("blast-radius");
    sim.supervise(servers, Supervisor::on_failure().delay(ms(100)));
    sim.without("no-crash-loop");
    sim.client_program("client", |_| {
        sleep(secs(5));
        0
    });
    sim.verifier("verifier", |_| async {
        for server in ["server-0:7000", "server-1:7000"] {
            let begun = Instant::now();
            let mut stream = connect(server);
            stream.write_all(&[1])?;
            let mut took = [0; 8];
            stream.read_exact(&mut took)?;
            // A second of the server's, as this node's clock has it, two ways and a sync.
            let took = begun.elapsed();
            assert!((ms(1_000)..ms(1_100)).contains(&took), "{server} needed {took:?} for a second");
        }
        Ok(())
    });
    let faults = Faults::none().pauses(ms(10), secs(2)).partitions().slow_disks(ms(100), secs(1), secs(3));
    let faults = faults.stalled_disks(secs(2)).slow_links(ms(100), secs(1), secs(3)).held_links(secs(2));
    let faults = faults.clock_drift(200_000, secs(3)).memory_pressure(8 * MIB, 16 * MIB, secs(3)).full_disks();
    sim.faults(servers, faults.at_most(12).quiet_after(secs(4)));
}

/// Answers after a second, a sync and an allocation.
fn serve() {
    let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
    for mut stream in listener.incoming().map_while(Result::ok) {
        spawn(move || -> std::io::Result<()> {
            stream.read_exact(&mut [0])?;
            sleep(secs(1));
            let mut file = File::create("/log")?;
            file.write_all(b"x")?;
            file.sync_all()?;
            let taken = std::hint::black_box(vec![1_u8; 24 * MIB as usize]);
            stream.write_all(&taken[..8])
        });
    }
}

fn when_faults_are_over_everything_is_itself_again() {
    let said = run("everything_heals", "50");
    assert_eq!(said.code, 0, "{said:?}");
}
