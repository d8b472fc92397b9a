//! The ends of TCP connections: FIN, reset, silence or delay, as the peer dies or a partition separates the two.
//! Healthy connections are in `tcp`; other effects of a death are in `lifecycle::deaths`.

use crate::harness::{Module, campaigns};
use crate::reach::{connect, reach};
use crate::time::{ms, secs};
use afterlife::{Fault, Faults, Sim, Trigger};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_process_that_ends_sends_fin: 10,
        a_process_that_aborts_resets_its_connections: 10,
        closing_with_unread_data_resets_the_connection: 5,
        the_second_write_to_a_closed_peer_fails: 5,
        a_killed_process_resets_its_connections: 24,
        a_machine_without_power_is_silent_until_it_restarts: 24,
        a_syn_is_resent_if_the_answering_machine_loses_power: 24,
        a_connection_to_a_powerless_machine_times_out: 24,
        a_partition_delays_sent_bytes_until_it_heals: 40,
    ])
}

/// At most one fault, at this time.
fn at(moment: Duration) -> Faults {
    Faults::none().starting_at(moment).quiet_after(moment + Duration::from_nanos(1)).at_most(1)
}

fn a_process_that_ends_sends_fin(sim: &mut Sim) {
    // Three of the four ends are failures.
    sim.turn_off("no-unprovoked-exit");
    for (name, end) in [("returns", 0), ("fails", 1), ("exits", 2), ("panics", 3)] {
        sim.node_main(name, move |_| {
            let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
            let (stream, _) = listener.accept().expect("somebody comes");
            match end {
                0 | 1 => end,
                2 => std::process::exit(3),
                _ => {
                    // A panic would fail the run.
                    std::panic::resume_unwind(Box::new(stream));
                }
            }
        });
    }
    sim.client_main("client", |_| {
        for name in ["returns", "fails", "exits", "panics"] {
            let mut stream = connect(&format!("{name}:7000"));
            assert_eq!(stream.read(&mut [0]).expect("the end is reported"), 0, "{name}");
            sleep(secs(1));
            let refused = TcpStream::connect((name, 7000)).expect_err("its port went with it");
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        }
        0
    });
}

fn a_process_that_aborts_resets_its_connections(sim: &mut Sim) {
    sim.known_issue("no-unprovoked-exit", &["server", "abort"]);
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _stream = listener.accept().expect("somebody comes");
        sleep(secs(1));
        std::process::abort();
    });
    sim.client_main("client", |_| {
        let mut stream = connect("server:7000");
        let reset = stream.read(&mut [0]).expect_err("the reset is reported");
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.write(&[0]).map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
        0
    });
}

fn closing_with_unread_data_resets_the_connection(sim: &mut Sim) {
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (mut stream, _) = listener.accept().expect("somebody comes");
        stream.read_exact(&mut [0; 2]).expect("two bytes come");
        drop(stream);
        sleep(secs(10));
        0
    });
    sim.client_main("client", |_| {
        let mut stream = connect("server:7000");
        stream.write_all(b"three").expect("it is open");
        let reset = stream.read(&mut [0]).expect_err("the rest was never read");
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        0
    });
}

fn the_second_write_to_a_closed_peer_fails(sim: &mut Sim) {
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        drop(listener.accept().expect("somebody comes"));
        sleep(secs(10));
        0
    });
    sim.client_main("client", |_| {
        let mut stream = connect("server:7000");
        assert_eq!(stream.read(&mut [0]).expect("the end is reported"), 0);
        stream.write_all(b"into the void").expect("the answer to this is a reset, later");
        sleep(secs(1));
        let error = stream.write(b"again").expect_err("the reset has come").kind();
        assert!(matches!(error, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
        0
    });
}

fn a_killed_process_resets_its_connections(sim: &mut Sim) {
    let resets = sim.ledger::<u16>("resets");
    let server = sim.node_main("server", |node| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free after a kill, too");
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            stream.write_all(&node.incarnation().to_be_bytes()).expect("the client reads");
            std::thread::spawn(move || stream.read(&mut [0]));
        }
    });
    sim.client_main("client", move |_| {
        let mut incarnation = [0; 2];
        let mut stream = connect("server:7000");
        stream.read_exact(&mut incarnation).expect("the server sends its incarnation");
        assert_eq!(u16::from_be_bytes(incarnation), 1);
        stream.set_read_timeout(Some(secs(10))).expect("it is a duration");
        match stream.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                resets.note(1);
                let mut again = connect("server:7000");
                again.read_exact(&mut incarnation).expect("the server sends its incarnation");
                assert_eq!(u16::from_be_bytes(incarnation), 2);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("neither a reset nor nothing: {other:?}"),
        }
        0
    });
    sim.faults(server, at(secs(5)).kills().downtime(ms(1), secs(1)));
    sim.always("a kill is a reset", move |view| resets.len() <= view.faults());
    sim.sometimes("the server is killed under a connection", move |_| !resets.is_empty());
}

