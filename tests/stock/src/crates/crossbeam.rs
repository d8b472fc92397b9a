//! crossbeam-channel: a pipeline of threads behind a TCP server, with `select!`, a ticker and back-pressure.

use crate::faults::{kills_and_faults_of_short_connections, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Ledger, Node, Sim};
use crossbeam_channel::{Receiver, Sender, bounded, select, tick};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

pub(crate) const ROW: Row = Row {
    name: "crossbeam-channel",
    crates: &["crossbeam-channel"],
    does: "a pipeline of bounded channels between threads, batches by `select!` of work and a ticker, answers over TCP",
    verdict: Verdict::Runs(""),
    seeds: 30,
    script,
};

type Job = (u64, Sender<u64>);

/// Collects jobs until the ticker ticks or there are five, and answers them together.
fn batch(jobs: &Receiver<Job>, sizes: Ledger<usize>) {
    let ticker = tick(ms(100));
    let mut gathered = Vec::new();
    loop {
        let due = select! {
            recv(jobs) -> job => match job {
                Ok(job) => {
                    gathered.push(job);
                    gathered.len() == 5
                }
                Err(_) => return,
            },
            recv(ticker) -> _ => true,
        };
        if due && !gathered.is_empty() {
            sizes.note(gathered.len());
            for (number, answer) in gathered.drain(..) {
                // The client may have gone.
                let _ = answer.send(number * 3);
            }
        }
    }
}

fn serve(_: Node, sizes: Ledger<usize>) -> i32 {
    let (jobs, queue) = bounded::<Job>(2);
    thread::spawn(move || batch(&queue, sizes));
    let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
    for stream in listener.incoming() {
        let jobs = jobs.clone();
        thread::spawn(move || -> std::io::Result<()> {
            let mut stream = stream?;
            let mut number = [0; 8];
            let (answer, answers) = bounded(1);
            loop {
                stream.read_exact(&mut number)?;
                jobs.send((u64::from_be_bytes(number), answer.clone())).expect("the batcher lives");
                stream.write_all(&answers.recv().expect("the sender is here").to_be_bytes())?;
            }
        });
    }
    0
}

fn ask(next: &mut u64, end: u64, answered: Ledger<u64>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect("server:7000")?;
    stream.set_read_timeout(Some(secs(1)))?;
    while *next < end {
        stream.write_all(&next.to_be_bytes())?;
        let mut answer = [0; 8];
        stream.read_exact(&mut answer)?;
        assert_eq!(u64::from_be_bytes(answer), *next * 3);
        answered.note(*next);
        *next += 1;
        thread::sleep(ms(*next % 13 * 10));
    }
    Ok(())
}

fn script(sim: &mut Sim) {
    let sizes = sim.ledger::<usize>("sizes of batches");
    let answered = sim.ledger::<u64>("answered");
    let broken = sim.ledger::<u64>("connections that broke");
    let server = sim.node_main("server", move |node| serve(node, sizes));
    let clients = (0..7_u64).map(|index| {
        sim.client_main(&format!("client-{index}"), move |_| {
            let (mut next, end) = (index * 100, index * 100 + 70);
            while next < end {
                if ask(&mut next, end, answered).is_err() {
                    broken.note(next);
                    thread::sleep(ms(100));
                }
            }
            0
        })
    });
    let clients = clients.reduce(afterlife::Group::and).expect("there are seven");
    kills_and_faults_of_short_connections(sim, server, clients);
    sim.eventually("every job is answered", secs(60), move |_| answered.len() >= 490);
    sim.sometimes("a batch is full", move |_| sizes.contains(&5));
    sim.sometimes("a batch is cut short by the ticker", move |_| sizes.contains(&1) || sizes.contains(&2));
    sim.sometimes("a connection breaks", move |_| !broken.is_empty());
}
