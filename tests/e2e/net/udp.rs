//! UDP: a datagram arrives whole or not at all, and the sender does not learn which.
//! Streams are in `tcp`.

use crate::harness::{Module, campaigns};
use crate::time::secs;
use afterlife::{Faults, Sim};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_datagram_arrives_whole_with_its_sender: 10,
        a_connected_socket_receives_from_its_peer_only: 10,
        an_unbound_port_refuses_connected_senders_only: 10,
        a_bound_port_is_in_use: 5,
        an_idle_reader_loses_datagrams_and_blocks_no_sender: 10,
        a_partition_loses_datagrams: 40,
    ])
}

/// Sends every datagram back.
fn echo(socket: &UdpSocket) -> ! {
    let mut buffer = [0; 70_000];
    loop {
        let (count, from) = socket.recv_from(&mut buffer).expect("it can receive");
        socket.send_to(&buffer[..count], from).expect("it can send");
    }
}

fn a_datagram_arrives_whole_with_its_sender(sim: &mut Sim) {
    sim.node_main("server", |_| echo(&UdpSocket::bind("0.0.0.0:9000").expect("the port is free")));
    sim.client_main("blocking", |_| {
        sleep(secs(1));
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        socket.set_read_timeout(Some(secs(1))).expect("it is a duration");
        let mut buffer = [0; 70_000];
        for size in [0, 1, 1_500, 65_507] {
            assert_eq!(socket.send_to(&vec![7; size], "server:9000").expect("it can send"), size);
            let (count, from) = socket.recv_from(&mut buffer).expect("it comes back");
            assert_eq!((count, from.port()), (size, 9000));
            assert!(buffer[..count].iter().all(|byte| *byte == 7));
        }
        assert!(socket.send_to(&[0; 65_508], "server:9000").is_err(), "no datagram is so long");

        socket.send_to(b"longer than the buffer", "server:9000").expect("it can send");
        let mut short = [0; 6];
        assert_eq!(socket.recv_from(&mut short).expect("it comes back").0, 6);
        assert_eq!(&short, b"longer");
        let begun = Instant::now();
        assert_eq!(
            socket.recv(&mut short).map_err(|error| error.kind()),
            Err(ErrorKind::WouldBlock),
            "the rest is gone"
        );
        assert!((secs(1)..secs(2)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        0
    });
    sim.client("asynchronous", |_| async {
        tokio::time::sleep(secs(1)).await;
        let socket = tokio::net::UdpSocket::bind("0.0.0.0:0").await?;
        let mut buffer = [0; 16];
        for number in 0..20_u8 {
            socket.send_to(&[number; 3], "server:9000").await?;
            let (count, from) = socket.recv_from(&mut buffer).await?;
            assert_eq!((&buffer[..count], from.port()), (&[number; 3][..], 9000));
        }
        let nothing = tokio::time::timeout(secs(1), socket.recv(&mut buffer)).await;
        assert!(nothing.is_err());
        Ok(())
    });
}

fn a_connected_socket_receives_from_its_peer_only(sim: &mut Sim) {
    for name in ["friend", "other"] {
        sim.node_main(name, |node| {
            let socket = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
            let mut buffer = [0; 64];
            loop {
                let (count, _) = socket.recv_from(&mut buffer).expect("it can receive");
                let to: SocketAddr =
                    std::str::from_utf8(&buffer[..count]).ok().and_then(|text| text.parse().ok()).expect("an address");
                socket.send_to(node.name().as_bytes(), to).expect("it can send");
            }
        });
    }
    sim.client_main("client", |_| {
        sleep(secs(1));
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        assert!(socket.local_addr().expect("it is bound").ip().is_unspecified());
        assert_eq!(socket.peer_addr().map_err(|error| error.kind()), Err(ErrorKind::NotConnected));
        assert!(socket.send(b"to whom").is_err());
        socket.connect("friend:9000").expect("it has a name");
        let (own, peer) = (socket.local_addr().expect("it is bound"), socket.peer_addr().expect("it is connected"));
        assert!(!own.ip().is_unspecified() && peer.port() == 9000);
        let own = own.to_string();
        socket.send_to(own.as_bytes(), "other:9000").expect("it can send to others as well");
        sleep(secs(1));
        socket.send(own.as_bytes()).expect("it can send");
        let mut buffer = [0; 64];
        socket.set_read_timeout(Some(secs(5))).expect("it is a duration");
        let count = socket.recv(&mut buffer).expect("the friend answers");
        assert_eq!(&buffer[..count], b"friend");
        assert_eq!(socket.recv(&mut buffer).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        0
    });
}

fn an_unbound_port_refuses_connected_senders_only(sim: &mut Sim) {
    sim.node_main("empty", |_| {
        sleep(secs(100));
        0
    });
    sim.client_main("blocking", |_| {
        let mut buffer = [0; 8];
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        socket.set_read_timeout(Some(secs(5))).expect("it is a duration");
        socket.send_to(b"hello", "empty:9000").expect("it can send");
        assert_eq!(
            socket.recv(&mut buffer).map_err(|error| error.kind()),
            Err(ErrorKind::WouldBlock),
            "an unconnected socket learns nothing"
        );
        socket.connect("empty:9000").expect("it has a name");
        socket.send(b"hello").expect("it can send");
        assert_eq!(socket.recv(&mut buffer).map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
        socket.send(b"hello").expect("the error was reported once");
        sleep(secs(1));
        assert_eq!(socket.send(b"hello").map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
        0
    });
    sim.client("asynchronous", |_| async {
        let socket = tokio::net::UdpSocket::bind("0.0.0.0:0").await?;
        socket.connect("empty:9000").await?;
        socket.send(b"hello").await?;
        let refused = socket.recv(&mut [0; 8]).await.expect_err("nobody is there");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    });
}

fn a_bound_port_is_in_use(sim: &mut Sim) {
    sim.allow_misconfiguration();
    sim.client_main("client", |_| {
        let first = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
        assert_eq!(UdpSocket::bind("0.0.0.0:9000").map(drop).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
        let _stream = std::net::TcpListener::bind("0.0.0.0:9000").expect("TCP has ports of its own");
        drop(first);
        let loopback = UdpSocket::bind("[::1]:9000").expect("the port is free again");
        loopback.send_to(b"to oneself", "[::1]:9000").expect("it can send");
        let (count, from) = loopback.recv_from(&mut [0; 64]).expect("it arrives");
        assert_eq!((count, from), (10, "[::1]:9000".parse().expect("it is an address")));
        0
    });
}

fn an_idle_reader_loses_datagrams_and_blocks_no_sender(sim: &mut Sim) {
    let received = sim.ledger::<u64>("received");
    sim.node_main("server", move |_| {
        let socket = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
        sleep(secs(10));
        socket.set_nonblocking(true).expect("it is a socket");
        let mut number = [0; 1_000];
        while socket.recv(&mut number).is_ok() {
            received.note(u64::from_be_bytes(number[..8].try_into().expect("eight bytes")));
        }
        0
    });
    sim.client_main("client", move |_| {
        sleep(secs(1));
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        let begun = Instant::now();
        for number in 0..1_000_u64 {
            let mut datagram = [0; 1_000];
            datagram[..8].copy_from_slice(&number.to_be_bytes());
            socket.send_to(&datagram, "server:9000").expect("nobody waits for a reader");
        }
        assert!(begun.elapsed() < secs(1), "{:?}", begun.elapsed());
        sleep(secs(20));
        assert!((100..1_000).contains(&received.len()) && received.has_no_duplicate(), "{}", received.len());
        0
    });
}

fn a_partition_loses_datagrams(sim: &mut Sim) {
    let lost = sim.ledger::<u32>("lost");
    let peers = sim.nodes("peer", 2, move |node| async move {
        let socket = tokio::net::UdpSocket::bind("0.0.0.0:9000").await?;
        let mut buffer = [0; 4];
        if node.index() == 0 {
            loop {
                let (count, from) = socket.recv_from(&mut buffer).await?;
                socket.send_to(&buffer[..count], from).await?;
            }
        }
        for number in 0..200_u32 {
            socket.send_to(&number.to_be_bytes(), "peer-0:9000").await?;
            match tokio::time::timeout(Duration::from_millis(50), socket.recv(&mut buffer)).await {
                Ok(received) => assert_eq!((received?, u32::from_be_bytes(buffer)), (4, number), "it comes late"),
                Err(_) => lost.note(number),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    });
    sim.client("clock", |_| async {
        tokio::time::sleep(secs(40)).await;
        Ok(())
    });
    sim.faults(peers, Faults::none().partitions().starting_at(secs(2)).quiet_after(secs(5)).at_most(1));
    sim.always("nothing is lost without a cut", move |view| lost.is_empty() || view.faults() > 0);
    sim.sometimes("a cut loses something", move |_| !lost.is_empty());
}
