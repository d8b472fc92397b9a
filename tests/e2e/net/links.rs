//! Slow, lossy, narrow, held, duplicating and reordering links, as connections and datagrams see them.
//! Partitions are in `tcp_ends` and `udp`.

use crate::harness::{Module, campaigns};
use crate::reach::{connect, reach};
use crate::time::{ms, secs};
use afterlife::{Fault, Faults, Group, Link, NodeId, Sim, Trigger};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_link_has_its_own_latency: 10,
        tcp_resends_lost_packets_and_udp_does_not: 10,
        a_link_with_low_bandwidth_is_slow: 5,
        a_released_link_delivers_everything_it_held: 10,
        a_slow_link_recovers: 10,
        unruly_datagrams_are_duplicated_and_reordered: 10,
        connections_are_reset_at_both_ends_and_only_between_the_two: 5,
        keepalive_detects_a_vanished_machine: 5,
        drawn_link_faults_strike_and_end: 200,
    ])
}

/// A TCP echo server.
fn echo(sim: &mut Sim) -> Group {
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            std::thread::spawn(move || {
                let mut buffer = [0; 4_096];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    })
}

/// The round-trip time of one byte.
fn round_trip(stream: &mut TcpStream) -> Duration {
    let begun = Instant::now();
    stream.write_all(&[1]).expect("it is open");
    stream.read_exact(&mut [0]).expect("it comes back");
    begun.elapsed()
}

fn a_link_has_its_own_latency(sim: &mut Sim) {
    let server = echo(sim);
    let far = sim.client_main("far", |_| {
        let mut stream = connect("server:7000");
        stream.set_nodelay(true).expect("it is a socket");
        for _ in 0..20 {
            let took = round_trip(&mut stream);
            assert!((ms(100)..ms(101)).contains(&took), "{took:?}");
        }
        0
    });
    let tailed = sim.client_main("tailed", |_| {
        let mut stream = connect("server:7000");
        let mut took: Vec<Duration> = (0..200).map(|_| round_trip(&mut stream)).collect();
        took.sort_unstable();
        // At least 2 ms; 10 ms each way on average; a tail far beyond a uniform distribution.
        assert!(took[0] >= ms(2) && took[100] < ms(25) && took[199] > ms(40), "{took:?}");
        0
    });
    sim.client_main("near", |_| {
        let mut stream = connect("server:7000");
        for _ in 0..20 {
            assert!(round_trip(&mut stream) < ms(5));
        }
        0
    });
    sim.link(server, far, Link::fixed(ms(50)));
    sim.link(tailed, server, Link::long_tailed(ms(1), ms(10)));
}

fn tcp_resends_lost_packets_and_udp_does_not(sim: &mut Sim) {
    let late = sim.ledger::<u64>("late");
    let server = echo(sim);
    let client = sim.client_main("client", move |_| {
        let mut stream = connect("server:7000");
        for number in 0..200 {
            // Each direction loses one packet in ten; TCP resends after 200 ms.
            if round_trip(&mut stream) > ms(200) {
                late.note(number);
            }
        }
        assert!((15..80).contains(&late.len()), "{}", late.len());
        0
    });
    let receiver = sim.node_main("receiver", |_| {
        let socket = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
        let mut received = 0_u32;
        let mut byte = [0];
        loop {
            let (count, from) = socket.recv_from(&mut byte).expect("it can receive");
            received += 1;
            if count == 0 {
                let received = received - 1;
                assert!((850..950).contains(&received), "{received} of 1000");
                socket.send_to(&received.to_be_bytes(), from).expect("it can send");
            }
        }
    });
    let sender = sim.client_main("sender", |_| {
        sleep(secs(1));
        let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
        socket.set_read_timeout(Some(secs(1))).expect("it is a duration");
        for _ in 0..1_000 {
            socket.send_to(&[1], "receiver:9000").expect("the sender does not learn of a loss");
        }
        sleep(secs(1));
        let mut received = [0; 4];
        while {
            socket.send_to(&[], "receiver:9000").expect("it can send");
            socket.recv(&mut received).is_err()
        } {}
        0
    });
    sim.link(server, client, Link::default().losing(100));
    sim.link(receiver, sender, Link::default().losing(100));
}