fn a_machine_without_power_is_silent_until_it_restarts(sim: &mut Sim) {
    let silent = sim.ledger::<&str>("silence, then");
    let server = sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free after a power loss, too");
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            std::thread::spawn(move || {
                let mut byte = [0];
                while stream.read(&mut byte).is_ok_and(|count| count > 0) && stream.write_all(&byte).is_ok() {}
            });
        }
    });
    sim.client_main("client", move |_| {
        let mut byte = [1];
        let mut stream = connect("server:7000");
        stream.write_all(&byte).expect("it is open");
        stream.read_exact(&mut byte).expect("it echoes");
        sleep(secs(6));
        // The power may have failed up to a second ago, for three to five seconds.
        stream.write_all(&byte).expect("a send into silence succeeds");
        stream.set_read_timeout(Some(ms(500))).expect("it is a duration");
        match stream.read(&mut byte) {
            Ok(1) => return 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("a machine without power answered: {other:?}"),
        }
        stream.set_read_timeout(Some(secs(60))).expect("it is a duration");
        let reset = stream.read(&mut byte).expect_err("the machine that is back knows no such connection");
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        silent.note("a reset");
        0
    });
    sim.faults(server, at(secs(5)).power_losses().downtime(secs(3), secs(5)));
    sim.sometimes("the power fails", |view| view.faults() > 0);
    sim.sometimes("a sent byte meets a machine that is back", move |_| !silent.is_empty());
}

/// The machine that received the SYN loses its power before its answer arrives. Only the client is left to resend.
fn a_syn_is_resent_if_the_answering_machine_loses_power(sim: &mut Sim) {
    let connected = sim.ledger::<&str>("connected");
    let server = sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let _ = stream.write_all(b"!");
        }
    });
    let client = sim.client_main("client", move |_| {
        sleep(secs(5));
        let mut stream = TcpStream::connect("server:7000").expect("the machine comes back and listens");
        stream.read_exact(&mut [0]).expect("the next incarnation answers");
        connected.note("connected");
        0
    });
    let (server, client) = (server.node(0), client.node(0));
    let answers = Fault::one_way_partition(server, client, Duration::from_secs(3));
    sim.inject(Trigger::at(ms(4_900)), answers);
    sim.inject(Trigger::at(ms(5_100)), Fault::power_loss(server, Duration::from_millis(500)));
    sim.sometimes("it connects", move |_| !connected.is_empty());
}

fn a_connection_to_a_powerless_machine_times_out(sim: &mut Sim) {
    sim.time_limit(secs(4_000));
    let timeouts = sim.ledger::<&str>("timeouts");
    let server = sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (_stream, _) = listener.accept().expect("somebody comes");
        sleep(secs(100_000));
        0
    });
    sim.client_main("writer", move |_| {
        let mut stream = connect("server:7000");
        sleep(secs(10));
        stream.write_all(b"anybody there").expect("a send into silence succeeds");
        stream.set_read_timeout(Some(secs(1_200))).expect("it is a duration");
        let begun = Instant::now();
        let error = stream.read(&mut [0]).expect_err("nobody ever answers");
        if error.kind() == ErrorKind::TimedOut {
            // `tcp_retries2` retransmissions take 924.6 s if the first comes after 200 ms.
            assert!((secs(900)..secs(1_000)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
            timeouts.note("data");
        } else {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
        0
    });
    sim.client_main("late", move |_| {
        sleep(secs(20));
        let begun = Instant::now();
        // By address: a name would be tried over IPv6 as well.
        if let Err(error) = TcpStream::connect((Ipv4Addr::new(10, 0, 0, 1), 7000)) {
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            // `tcp_syn_retries`: 1 + 2 + 4 + 8 + 16 + 32 + 64 s.
            assert!((secs(126)..secs(129)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
            timeouts.note("connect");
        }
        let begun = Instant::now();
        let to = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 7000));
        if let Err(error) = TcpStream::connect_timeout(&to, secs(5)) {
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!((secs(5)..secs(6)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        }
        0
    });
    sim.faults(server, at(secs(5)).power_losses().downtime(secs(3_000), secs(3_001)));
    sim.sometimes("data times out", move |_| timeouts.contains(&"data"));
    sim.sometimes("a connect times out", move |_| timeouts.contains(&"connect"));
}

fn a_partition_delays_sent_bytes_until_it_heals(sim: &mut Sim) {
    let late = sim.ledger::<u32>("answers that took seconds");
    let peers = sim.nodes("peer", 2, move |node| async move {
        if node.index() == 0 {
            let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
            let (mut stream, _) = listener.accept().await?;
            loop {
                let number = stream.read_u32().await?;
                stream.write_u32(number).await?;
            }
        }
        let mut stream = reach("peer-0:7000").await;
        for number in 0..100 {
            let begun = Instant::now();
            stream.write_u32(number).await?;
            assert_eq!(stream.read_u32().await?, number);
            if begun.elapsed() > secs(1) {
                late.note(number);
            }
            // A partition lasts at most 10 s; the retransmissions at 6.2 s and 12.6 s are the last that it can delay.
            assert!(begun.elapsed() < secs(13), "{number} took {:?}", begun.elapsed());
            tokio::time::sleep(ms(100)).await;
        }
        Ok(())
    });
    sim.client("clock", |_| async {
        tokio::time::sleep(secs(60)).await;
        Ok(())
    });
    // The first peer ends with the other.
    sim.known_issue("no-unprovoked-exit", &["peer", "unexpected end of file"]);
    sim.faults(peers, at(secs(5)).partitions());
    sim.sometimes("an answer is late", move |_| !late.is_empty());
    sim.always("one cut makes one answer late", move |_| late.len() <= 1);
}
