//! Messages that outlive the life that they belong to: told, and a violation where a scenario says so.
//! What a death does to connections is in `tcp_ends`.

use crate::harness::{Module, at, breaks, holds, scenarios, trials};
use crate::reach::connect;
use afterlife::{Fault, Injection, Link, NodeId, Sim};
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let trials = trials![
        a_datagram_for_an_earlier_life_is_told_and_breaks_only_who_asks,
        bytes_of_an_earlier_life_that_are_read_late_break_only_who_asks,
        without_a_second_life_nothing_is_late,
    ];
    let scenarios = scenarios![datagrams, datagrams_fenced, late_reads, late_reads_fenced];
    Module::new(scenarios, trials)
}

const SECOND: Duration = Duration::from_secs(1);

/// A server that is reached slowly, and a client that sends to it all the time.
fn datagrams(sim: &mut Sim) {
    let server = sim.program("server", |_| {
        let socket = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
        loop {
            socket.recv(&mut [0]).expect("it can receive");
        }
    });
    let client = sim.client_program("client", |_| {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        for number in 0..100 {
            socket.send_to(&[number], "server:9000").expect("it can send");
            sleep(Duration::from_millis(50));
        }
        0
    });
    sim.link(server, client, Link::fixed(Duration::from_millis(200)));
}

fn datagrams_fenced(sim: &mut Sim) {
    datagrams(sim);
    sim.also("no-stale-message");
}

/// A client that reads the successor's greeting before its predecessor's.
fn late_reads(sim: &mut Sim) {
    sim.program("server", |node| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let mut streams = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            stream.write_all(&[node.incarnation() as u8]).expect("it is open");
            streams.push(stream);
        }
    });
    sim.client_program("client", |_| {
        let mut first = connect("server:7000");
        sleep(5 * SECOND);
        let (mut second, mut byte) = (connect("server:7000"), [0]);
        second.read_exact(&mut byte).expect("it greets");
        first.read_exact(&mut byte).expect("it is there, although its sender is not");
        0
    });
}

fn late_reads_fenced(sim: &mut Sim) {
    late_reads(sim);
    sim.also("no-stale-message");
}

fn kill() -> Vec<Injection> {
    vec![Injection { trigger: at(2 * SECOND), fault: Fault::kill(NodeId(0), Duration::from_millis(100)) }]
}

fn a_datagram_for_an_earlier_life_is_told_and_breaks_only_who_asks() {
    holds("datagrams", &kill());
    let said = breaks("datagrams_fenced", &kill(), "no-stale-message");
    assert!(said.out.contains("server, in life 2, received a datagram that was meant for its life 1"), "{}", said.out);
}

fn bytes_of_an_earlier_life_that_are_read_late_break_only_who_asks() {
    holds("late_reads", &kill());
    let said = breaks("late_reads_fenced", &kill(), "no-stale-message");
    let told = "client received bytes of a connection of life 1 of server after it had heard from a later one";
    // A page breaks its lines.
    let flat = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(told), "{}", said.out);
}

fn without_a_second_life_nothing_is_late() {
    holds("datagrams_fenced", &[]);
    holds("late_reads_fenced", &[]);
}