fn a_link_with_low_bandwidth_is_slow(sim: &mut Sim) {
    let server = sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).expect("it is all sent");
        stream.write_all(&(all.len() as u64).to_be_bytes()).expect("the client reads");
        sleep(secs(1_000));
        0
    });
    let client = sim.client_main("client", |_| {
        let mut stream = connect("server:7000");
        let begun = Instant::now();
        stream.write_all(&vec![7; 1_000_000]).expect("it is open");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut count = [0; 8];
        stream.read_exact(&mut count).expect("the server answers");
        assert_eq!(u64::from_be_bytes(count), 1_000_000);
        assert!((secs(10)..secs(11)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        0
    });
    sim.link(server, client, Link::default().bandwidth(100_000));
}

fn a_released_link_delivers_everything_it_held(sim: &mut Sim) {
    let server = echo(sim);
    let client = sim.client("client", |_| async {
        let socket = tokio::net::UdpSocket::bind("0.0.0.0:0").await?;
        let mut stream = reach("server:7000").await;
        tokio::time::sleep(secs(2)).await;
        let begun = Instant::now();
        for number in 0..100 {
            stream.write_u32(number).await?;
            tokio::time::sleep(ms(10)).await;
        }
        let second = tokio::spawn(tokio::net::TcpStream::connect("server:7000"));
        socket.send_to(b"to a port that nobody has", "server:9000").await?;
        for number in 0..100 {
            assert_eq!(stream.read_u32().await?, number, "in order");
        }
        // The hold began at second 1 and lasted 20 s.
        assert!((secs(18)..secs(20)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        second.await??;
        stream.write_u32(1).await?;
        let begun = Instant::now();
        stream.read_u32().await?;
        assert!(begun.elapsed() < ms(10));
        Ok(())
    });
    sim.inject(Trigger::at(secs(1)), Fault::held_link(client.node(0), server.node(0), secs(20)));
}

fn a_slow_link_recovers(sim: &mut Sim) {
    let server = echo(sim);
    let client = sim.client_main("client", |_| {
        let mut stream = connect("server:7000");
        assert!(round_trip(&mut stream) < ms(5));
        sleep(secs(2));
        let took = round_trip(&mut stream);
        assert!((secs(1)..ms(1_005)).contains(&took), "{took:?}");
        sleep(secs(10));
        assert!(round_trip(&mut stream) < ms(5));
        0
    });
    sim.inject(Trigger::at(secs(1)), Fault::slow_link(client.node(0), server.node(0), ms(500), secs(10)));
}

fn unruly_datagrams_are_duplicated_and_reordered(sim: &mut Sim) {
    type OnLink = fn(NodeId, NodeId, u16, Duration) -> Fault;
    let faults: [(_, OnLink); 2] =
        [("doubling", Fault::duplicated_datagrams), ("reordering", Fault::reordered_datagrams)];
    for (name, fault) in faults {
        let receiver = sim.client_main(&format!("{name}-receiver"), move |_| {
            let socket = UdpSocket::bind("0.0.0.0:9000").expect("the port is free");
            socket.set_read_timeout(Some(secs(10))).expect("it is a duration");
            let mut received = Vec::new();
            let mut number = [0; 4];
            while let Ok((4, _)) = socket.recv_from(&mut number) {
                received.push(u32::from_be_bytes(number));
            }
            let backwards = received.windows(2).filter(|pair| pair[0] > pair[1]).count();
            let mut once = received.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), 200, "none is lost");
            if name == "doubling" {
                assert!((20..100).contains(&(received.len() - 200)), "{}", received.len());
            } else {
                assert_eq!(received.len(), 200);
                assert!(backwards > 10, "{backwards}");
            }
            0
        });
        let sender = sim.client_main(&format!("{name}-sender"), move |_| {
            sleep(secs(2));
            let socket = UdpSocket::bind("0.0.0.0:0").expect("there are free ports");
            for number in 0..200_u32 {
                socket.send_to(&number.to_be_bytes(), format!("{name}-receiver:9000")).expect("it can send");
                // Longer than the maximum latency: a sound link would keep the order.
                sleep(ms(3));
            }
            0
        });
        sim.inject(Trigger::at(secs(1)), fault(receiver.node(0), sender.node(0), 300, secs(10)));
    }
}

fn connections_are_reset_at_both_ends_and_only_between_the_two(sim: &mut Sim) {
    let server = sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            std::thread::spawn(move || {
                let mut who = [0];
                stream.read_exact(&mut who).expect("the client sends its number");
                let end = stream.read(&mut [0]);
                match who[0] {
                    0 => assert_eq!(end.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset)),
                    _ => assert_eq!(end.expect("nobody resets it"), 0),
                }
            });
        }
    });
    let struck = sim.client_main("struck", |_| {
        let mut stream = connect("server:7000");
        stream.write_all(&[0]).expect("it is open");
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
        assert_eq!(stream.write(&[0]).map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
        let mut again = connect("server:7000");
        again.write_all(&[1]).expect("it is open");
        0
    });
    sim.client_main("spared", |_| {
        let mut stream = connect("server:7000");
        stream.write_all(&[1]).expect("it is open");
        stream.set_read_timeout(Some(secs(3))).expect("it is a duration");
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        0
    });
    let fault = Fault::reset_connections(struck.node(0), server.node(0));
    sim.inject(Trigger::at(Duration::from_secs(1)), fault);
}

