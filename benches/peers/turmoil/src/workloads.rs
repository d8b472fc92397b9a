//! The five workloads as a user of turmoil would write them.
//! Not tuned for the benchmark; reads no real clock.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;
use tokio::time::{interval, sleep};
use turmoil::net::{TcpListener, TcpStream};
use turmoil::{Builder, Result, Sim};

const PORT: u16 = 9001;
const MESSAGE_BYTES: usize = 64;
const PAIRS_PER_NODE: u64 = 1_000;
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Long enough for every node to listen before the first one connects.
const SETTLE: Duration = Duration::from_millis(20);
/// W2 ends when its work is done. A run that hangs fails at this limit instead of ticking for ever.
const W2_VIRTUAL_MAX: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy)]
pub(crate) enum Workload {
    EmptyRun,
    Pairs,
    Heartbeats,
    ManyNodes,
    Restarts,
}

pub(crate) struct Options {
    pub(crate) nodes: usize,
    pub(crate) virtual_s: u64,
    pub(crate) tick: Duration,
    pub(crate) seed: u64,
    /// The lambda of turmoil's latency distribution; `None` keeps its default of 5.
    pub(crate) latency_curve: Option<f64>,
}

/// The work of one run: `units` counts requested work, `check` its observed results.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) units: u64,
    pub(crate) check: u64,
}

impl Workload {
    const ALL: [Workload; 5] =
        [Workload::EmptyRun, Workload::Pairs, Workload::Heartbeats, Workload::ManyNodes, Workload::Restarts];

    pub(crate) fn named(name: &str) -> Option<Workload> {
        Workload::ALL.into_iter().find(|workload| workload.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::EmptyRun => "w1",
            Workload::Pairs => "w2",
            Workload::Heartbeats => "w3",
            Workload::ManyNodes => "w4",
            Workload::Restarts => "w5",
        }
    }

    pub(crate) fn defaults(self) -> Options {
        let (nodes, virtual_s) = match self {
            Workload::EmptyRun => (5, 0),
            Workload::Pairs => (8, 0),
            Workload::Heartbeats => (8, 600),
            Workload::ManyNodes => (10, 60),
            Workload::Restarts => (8, 60),
        };
        Options { nodes, virtual_s, tick: Duration::from_millis(1), seed: 1, latency_curve: None }
    }

    /// A node needs a second one to talk to.
    pub(crate) fn nodes_min(self) -> usize {
        if matches!(self, Workload::EmptyRun) { 1 } else { 2 }
    }
}

pub(crate) fn run(workload: Workload, options: &Options) -> Result<Tally> {
    match workload {
        Workload::EmptyRun => empty_run(options),
        Workload::Pairs => pairs(options),
        Workload::Heartbeats | Workload::ManyNodes => heartbeats(options),
        Workload::Restarts => restarts(options),
    }
}

fn simulation<'a>(options: &Options) -> Sim<'a> {
    let sim = Builder::new()
        .rng_seed(options.seed)
        .tick_duration(options.tick)
        .simulation_duration(W2_VIRTUAL_MAX.max(Duration::from_secs(options.virtual_s)))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(10))
        .build();
    if let Some(lambda) = options.latency_curve {
        sim.set_message_latency_curve(lambda);
    }
    sim
}

fn name(node: usize) -> String {
    format!("node-{node}")
}

/// Steps the simulation by hand: `Sim::run` ends with its clients, and an ended client no longer serves its peers.
fn step_until(sim: &mut Sim<'_>, end: Duration) -> Result {
    while sim.elapsed() < end {
        sim.step()?;
    }
    Ok(())
}

fn empty_run(options: &Options) -> Result<Tally> {
    let mut sim = simulation(options);
    let started = Rc::new(Cell::new(0));
    for node in 0..options.nodes {
        let started = started.clone();
        sim.host(name(node), move || {
            let started = started.clone();
            async move {
                started.set(started.get() + 1);
                pending().await
            }
        });
    }
    // A host is first polled in the first tick; without a tick nothing would start.
    sim.step()?;
    Ok(Tally { units: options.nodes as u64, check: started.get() })
}

#[derive(Default)]
struct PairCount {
    sent: Cell<u64>,
    replied: Cell<u64>,
    nodes_done: Cell<usize>,
}

fn pairs(options: &Options) -> Result<Tally> {
    let mut sim = simulation(options);
    let (nodes, seed) = (options.nodes, options.seed);
    let count = Rc::new(PairCount::default());
    for node in 0..nodes {
        let count = count.clone();
        sim.host(name(node), move || echo_and_ask(node, nodes, seed, count.clone()));
    }
    while count.nodes_done.get() < nodes {
        if sim.elapsed() > W2_VIRTUAL_MAX {
            return Err(format!("{} replies after {W2_VIRTUAL_MAX:?}", count.replied.get()).into());
        }
        sim.step()?;
    }
    Ok(Tally { units: count.sent.get(), check: count.replied.get() })
}

