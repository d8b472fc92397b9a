//! A finding's record has every socket of each process at the time of the violation.
//! The transitions between socket states are tested in `net`.

use crate::harness::{Module, cli, scenarios, trials};
use crate::reach::connect;
use afterlife::{Fault, Sim, Trigger};
use serde_json::Value;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![panics_among_sockets];
    Module::new(scenarios, trials![a_record_shows_every_socket_at_the_violation])
}

const SECOND: Duration = Duration::from_secs(1);

/// The client panics after its server has restarted from a power loss: its connection is then half open.
fn panics_among_sockets(sim: &mut Sim) {
    let server = sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _datagrams = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
        let mut streams = Vec::new();
        loop {
            streams.push(listener.accept().expect("somebody comes"));
        }
    });
    sim.client_main("client", |_| {
        let _named = UnixListener::bind("/tmp/service.sock").expect("the path is free");
        let _half_open = connect("server:7000");
        sleep(10 * SECOND);
        let mut whole = connect("server:7000");
        whole.write_all(b"never read").expect("it is open");
        sleep(SECOND);
        panic!("enough");
    });
    let fault = Fault::power_loss(server.node(0), SECOND);
    sim.inject(Trigger::at(5 * SECOND), fault);
}

fn a_record_shows_every_socket_at_the_violation() {
    let out = concat!(env!("CARGO_TARGET_TMPDIR"), "/sockets_shown");
    let run = cli(&["run", "panics_among_sockets", "--seeds", "1", "--shrink", "0", "--out", out]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    let shown = cli(&["show", "last", "--out", out, "--sockets"]);
    let head = shown.out.find("sockets at the moment of the violation").expect("they were asked for");
    let table = &shown.out[head..];
    for line in [
        "server, incarnation 2  tcp listening  0.0.0.0:7000",
        "server, incarnation 2  udp bound  0.0.0.0:9000",
        "10.0.0.1:7000 → 10.0.0.2:",
        "client, incarnation 1  unix listening  /tmp/service.sock",
        "client, incarnation 1  tcp half open  10.0.0.2:",
        "client, incarnation 1  tcp established  10.0.0.2:",
        "\n      10 B unread\n",
        "\n      10 B sent\n",
    ] {
        assert!(table.contains(line), "{line}:\n{table}");
    }
    let without = cli(&["show", "last", "--out", out]);
    assert!(!without.out.contains("sockets at"), "{}", without.out);

    let json = cli(&["show", "last", "--out", out, "--format", "json"]);
    let lines = json.lines();
    let of_kind = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).cloned().collect::<Vec<_>>();
    let (sockets, nodes) = (of_kind("socket"), of_kind("node"));
    let id = |name: &str| nodes.iter().find(|node| node["name"] == name).expect("it is in the record")["id"].clone();
    let of = |node: &str, status: &str| {
        sockets.iter().filter(|socket| socket["node"] == id(node) && socket["status"] == status).count()
    };
    assert_eq!((of("server", "listening"), of("server", "established")), (1, 1), "{}", json.out);
    assert_eq!((of("client", "half_open"), of("client", "established")), (1, 1), "{}", json.out);
    let unread = sockets.iter().find(|socket| socket["unread_bytes"] == 10).expect("the server reads nothing");
    assert_eq!((&unread["node"], &unread["incarnation"]), (&id("server"), &Value::from(2)));
}
