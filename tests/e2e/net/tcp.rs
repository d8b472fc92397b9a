//! TCP between healthy ends: addresses, ports, bytes, half-closed connections, deadlines, backpressure.
//! The ends of connections and the effect of faults are in `tcp_ends`; datagrams are in `udp`.

use crate::harness::{Module, campaigns};
use crate::reach::{connect, reach};
use crate::time::{ms, secs};
use afterlife::Sim;
use rand::RngExt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_port_without_a_listener_refuses: 10,
        a_port_is_in_use_until_it_is_released: 3,
        ephemeral_ports_differ: 3,
        both_ends_know_both_addresses: 10,
        half_a_connection_stays_open_after_a_shutdown: 10,
        bytes_arrive_in_order_and_none_is_lost: 5,
        a_writer_blocks_while_its_reader_does_not_read: 5,
        an_asynchronous_writer_resumes_when_its_reader_reads: 5,
        loopback_reaches_only_the_node_itself: 5,
        an_ipv6_listener_accepts_ipv4_too: 5,
        a_full_backlog_delays_new_connections: 10,
        a_blocking_read_times_out: 5,
        a_blocking_write_times_out_with_the_bytes_written_so_far: 5,
        a_duplicated_descriptor_keeps_a_connection_open: 5,
    ])
}

fn a_port_without_a_listener_refuses(sim: &mut Sim) {
    sim.node_main("empty", |_| {
        sleep(secs(10));
        0
    });
    sim.client_main("blocking", |_| {
        let begun = Instant::now();
        let refused = TcpStream::connect("empty:7000").expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        // Two addresses are tried, each with a round trip of 200 µs to 2 ms per direction.
        assert!((Duration::from_micros(800)..ms(9)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        0
    });
    sim.client("asynchronous", |_| async {
        let refused = tokio::net::TcpStream::connect("empty:7000").await.expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    });
}

fn a_port_is_in_use_until_it_is_released(sim: &mut Sim) {
    sim.allow_misconfiguration();
    for name in ["one", "other"] {
        // Two machines each have a port 80.
        sim.client_main(name, |_| {
            let first = TcpListener::bind("0.0.0.0:80").expect("the port is free");
            for taken in ["0.0.0.0:80", "127.0.0.1:80"] {
                assert_eq!(TcpListener::bind(taken).map(drop).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
            }
            drop(first);
            let loopback = TcpListener::bind("127.0.0.1:80").expect("the port is free again");
            assert_eq!(
                TcpListener::bind("0.0.0.0:80").map(drop).map_err(|error| error.kind()),
                Err(ErrorKind::AddrInUse)
            );
            drop(loopback);
            let elsewhere = TcpListener::bind("10.99.0.1:80").expect_err("that is no address of this machine");
            assert_eq!(elsewhere.kind(), ErrorKind::AddrNotAvailable);
            0
        });
    }
}

fn ephemeral_ports_differ(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let listeners: Vec<_> = (0..50).map(|_| TcpListener::bind("0.0.0.0:0").expect("there are thousands")).collect();
        let mut ports: Vec<_> =
            listeners.iter().map(|listener| listener.local_addr().expect("it is bound").port()).collect();
        assert!(ports.iter().all(|port| *port >= 49_152));
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 50);
        0
    });
}

fn both_ends_know_both_addresses(sim: &mut Sim) {
    let seen = sim.ledger::<(SocketAddr, SocketAddr)>("addresses");
    sim.node("server", move |_| async move {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        assert_eq!(listener.local_addr()?.to_string(), "0.0.0.0:7000");
        loop {
            let (stream, from) = listener.accept().await?;
            assert_eq!(stream.peer_addr()?, from);
            assert_eq!(stream.local_addr()?.port(), 7000);
            assert!(!stream.local_addr()?.ip().is_unspecified());
            seen.note((stream.local_addr()?, from));
        }
    });
    sim.client_main("client", move |_| {
        let mut stream = connect("server:7000");
        let (own, peer) = (stream.local_addr().expect("it is connected"), stream.peer_addr().expect("it is connected"));
        assert_eq!(peer.port(), 7000);
        assert!(own.is_ipv4() && peer.is_ipv4() && own.ip() != peer.ip());
        assert_eq!(stream.read(&mut [0]).expect("the server hangs up"), 0);
        assert!(seen.contains(&(peer, own)), "the server saw another connection");
        0
    });
}

