//! Messages that outlive the incarnation they were meant for: events, and violations if the scenario opts in.
//! The effect of a death on connections is in `net::tcp_ends`.

use crate::harness::{Module, at, breaks, holds, scenarios, trials};
use crate::reach::connect;
use afterlife::{Fault, Injection, Link, NodeId, Sim};
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let trials = trials![
        a_datagram_for_an_earlier_incarnation_breaks_only_an_opted_in_scenario,
        late_bytes_of_an_earlier_incarnation_break_only_an_opted_in_scenario,
        without_a_restart_no_message_is_stale,
    ];
    let scenarios = scenarios![datagrams, datagrams_fenced, late_reads, late_reads_fenced];
    Module::new(scenarios, trials)
}

const SECOND: Duration = Duration::from_secs(1);

/// A server behind a slow link, and a client that sends to it all the time.
fn datagrams(sim: &mut Sim) {
    let server = sim.node_main("server", |_| {
        let socket = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
        loop {
            socket.recv(&mut [0]).expect("it can receive");
        }
    });
    let client = sim.client_main("client", |_| {
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
    sim.turn_on("no-stale-message");
}

/// A client that reads the greeting of the second incarnation before that of the first.
fn late_reads(sim: &mut Sim) {
    sim.node_main("server", |node| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let mut streams = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            stream.write_all(&[node.incarnation() as u8]).expect("it is open");
            streams.push(stream);
        }
    });
    sim.client_main("client", |_| {
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
    sim.turn_on("no-stale-message");
}

fn kill() -> Vec<Injection> {
    vec![Injection { trigger: at(2 * SECOND), fault: Fault::kill(NodeId(0), Duration::from_millis(100)) }]
}

fn a_datagram_for_an_earlier_incarnation_breaks_only_an_opted_in_scenario() {
    holds("datagrams", &kill());
    let output = breaks("datagrams_fenced", &kill(), "no-stale-message");
    assert!(
        output.out.contains("server, in incarnation 2, received a datagram for its incarnation 1"),
        "{}",
        output.out
    );
}

fn late_bytes_of_an_earlier_incarnation_break_only_an_opted_in_scenario() {
    holds("late_reads", &kill());
    let output = breaks("late_reads_fenced", &kill(), "no-stale-message");
    let sentence =
        "client received bytes of a connection of incarnation 1 of server after it had received from a later one";
    // The report wraps its lines.
    let flat = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(sentence), "{}", output.out);
}

fn without_a_restart_no_message_is_stale() {
    holds("datagrams_fenced", &[]);
    holds("late_reads_fenced", &[]);
}