fn set(stream: &TcpStream, level: i32, option: i32, value: i32) {
    // SAFETY: a value of the caller's.
    let result = unsafe { libc::setsockopt(stream.as_raw_fd(), level, option, (&raw const value).cast(), 4) };
    assert_eq!(result, 0);
}

fn keepalive_detects_a_vanished_machine(sim: &mut Sim) {
    sim.time_limit(secs(3_000));
    let server = echo(sim);
    sim.client_main("probes", |_| {
        let mut stream = connect("server:7000");
        set(&stream, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1);
        for (option, value) in [(libc::TCP_KEEPIDLE, 30), (libc::TCP_KEEPINTVL, 10), (libc::TCP_KEEPCNT, 3)] {
            set(&stream, libc::IPPROTO_TCP, option, value);
        }
        let begun = Instant::now();
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
        // Thirty seconds of silence, then three probes.
        assert!((secs(58)..secs(62)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        0
    });
    sim.client_main("believes", |_| {
        let mut stream = connect("server:7000");
        stream.set_read_timeout(Some(secs(1_000))).expect("it is a duration");
        assert_eq!(
            stream.read(&mut [0]).map_err(|error| error.kind()),
            Err(ErrorKind::WouldBlock),
            "no error is ever reported"
        );
        0
    });
    sim.client_main("is-reset-by-the-machine", |_| {
        let mut stream = connect("server:7000");
        set(&stream, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1);
        set(&stream, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 300);
        let begun = Instant::now();
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
        // The machine has restarted by then and does not know the connection.
        assert!((secs(298)..secs(302)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        0
    });
    sim.client_main("gives-up-early", |_| {
        let mut stream = connect("server:7000");
        set(&stream, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 5_000);
        sleep(secs(2));
        stream.write_all(b"into silence").expect("a send into silence succeeds");
        let begun = Instant::now();
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
        assert!((secs(4)..secs(6)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        0
    });
    let fault = Fault::power_loss(server.node(0), Duration::from_secs(200));
    sim.inject(Trigger::at(Duration::from_secs(1)), fault);
}

fn drawn_link_faults_strike_and_end(sim: &mut Sim) {
    let slow = sim.ledger::<u32>("answers that took long");
    let resets = sim.ledger::<u32>("resets");
    let peers = sim.nodes("peer", 2, move |node| async move {
        if node.index() == 0 {
            let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
            loop {
                let (mut stream, _) = listener.accept().await?;
                tokio::spawn(async move {
                    while let Ok(number) = stream.read_u32().await {
                        if stream.write_u32(number).await.is_err() {
                            break;
                        }
                    }
                });
            }
        }
        let mut number = 0;
        loop {
            let mut stream = reach("peer-0:7000").await;
            loop {
                number += 1;
                let begun = Instant::now();
                if stream.write_u32(number).await.is_err() {
                    break;
                }
                match stream.read_u32().await {
                    Ok(answer) => assert_eq!(answer, number),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                        resets.note(number);
                        break;
                    }
                }
                if begun.elapsed() > ms(100) {
                    slow.note(number);
                }
                tokio::time::sleep(ms(50)).await;
            }
        }
    });
    sim.client("clock", |_| async {
        tokio::time::sleep(secs(40)).await;
        Ok(())
    });
    let faults = Faults::none()
        .slow_links(ms(100), secs(1), secs(5))
        .lossy_links(300, secs(5))
        .held_links(secs(5))
        .narrow_links(100, 10_000, secs(5))
        .duplicated_datagrams(500, secs(5))
        .reordered_datagrams(500, secs(5))
        .connection_resets();
    sim.faults(peers, faults.quiet_after(secs(20)));
    sim.sometimes("an answer is slow", move |_| !slow.is_empty());
    sim.sometimes("a connection is reset", move |_| !resets.is_empty());
    sim.always("nothing goes wrong without a fault", move |view| {
        view.faults() > 0 || (slow.is_empty() && resets.is_empty())
    });
}