fn half_a_connection_stays_open_after_a_shutdown(sim: &mut Sim) {
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let mut request = String::new();
            stream.read_to_string(&mut request).expect("the request ends");
            sleep(secs(3));
            stream.write_all(request.to_uppercase().as_bytes()).expect("the client still reads");
        }
    });
    sim.client_main("blocking", |_| {
        let mut stream = connect("server:7000");
        stream.write_all(b"hel").expect("it is open");
        stream.write_all(b"lo").expect("it is open");
        stream.shutdown(Shutdown::Write).expect("it is open");
        assert_eq!(stream.write(b"!").map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer ends");
        assert_eq!(answer, "HELLO");
        0
    });
    sim.client("asynchronous", |_| async {
        let mut stream = reach("server:7000").await;
        stream.write_all(b"hello").await?;
        stream.shutdown().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        assert_eq!(answer, "HELLO");
        Ok(())
    });
}

fn bytes_arrive_in_order_and_none_is_lost(sim: &mut Sim) {
    const BYTES: u32 = 300_000;
    sim.node("server", |_| async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let mut sum = 0_u64;
                let mut next = 0_u32;
                let mut buffer = [0; 1500];
                loop {
                    let count = stream.read(&mut buffer).await.expect("nothing breaks");
                    for byte in &buffer[..count] {
                        assert_eq!(*byte, (next % 251) as u8, "byte {next}");
                        next += 1;
                        sum += u64::from(*byte);
                    }
                    if count == 0 {
                        stream.write_u64(sum).await.expect("nothing breaks");
                        return;
                    }
                }
            });
        }
    });
    for name in ["one", "other"] {
        sim.client_main(name, |node| {
            let mut stream = connect("server:7000");
            let bytes: Vec<u8> = (0..BYTES).map(|index| (index % 251) as u8).collect();
            let mut rest = bytes.as_slice();
            let mut rng = node.rng();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(rng.random_range(1..20_000)));
                stream.write_all(now).expect("nothing breaks");
                rest = later;
            }
            stream.shutdown(Shutdown::Write).expect("nothing breaks");
            let mut sum = [0; 8];
            stream.read_exact(&mut sum).expect("nothing breaks");
            assert_eq!(u64::from_be_bytes(sum), bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>());
            0
        });
    }
}

fn a_writer_blocks_while_its_reader_does_not_read(sim: &mut Sim) {
    const CHUNK: [u8; 4096] = [7; 4096];
    const MOST: usize = 1 << 20;
    let written = sim.ledger::<usize>("chunks");
    sim.node_main("server", move |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (mut stream, _) = listener.accept().expect("somebody comes");
        sleep(secs(60));
        let stuck = written.len();
        sleep(secs(60));
        assert_eq!(written.len(), stuck, "it writes although nobody reads");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).expect("nothing breaks");
        assert_eq!(all.len(), MOST);
        assert!(all.iter().all(|byte| *byte == 7));
        0
    });
    sim.client_main("client", move |_| {
        let mut stream = connect("server:7000");
        let begun = Instant::now();
        for index in 0..MOST / CHUNK.len() {
            stream.write_all(&CHUNK).expect("nothing breaks");
            written.note(index);
            if begun.elapsed() < secs(1) {
                assert!((index + 1) * CHUNK.len() < 512 * 1024, "what nobody reads piles up");
            }
        }
        assert!(begun.elapsed() > secs(119), "the last chunk was written after {:?}", begun.elapsed());
        0
    });
}

fn an_asynchronous_writer_resumes_when_its_reader_reads(sim: &mut Sim) {
    const BYTES: usize = 1_000_000;
    sim.node("server", |_| async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        let (mut stream, _) = listener.accept().await?;
        let mut total = 0;
        let mut buffer = vec![0; 10_000];
        loop {
            tokio::time::sleep(ms(10)).await;
            match stream.read(&mut buffer).await? {
                0 => break,
                count => total += count,
            }
        }
        assert_eq!(total, BYTES);
        Ok(())
    });
    sim.client("client", |_| async {
        let mut stream = reach("server:7000").await;
        let mut full = 0;
        let mut left = BYTES;
        while left > 0 {
            stream.writable().await?;
            match stream.try_write(&[1; 10_000][..left.min(10_000)]) {
                Ok(count) => left -= count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => full += 1,
                Err(error) => return Err(error.into()),
            }
        }
        assert!(full > 0, "a megabyte went without waiting");
        stream.shutdown().await?;
        assert_eq!(stream.read(&mut [0]).await?, 0);
        Ok(())
    });
}

fn loopback_reaches_only_the_node_itself(sim: &mut Sim) {
    sim.allow_misconfiguration();
    sim.client_main("inside", |_| {
        for own in ["127.0.0.1:7000", "[::1]:7000"] {
            let listener = TcpListener::bind(own).expect("the port is free");
            let mut there = TcpStream::connect(own).expect("it is bound");
            let (mut here, from) = listener.accept().expect("it is connected");
            assert!(from.ip().is_loopback());
            assert_eq!(from, there.local_addr().expect("it is connected"));
            there.write_all(b"x").expect("it is open");
            here.read_exact(&mut [0]).expect("it is open");
        }
        let _listener = TcpListener::bind("127.0.0.1:7001").expect("the port is free");
        sleep(secs(10));
        0
    });
    sim.client_main("outside", |_| {
        sleep(secs(5));
        let refused = TcpStream::connect("inside:7001").expect_err("it is bound to loopback");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        0
    });
}

