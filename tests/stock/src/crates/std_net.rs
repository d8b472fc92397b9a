//! The standard library alone: a blocking server with a thread for each connection, and blocking clients with timeouts.

use crate::faults::{kills_and_link_faults, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Node, Sim};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

pub(crate) const ROW: Row = Row {
    name: "std",
    crates: &[],
    does: "`std::net`, `std::thread`, `std::fs`: a journal behind a blocking server with a thread for each connection",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

/// The lines that wait for the writer thread, the number of lines received, and the number on the disk.
#[derive(Default)]
struct Journal {
    waiting: Mutex<(Vec<String>, u64, u64)>,
    changed: Condvar,
}

fn write(journal: &Journal) {
    let mut file = OpenOptions::new().create(true).append(true).open("/journal").expect("the journal can be created");
    loop {
        let (lines, taken) = {
            let waiting = journal.waiting.lock().expect("nobody panics");
            let mut waiting =
                journal.changed.wait_while(waiting, |waiting| waiting.0.is_empty()).expect("nobody panics");
            (std::mem::take(&mut waiting.0), waiting.1)
        };
        file.write_all(lines.concat().as_bytes()).expect("the disk is sound");
        file.sync_data().expect("the disk is sound");
        journal.waiting.lock().expect("nobody panics").2 = taken;
        journal.changed.notify_all();
    }
}

fn talk(stream: TcpStream, journal: &Journal) -> std::io::Result<()> {
    let mut answers = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let mut waiting = journal.waiting.lock().expect("nobody panics");
        waiting.0.push(line? + "\n");
        waiting.1 += 1;
        let mine = waiting.1;
        journal.changed.notify_all();
        drop(journal.changed.wait_while(waiting, |waiting| waiting.2 < mine).expect("nobody panics"));
        answers.write_all(b"ok\n")?;
    }
    Ok(())
}

fn serve(_: Node) -> i32 {
    let journal = Arc::new(Journal::default());
    let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
    let own = journal.clone();
    thread::Builder::new().name("writer".into()).spawn(move || write(&own)).expect("a thread");
    for stream in listener.incoming() {
        let journal = journal.clone();
        thread::spawn(move || talk(stream?, &journal));
    }
    0
}

fn send(next: &mut u64, limit: u64, acked: afterlife::Ledger<u64>) -> std::io::Result<()> {
    let address = "server:7000".to_socket_addrs()?.next().ok_or(std::io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&address, secs(1))?;
    stream.set_read_timeout(Some(secs(1)))?;
    let mut answers = BufReader::new(stream.try_clone()?).lines();
    while *next < limit {
        writeln!(stream, "{next}")?;
        let answer = answers.next().ok_or(std::io::ErrorKind::UnexpectedEof)??;
        assert_eq!(answer, "ok");
        acked.note(*next);
        *next += 1;
        thread::sleep(ms(100));
    }
    Ok(())
}

fn script(sim: &mut Sim) {
    let acked = sim.ledger::<u64>("acknowledged");
    let found = sim.ledger::<usize>("lines found by an incarnation");
    let broken = sim.ledger::<String>("causes of broken connections");
    let server = sim.node_main("server", move |node| {
        let journal = std::fs::read_to_string("/journal").unwrap_or_default();
        let lines: BTreeSet<u64> = journal.lines().filter_map(|line| line.parse().ok()).collect();
        // A kill keeps everything that was written.
        let lost = (0..2_000).find(|number| acked.contains(number) && !lines.contains(number));
        assert_eq!(lost, None, "a line was acknowledged and is not in the journal");
        found.note(lines.len());
        serve(node)
    });
    let clients = [0, 1_000].map(|first| {
        sim.client_main(&format!("client-{first}"), move |_| {
            let mut next = first;
            while next < first + 50 {
                if let Err(error) = send(&mut next, first + 50, acked) {
                    broken.note(error.kind().to_string());
                    thread::sleep(ms(100));
                }
            }
            0
        })
    });
    kills_and_link_faults(sim, server, clients[0].and(clients[1]));
    sim.sometimes("an incarnation finds the lines of an earlier one", move |_| {
        (20..100).any(|lines| found.contains(&lines))
    });
    sim.sometimes("a connection is reset", move |_| broken.contains(&"connection reset".into()));
    sim.sometimes("a connection is refused", move |_| broken.contains(&"connection refused".into()));
    sim.eventually("every line is acknowledged", secs(60), move |_| acked.len() >= 100);
}
