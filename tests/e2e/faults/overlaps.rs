//! Faults of one kind that overlap on one target last until the last of them ends; at the end of all faults everything is healed.
//! The effect of a single fault is tested with the part that it strikes.

use crate::harness::{Module, at, campaign, holds, scenarios, trials};
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
        two_overlapping_pauses_end_with_the_later_one,
        two_overlapping_partitions_end_with_the_later_one,
        a_pause_of_an_earlier_incarnation_does_not_end_a_later_one,
        two_overlapping_slow_disks_end_with_the_later_one,
        the_tighter_of_two_overlapping_squeezes_applies,
        everything_is_healed_when_faults_are_over,
    ];
    Module::new(scenarios, trials)
}

/// The fault twice: from second 1 to 3, and from second 2 to 5.
fn twice(fault: impl Fn(Duration) -> Fault) -> Vec<Injection> {
    let injection = |from: u64, length: u64| Injection { trigger: at(secs(from)), fault: fault(secs(length)) };
    vec![injection(1, 2), injection(2, 3)]
}

/// A heartbeat every 10 ms. The client notes the tenths of a second between which it received none.
fn heartbeats(sim: &mut Sim) {
    let silent = sim.ledger::<(u64, u64)>("silent between these tenths of a second");
    sim.node_main("server", |_| {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        loop {
            let _lost = socket.send_to(&[1], "client:9000");
            sleep(ms(10));
        }
    });
    sim.client_main("client", move |_| {
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
    // A new incarnation may send one heartbeat between two faults; the last silence ends with the last fault.
    let is_so = move || silent.len() <= 2 && [9, 10, 19].into_iter().any(|from| silent.contains(&(from, 50)));
    sim.eventually("it was silent from the first second to the fifth", secs(60), move |_| is_so());
}

fn two_overlapping_pauses_end_with_the_later_one() {
    holds("heartbeats", &twice(|length| Fault::pause(NodeId(0), length)));
}

fn two_overlapping_partitions_end_with_the_later_one() {
    holds("heartbeats", &twice(|length| Fault::partition(NodeId(0), NodeId(1), length)));
    // One of them blocks one direction only.
    let mut plan = twice(|length| Fault::one_way_partition(NodeId(0), NodeId(1), length));
    plan[1].fault = Fault::partition(NodeId(1), NodeId(0), secs(3));
    holds("heartbeats", &plan);
}

/// The first pause would last to second 3, but its incarnation ends. The next incarnation is paused until second 5.
fn a_pause_of_an_earlier_incarnation_does_not_end_a_later_one() {
    let kill = Fault::kill(NodeId(0), ms(100));
    let mut plan = twice(|length| Fault::pause(NodeId(0), length));
    plan.push(Injection { trigger: at(ms(1_800)), fault: kill });
    plan[1].trigger = at(ms(1_900) + Duration::from_micros(100));
    plan[1].fault = Fault::pause(NodeId(0), ms(3_100));
    holds("heartbeats", &plan);
}

fn syncs(sim: &mut Sim) {
    let slow = sim.ledger::<u64>("seconds in which a sync was slow");
    sim.node_main("server", move |_| {
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
    sim.client_main("client", |_| {
        sleep(secs(8));
        0
    });
    sim.eventually("syncs were slow from the first second to the fifth", secs(60), move |_| {
        (1..5).all(|second| slow.contains(&second)) && !slow.contains(&0) && !slow.contains(&5) && !slow.contains(&6)
    });
}

fn two_overlapping_slow_disks_end_with_the_later_one() {
    holds("syncs", &twice(|length| Fault::slow_disk(NodeId(0), ms(100), length)));
}

const MIB: u64 = 1 << 20;

/// Allocates 24 MiB in each incarnation and notes that it succeeded. An incarnation lasts half a second if there is memory.
fn asks_for_memory(sim: &mut Sim) {
    let incarnations = sim.ledger::<u16>("incarnations with memory");
    let worker = sim.node_main("worker", move |node| {
        drop(std::hint::black_box(vec![1_u8; 24 * MIB as usize]));
        incarnations.note(node.incarnation());
        sleep(ms(400));
        1
    });
    sim.memory_budget(worker, 64 * MIB);
    sim.supervise(worker, Supervisor::on_failure().delay(ms(100)));
    sim.turn_off("no-crash-loop");
    sim.client_main("client", |_| {
        sleep(secs(8));
        0
    });
    // Two incarnations per second, except between seconds 1 and 5.
    sim.eventually("there is memory for four seconds", secs(60), move |_| (6..=10).contains(&incarnations.len()));
}

fn the_tighter_of_two_overlapping_squeezes_applies() {
    let budgets = std::cell::Cell::new(4 * MIB);
    let squeeze = |length| Fault::memory_pressure(NodeId(0), budgets.replace(16 * MIB), length);
    holds("asks_for_memory", &twice(squeeze));
}

/// Draws every fault that has a duration; then a verifier checks that the simulation is healed.
fn everything_heals(sim: &mut Sim) {
    let servers = sim.nodes("server", 2, |_| async {
        std::thread::scope(|scope| {
            scope.spawn(serve);
        });
        Ok(())
    });
    sim.memory_budget(servers, 64 * MIB);
    sim.turn_off("blast-radius");
    sim.supervise(servers, Supervisor::on_failure().delay(ms(100)));
    sim.turn_off("no-crash-loop");
    sim.client_main("client", |_| {
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
            // One second on the server's clock as measured by this node, a round trip, and a sync.
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

/// Answers after one second, one sync and one allocation.
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

fn everything_is_healed_when_faults_are_over() {
    let output = campaign("everything_heals", "50");
    assert_eq!(output.code, 0, "{output:?}");
}