fn an_ipv6_listener_accepts_ipv4_too(sim: &mut Sim) {
    sim.node("server", |_| async {
        let listener = tokio::net::TcpListener::bind("[::]:7000").await?;
        loop {
            let (mut stream, from) = listener.accept().await?;
            assert!(from.is_ipv6(), "an IPv6 socket shows {from}");
            let family = if from.ip().to_canonical().is_ipv4() { 4 } else { 6 };
            stream.write_u8(family).await?;
        }
    });
    sim.client("client", |_| async {
        drop(reach("server:7000").await);
        let addresses: Vec<_> = tokio::net::lookup_host("server:7000").await?.collect();
        for address in addresses {
            let mut stream = tokio::net::TcpStream::connect(address).await?;
            assert_eq!(stream.peer_addr()?, address);
            assert_eq!(stream.read_u8().await?, if address.is_ipv4() { 4 } else { 6 });
        }
        let nowhere = tokio::net::TcpStream::connect((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 1)).await;
        let nowhere = nowhere.expect_err("no node has that address").kind();
        assert!(matches!(nowhere, ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable), "{nowhere}");
        Ok(())
    });
}

fn a_full_backlog_delays_new_connections(sim: &mut Sim) {
    sim.node("server", |_| async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind("0.0.0.0:7000".parse()?)?;
        let listener = socket.listen(2)?;
        tokio::time::sleep(secs(2)).await;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.write_u8(1).await?;
        }
    });
    sim.client("client", |_| async {
        tokio::time::sleep(ms(100)).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..6 {
            tasks.spawn(async {
                let begun = Instant::now();
                let mut stream = tokio::net::TcpStream::connect(("10.0.0.1".parse::<Ipv4Addr>()?, 7000)).await?;
                let connected = begun.elapsed();
                stream.read_u8().await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(connected)
            });
        }
        let mut waits = Vec::new();
        while let Some(wait) = tasks.join_next().await {
            waits.push(wait??);
        }
        // Linux accepts one more connection than the backlog says.
        assert_eq!(waits.iter().filter(|wait| **wait < ms(100)).count(), 3, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait < ms(100) || (secs(1)..secs(8)).contains(wait)), "{waits:?}");
        Ok(())
    });
}

fn a_blocking_read_times_out(sim: &mut Sim) {
    sim.node_main("mute", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _stream = listener.accept().expect("somebody comes");
        sleep(secs(100));
        0
    });
    sim.client_main("client", |_| {
        let mut stream = connect("mute:7000");
        stream.set_read_timeout(Some(ms(1500))).expect("it is a duration");
        assert_eq!(stream.read_timeout().expect("it is a socket"), Some(ms(1500)));
        let begun = Instant::now();
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        assert!((ms(1500)..ms(1510)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        stream.set_nonblocking(true).expect("it is a socket");
        assert_eq!(stream.peek(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        stream.set_nodelay(true).expect("it is a TCP socket");
        assert!(stream.take_error().expect("it is a socket").is_none());
        0
    });
}

fn a_blocking_write_times_out_with_the_bytes_written_so_far(sim: &mut Sim) {
    sim.node_main("deaf", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _stream = listener.accept().expect("somebody comes");
        sleep(secs(100));
        0
    });
    sim.client_main("client", |_| {
        let mut stream = connect("deaf:7000");
        stream.set_write_timeout(Some(secs(2))).expect("it is a duration");
        for went in [true, false] {
            let begun = Instant::now();
            match stream.write(&[0; 1 << 20]) {
                Ok(count) => assert!(went && (1..1 << 20).contains(&count), "{count} bytes went"),
                Err(error) => assert!(!went && error.kind() == ErrorKind::WouldBlock, "{error}"),
            }
            assert!((secs(2)..ms(2010)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        }
        0
    });
}

fn a_duplicated_descriptor_keeps_a_connection_open(sim: &mut Sim) {
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (stream, _) = listener.accept().expect("somebody comes");
        let mut copy = stream.try_clone().expect("it is a socket");
        drop(stream);
        sleep(secs(1));
        copy.write_all(b"still here").expect("the copy is open");
        0
    });
    sim.client_main("client", |_| {
        let mut stream = connect("server:7000");
        let mut peeked = [0; 5];
        assert_eq!(stream.peek(&mut peeked).expect("bytes come"), 5);
        let mut all = String::new();
        stream.read_to_string(&mut all).expect("nothing breaks");
        assert_eq!((all.as_str(), &peeked), ("still here", b"still"));
        0
    });
}
