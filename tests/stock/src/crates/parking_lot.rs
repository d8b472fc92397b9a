//! parking_lot: its mutex, condition variable and read-write lock under contending threads.

use crate::faults::{kills_and_faults_of_short_connections, ms, secs};
use crate::row::{Row, Verdict};
use afterlife::{Ledger, Node, Sim};
use parking_lot::{Condvar, Mutex, RwLock};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

pub(crate) const ROW: Row = Row {
    name: "parking_lot",
    crates: &["parking_lot"],
    does: "a bounded queue of a mutex and two condition variables, and a table behind a read-write lock, shared by threads",
    verdict: Verdict::Runs(
        "it picks waiting threads by the hash of a lock's address: a seed is the same run in every process of one build, and \
         may be another run in the next build",
    ),
    seeds: 30,
    script,
};

/// A queue of at most four jobs, and the results.
#[derive(Default)]
struct Shop {
    queue: Mutex<Vec<u64>>,
    filled: Condvar,
    emptied: Condvar,
    made: RwLock<BTreeMap<u64, u64>>,
    finished: Condvar,
    count: Mutex<usize>,
}

fn work(shop: &Shop) {
    loop {
        let mut queue = shop.queue.lock();
        shop.filled.wait_while(&mut queue, |queue| queue.is_empty());
        let job = queue.pop().expect("it is not empty");
        shop.emptied.notify_one();
        drop(queue);
        thread::sleep(ms(job % 7));
        shop.made.write().insert(job, job * job);
        *shop.count.lock() += 1;
        shop.finished.notify_all();
    }
}

fn talk(mut stream: TcpStream, shop: &Shop) -> std::io::Result<()> {
    loop {
        let mut job = [0; 8];
        stream.read_exact(&mut job)?;
        let job = u64::from_be_bytes(job);
        let mut queue = shop.queue.lock();
        shop.emptied.wait_while(&mut queue, |queue| queue.len() >= 4);
        queue.push(job);
        drop(queue);
        shop.filled.notify_one();
        let mut count = shop.count.lock();
        let mut made = None;
        while made.is_none() {
            made = shop.made.read().get(&job).copied();
            if made.is_none() {
                shop.finished.wait_for(&mut count, ms(50));
            }
        }
        drop(count);
        stream.write_all(&made.unwrap_or_default().to_be_bytes())?;
    }
}

fn serve(_: Node) -> i32 {
    let shop = Arc::new(Shop::default());
    for _ in 0..3 {
        let shop = shop.clone();
        thread::spawn(move || work(&shop));
    }
    for stream in TcpListener::bind("0.0.0.0:7000").expect("the port is free").incoming() {
        let shop = shop.clone();
        thread::spawn(move || talk(stream?, &shop));
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
        assert_eq!(u64::from_be_bytes(answer), *next * *next);
        answered.note(*next);
        *next += 1;
        thread::sleep(ms(20));
    }
    Ok(())
}

fn script(sim: &mut Sim) {
    let answered = sim.ledger::<u64>("answered");
    let broken = sim.ledger::<u64>("connections that broke");
    let server = sim.node_main("server", serve);
    let clients = (0..6_u64).map(|index| {
        sim.client_main(&format!("client-{index}"), move |_| {
            let (mut next, end) = (index * 1_000, index * 1_000 + 100);
            while next < end {
                if ask(&mut next, end, answered).is_err() {
                    broken.note(next);
                    thread::sleep(ms(100));
                }
            }
            0
        })
    });
    let clients = clients.reduce(afterlife::Group::and).expect("there are six");
    kills_and_faults_of_short_connections(sim, server, clients);
    sim.eventually("every job is answered", secs(60), move |_| answered.len() >= 600);
    sim.sometimes("a connection breaks", move |_| !broken.is_empty());
}
