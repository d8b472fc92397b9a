//! Unix sockets inside a node, by path and by abstract name, through std and tokio; and the file that a bound socket leaves.
//! Socket pairs are in `disk::files`.

use crate::harness::{Module, campaigns};
use afterlife::{Fault, Sim, Trigger};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_stream_over_a_path_carries_bytes_and_shuts_down_by_halves: 10,
        stock_tokio_listens_connects_and_reads_peer_credentials: 10,
        datagrams_arrive_whole_with_the_name_of_their_sender: 10,
        an_abstract_name_leaves_no_file_and_is_freed_with_its_socket: 5,
        a_socket_file_outlives_its_process: 10,
        a_full_unix_backlog_blocks_connects: 5,
    ])
}

const SECOND: Duration = Duration::from_secs(1);

fn a_stream_over_a_path_carries_bytes_and_shuts_down_by_halves(sim: &mut Sim) {
    sim.client_main("node", |_| {
        let listener = UnixListener::bind("/tmp/service.sock").expect("the path is free");
        assert_eq!(listener.local_addr().expect("it is bound").as_pathname(), Some("/tmp/service.sock".as_ref()));
        let server = spawn(move || {
            let (mut stream, from) = listener.accept().expect("somebody comes");
            assert!(from.is_unnamed());
            let mut all = Vec::new();
            stream.read_to_end(&mut all).expect("it is all sent");
            stream.write_all(&(all.len() as u64).to_be_bytes()).expect("the other half is open");
        });
        let mut stream = UnixStream::connect("/tmp/service.sock").expect("somebody listens");
        assert_eq!(stream.peer_addr().expect("it is connected").as_pathname(), Some("/tmp/service.sock".as_ref()));
        stream.write_all(&[7; 300_000]).expect("it takes more than its buffer holds");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut count = [0; 8];
        stream.read_exact(&mut count).expect("the server answers");
        assert_eq!(u64::from_be_bytes(count), 300_000);
        assert_eq!(stream.write(&[0]).map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
        server.join().expect("it ends well");
        assert_eq!(stream.read(&mut [0]).expect("the end is reported"), 0);
        stream.set_read_timeout(Some(SECOND)).expect("it is a duration");

        let (left, _right) = UnixStream::pair().expect("the backlog has room");
        left.set_read_timeout(Some(SECOND)).expect("it is a duration");
        let begun = Instant::now();
        assert_eq!((&left).read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        assert!((SECOND..2 * SECOND).contains(&begun.elapsed()));
        assert!(left.local_addr().expect("it is one of a pair").is_unnamed());
        0
    });
}

fn stock_tokio_listens_connects_and_reads_peer_credentials(sim: &mut Sim) {
    sim.client("node", |_| async {
        let listener = tokio::net::UnixListener::bind("/tmp/service.sock")?;
        let serve = tokio::spawn(async move {
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().await?;
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
            Ok::<(), std::io::Error>(())
        });
        for number in 0..3_u32 {
            let mut stream = tokio::net::UnixStream::connect("/tmp/service.sock").await?;
            assert_eq!(stream.peer_cred()?.pid(), Some(std::process::id() as i32));
            stream.write_u32(number).await?;
            assert_eq!(stream.read_u32().await?, number);
            stream.shutdown().await?;
            assert_eq!(stream.read(&mut [0]).await?, 0, "the echo ends with what it echoes");
        }
        serve.await??;
        Ok(())
    });
}

fn datagrams_arrive_whole_with_the_name_of_their_sender(sim: &mut Sim) {
    sim.client("node", |_| async {
        let server = tokio::net::UnixDatagram::bind("/tmp/server.sock")?;
        let client = tokio::net::UnixDatagram::bind("/tmp/client.sock")?;
        client.connect("/tmp/server.sock")?;
        client.send(b"first").await?;
        client.send(b"second, which is longer").await?;
        let mut buffer = [0; 64];
        let (count, from) = server.recv_from(&mut buffer).await?;
        assert_eq!((&buffer[..count], from.as_pathname()), (&b"first"[..], Some("/tmp/client.sock".as_ref())));
        let (count, _) = server.recv_from(&mut buffer[..6]).await?;
        assert_eq!(&buffer[..count], b"second", "the rest of it is gone");
        server.send_to(b"back", "/tmp/client.sock").await?;
        assert_eq!(client.recv(&mut buffer).await?, 4);

        // A reader that does not read blocks its senders.
        let flood = tokio::spawn(async move {
            for number in 0..2_000_u32 {
                client.send(&number.to_be_bytes()).await?;
            }
            Ok::<(), std::io::Error>(())
        });
        tokio::time::sleep(SECOND).await;
        assert!(!flood.is_finished());
        for number in 0..2_000_u32 {
            server.recv(&mut buffer).await?;
            assert_eq!(buffer[..4], number.to_be_bytes(), "none is lost, none overtakes");
        }
        flood.await??;
        drop(server);
        let (left, right) = UnixDatagram::pair()?;
        left.send(b"to the other")?;
        assert_eq!(right.recv(&mut buffer)?, 12);
        drop(right);
        assert_eq!(left.send(b"nobody").map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
        Ok(())
    });
}

fn an_abstract_name_leaves_no_file_and_is_freed_with_its_socket(sim: &mut Sim) {
    for node in ["one", "other"] {
        sim.client_main(node, |_| {
            let name = SocketAddr::from_abstract_name("service").expect("it is short");
            for _ in 0..2 {
                let listener = UnixListener::bind_addr(&name).expect("the name is free, on each node");
                let taken = UnixListener::bind_addr(&name).expect_err("it is taken");
                assert_eq!(taken.kind(), ErrorKind::AddrInUse);
                let _stream = UnixStream::connect_addr(&name).expect("somebody listens");
                let (_, from) = listener.accept().expect("somebody came");
                assert!(from.is_unnamed());
            }
            let refused = UnixStream::connect_addr(&name).expect_err("nobody listens any more");
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            0
        });
    }
}

fn a_socket_file_outlives_its_process(sim: &mut Sim) {
    let incarnations = sim.ledger::<u16>("incarnations");
    let node = sim.node_main("node", move |node| {
        let path = "/tmp/service.sock";
        if node.incarnation() == 1 {
            let _listener = UnixListener::bind(path).expect("the path is free");
            UnixStream::connect(path).expect("somebody listens");
            sleep(100 * SECOND);
            return 0;
        }
        // The state that a restart without a clean shutdown finds.
        let kind = std::fs::metadata(path).expect("the file stays").file_type();
        assert!(kind.is_socket());
        assert_eq!(UnixStream::connect(path).map_err(|error| error.kind()).err(), Some(ErrorKind::ConnectionRefused));
        assert_eq!(UnixListener::bind(path).map_err(|error| error.kind()).err(), Some(ErrorKind::AddrInUse));
        std::fs::remove_file(path).expect("it can be removed");
        assert_eq!(UnixStream::connect(path).map_err(|error| error.kind()).err(), Some(ErrorKind::NotFound));
        let _listener = UnixListener::bind(path).expect("the path is free again");
        UnixStream::connect(path).expect("somebody listens");
        incarnations.note(node.incarnation());
        sleep(100 * SECOND);
        0
    });
    sim.client_main("clock", |_| {
        sleep(10 * SECOND);
        0
    });
    sim.inject(Trigger::at(5 * SECOND), Fault::kill(node.node(0), Duration::from_micros(1)));
    sim.eventually("the second incarnation serves", SECOND, move |_| incarnations.contains(&2));
}

fn a_full_unix_backlog_blocks_connects(sim: &mut Sim) {
    sim.client_main("node", |_| {
        let path = "/tmp/service.sock";
        let listener = UnixListener::bind(path).expect("the path is free");
        // std requests the largest backlog that the system allows.
        let streams: Vec<_> = (0..100).map(|_| UnixStream::connect(path).expect("the backlog has room")).collect();
        for _ in 0..100 {
            drop(listener.accept().expect("they wait"));
        }
        for mut stream in streams {
            assert_eq!(stream.read(&mut [0]).expect("it was closed"), 0);
        }
        // SAFETY: a descriptor of the caller's.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 1) }, 0);
        let _two = [UnixStream::connect(path), UnixStream::connect(path)];
        spawn(move || {
            sleep(SECOND);
            drop(listener.accept().expect("they wait"));
            sleep(100 * SECOND);
        });
        let begun = Instant::now();
        let _third = UnixStream::connect(path).expect("the backlog has room later");
        assert!((SECOND..2 * SECOND).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        0
    });
}