async fn echo_and_ask(node: usize, nodes: usize, seed: u64, count: Rc<PairCount>) -> Result {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn_local(echo(stream));
        }
    });
    sleep(SETTLE).await;
    let mut peers = Vec::new();
    for distance in 1..nodes {
        peers.push(TcpStream::connect((name((node + distance) % nodes), PORT)).await?);
    }
    let request = [7; MESSAGE_BYTES];
    let mut reply = [0; MESSAGE_BYTES];
    let mut draw = seed.wrapping_add(node as u64).max(1);
    for _ in 0..PAIRS_PER_NODE {
        draw = xorshift(draw);
        let peer = &mut peers[(draw % (nodes as u64 - 1)) as usize];
        peer.write_all(&request).await?;
        count.sent.set(count.sent.get() + 1);
        peer.read_exact(&mut reply).await?;
        count.replied.set(count.replied.get() + u64::from(reply == request));
    }
    count.nodes_done.set(count.nodes_done.get() + 1);
    // Its peers may still be running, and a host that returns serves no requests.
    pending().await
}

async fn echo(mut stream: TcpStream) {
    let mut message = [0; MESSAGE_BYTES];
    while stream.read_exact(&mut message).await.is_ok() {
        if stream.write_all(&message).await.is_err() {
            return;
        }
    }
}

/// A cheap generator that is the same for every peer (Marsaglia 2003, shifts 13, 7, 17).
fn xorshift(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

/// The heartbeats that the nodes of a ring have sent to the right and received from the left.
struct Ring {
    sent: Cell<u64>,
    received: Cell<u64>,
    came_back: Cell<u64>,
    /// For each node, the number of incarnations, and the newest of which its right neighbour has received a heartbeat.
    started: RefCell<Vec<u64>>,
    newest_received: RefCell<Vec<u64>>,
}

impl Ring {
    fn build(sim: &mut Sim<'_>, nodes: usize) -> Rc<Ring> {
        let ring = Rc::new(Ring {
            sent: Cell::new(0),
            received: Cell::new(0),
            came_back: Cell::new(0),
            started: RefCell::new(vec![0; nodes]),
            newest_received: RefCell::new(vec![0; nodes]),
        });
        for node in 0..nodes {
            let ring = ring.clone();
            sim.host(name(node), move || {
                ring.started.borrow_mut()[node] += 1;
                let incarnation = ring.started.borrow()[node];
                beat(ring.clone(), node, nodes, incarnation)
            });
        }
        ring
    }

    fn hear(&self, from: usize, incarnation: u64) {
        self.received.set(self.received.get() + 1);
        let newest = &mut self.newest_received.borrow_mut()[from];
        if incarnation > *newest {
            *newest = incarnation;
            self.came_back.set(self.came_back.get() + u64::from(incarnation > 1));
        }
    }
}

async fn beat(ring: Rc<Ring>, node: usize, nodes: usize, incarnation: u64) -> Result {
    let (left, right) = ((node + nodes - 1) % nodes, name((node + 1) % nodes));
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let hearing = ring.clone();
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn_local(listen(hearing.clone(), left, stream));
        }
    });
    sleep(SETTLE).await;
    let mut message = [0; MESSAGE_BYTES];
    message[..8].copy_from_slice(&incarnation.to_le_bytes());
    let mut connection: Option<TcpStream> = None;
    let mut beats = interval(HEARTBEAT);
    loop {
        beats.tick().await;
        // Only a write shows that a connection is broken, so a heartbeat is retried once over a new one.
        for _ in 0..2 {
            let mut stream = match connection.take() {
                Some(stream) => stream,
                None => match TcpStream::connect((right.as_str(), PORT)).await {
                    Ok(stream) => stream,
                    Err(_) => break,
                },
            };
            if stream.write_all(&message).await.is_ok() {
                ring.sent.set(ring.sent.get() + 1);
                connection = Some(stream);
                break;
            }
        }
    }
}

async fn listen(ring: Rc<Ring>, left: usize, mut stream: TcpStream) {
    let mut message = [0; MESSAGE_BYTES];
    while stream.read_exact(&mut message).await.is_ok() {
        let (incarnation, _) = message.split_first_chunk().expect("a message is longer than its incarnation");
        ring.hear(left, u64::from_le_bytes(*incarnation));
    }
}

fn heartbeats(options: &Options) -> Result<Tally> {
    let mut sim = simulation(options);
    let ring = Ring::build(&mut sim, options.nodes);
    step_until(&mut sim, Duration::from_secs(options.virtual_s))?;
    Ok(Tally { units: ring.sent.get(), check: ring.received.get() })
}

fn restarts(options: &Options) -> Result<Tally> {
    let mut sim = simulation(options);
    let ring = Ring::build(&mut sim, options.nodes);
    let mut restarts = 0;
    // No kills in the last second: a node killed there could not restart in time.
    for second in 1..options.virtual_s {
        step_until(&mut sim, Duration::from_secs(second))?;
        let victim = name((second - 1) as usize % options.nodes);
        sim.crash(victim.as_str());
        sim.bounce(victim.as_str());
        restarts += 1;
    }
    step_until(&mut sim, Duration::from_secs(options.virtual_s))?;
    Ok(Tally { units: restarts, check: ring.came_back.get() })
}
