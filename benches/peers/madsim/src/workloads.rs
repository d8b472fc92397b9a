//! The five workloads as a user of madsim and its tokio would write them.
//! Not tuned for the benchmark; reads no real clock.

use madsim::runtime::{Handle, NodeBuilder, NodeHandle, Runtime};
use std::future::{Future, pending};
use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{interval, sleep};

const PORT: u16 = 9001;
const MESSAGE_BYTES: usize = 64;
const PAIRS_PER_NODE: u64 = 1_000;
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Long enough for every node to listen before the first one connects.
const SETTLE: Duration = Duration::from_millis(20);

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
    pub(crate) seed: u64,
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
        Options { nodes, virtual_s, seed: 1 }
    }

    /// A node needs a second one to talk to.
    pub(crate) fn nodes_min(self) -> usize {
        if matches!(self, Workload::EmptyRun) { 1 } else { 2 }
    }
}

/// One run on its own thread, as `#[madsim::test]` does for every seed: std seeds its hash maps once per thread.
pub(crate) fn run(workload: Workload, options: Options) -> Tally {
    let run = std::thread::spawn(move || {
        let mut config = madsim::Config::default();
        config.net.send_latency = Duration::from_millis(1)..Duration::from_millis(10);
        let runtime = Runtime::with_seed_and_config(options.seed, config);
        match workload {
            Workload::EmptyRun => runtime.block_on(empty_run(options)),
            Workload::Pairs => runtime.block_on(pairs(options)),
            Workload::Heartbeats | Workload::ManyNodes => runtime.block_on(heartbeats(options)),
            Workload::Restarts => runtime.block_on(restarts(options)),
        }
    });
    run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn address(node: usize) -> SocketAddr {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 1));
    (Ipv4Addr::from(first + node as u32), PORT).into()
}

fn node_builder(handle: &Handle, node: usize) -> NodeBuilder<'_> {
    handle.create_node().name(format!("node-{node}")).ip(address(node).ip())
}

async fn empty_run(options: Options) -> Tally {
    let handle = Handle::current();
    let started = Arc::new(AtomicU64::new(0));
    for node in 0..options.nodes {
        let started = started.clone();
        let start = move || {
            let started = started.clone();
            async move {
                started.fetch_add(1, Relaxed);
                pending::<()>().await
            }
        };
        node_builder(&handle, node).init(start).build();
    }
    // Every node is ready; the shortest possible sleep lets all of them start.
    sleep(Duration::ZERO).await;
    Tally { units: options.nodes as u64, check: started.load(Relaxed) }
}

#[derive(Default)]
struct PairCount {
    sent: AtomicU64,
    replied: AtomicU64,
}

async fn pairs(options: Options) -> Tally {
    let handle = Handle::current();
    let (nodes, seed) = (options.nodes, options.seed);
    let count = Arc::new(PairCount::default());
    let mut asking = Vec::new();
    for node in 0..nodes {
        let spawned = node_builder(&handle, node).build().spawn(echo_and_ask(node, nodes, seed, count.clone()));
        asking.push(spawned);
    }
    for node in asking {
        node.await.expect("no node of this workload is killed").expect("no connection of this workload breaks");
    }
    Tally { units: count.sent.load(Relaxed), check: count.replied.load(Relaxed) }
}

async fn echo_and_ask(node: usize, nodes: usize, seed: u64, count: Arc<PairCount>) -> Result<()> {
    let listener = TcpListener::bind(address(node)).await?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    sleep(SETTLE).await;
    let mut peers = Vec::new();
    for distance in 1..nodes {
        peers.push(TcpStream::connect(address((node + distance) % nodes)).await?);
    }
    let request = [7; MESSAGE_BYTES];
    let mut reply = [0; MESSAGE_BYTES];
    let mut draw = seed.wrapping_add(node as u64).max(1);
    for _ in 0..PAIRS_PER_NODE {
        draw = xorshift(draw);
        let peer = &mut peers[(draw % (nodes as u64 - 1)) as usize];
        send(peer, &request).await?;
        count.sent.fetch_add(1, Relaxed);
        peer.read_exact(&mut reply).await?;
        count.replied.fetch_add(u64::from(reply == request), Relaxed);
    }
    Ok(())
}

async fn echo(mut stream: TcpStream) {
    let mut message = [0; MESSAGE_BYTES];
    while stream.read_exact(&mut message).await.is_ok() {
        if send(&mut stream, &message).await.is_err() {
            return;
        }
    }
}

/// madsim buffers written bytes until a flush.
async fn send(stream: &mut TcpStream, message: &[u8]) -> Result<()> {
    stream.write_all(message).await?;
    stream.flush().await
}

/// A cheap generator that is the same for every peer (Marsaglia 2003, shifts 13, 7, 17).
fn xorshift(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

/// The heartbeats that the nodes of a ring have sent to the right and received from the left.
struct Ring {
    sent: AtomicU64,
    received: AtomicU64,
    came_back: AtomicU64,
    /// For each node, the number of incarnations, and the newest of which its right neighbour has received a heartbeat.
    started: Vec<AtomicU64>,
    newest_received: Vec<AtomicU64>,
}

impl Ring {
    fn build(handle: &Handle, nodes: usize) -> (Arc<Ring>, Vec<NodeHandle>) {
        let per_node = || (0..nodes).map(|_| AtomicU64::new(0)).collect();
        let ring = Arc::new(Ring {
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            came_back: AtomicU64::new(0),
            started: per_node(),
            newest_received: per_node(),
        });
        let build = |node| node_builder(handle, node).init(ring.incarnations(node)).build();
        let handles = (0..nodes).map(build).collect();
        (ring, handles)
    }

    fn incarnations(self: &Arc<Self>, node: usize) -> impl Fn() -> IncarnationFuture + Send + Sync + 'static {
        let ring = self.clone();
        move || {
            let incarnation = ring.started[node].fetch_add(1, Relaxed) + 1;
            let program = beat(ring.clone(), node, incarnation);
            Box::pin(async move { program.await.expect("a node alone on its address can listen") })
        }
    }

    fn hear(&self, from: usize, incarnation: u64) {
        self.received.fetch_add(1, Relaxed);
        if incarnation > self.newest_received[from].fetch_max(incarnation, Relaxed) {
            self.came_back.fetch_add(u64::from(incarnation > 1), Relaxed);
        }
    }
}

type IncarnationFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn beat(ring: Arc<Ring>, node: usize, incarnation: u64) -> Result<()> {
    let nodes = ring.started.len();
    let (left, right) = ((node + nodes - 1) % nodes, address((node + 1) % nodes));
    let listener = TcpListener::bind(address(node)).await?;
    let hearing = ring.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(listen(hearing.clone(), left, stream));
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
                None => match TcpStream::connect(right).await {
                    Ok(stream) => stream,
                    Err(_) => break,
                },
            };
            if send(&mut stream, &message).await.is_ok() {
                ring.sent.fetch_add(1, Relaxed);
                connection = Some(stream);
                break;
            }
        }
    }
}

async fn listen(ring: Arc<Ring>, left: usize, mut stream: TcpStream) {
    let mut message = [0; MESSAGE_BYTES];
    while stream.read_exact(&mut message).await.is_ok() {
        let (incarnation, _) = message.split_first_chunk().expect("a message is longer than its incarnation");
        ring.hear(left, u64::from_le_bytes(*incarnation));
    }
}

async fn heartbeats(options: Options) -> Tally {
    let (ring, _nodes) = Ring::build(&Handle::current(), options.nodes);
    sleep(Duration::from_secs(options.virtual_s)).await;
    Tally { units: ring.sent.load(Relaxed), check: ring.received.load(Relaxed) }
}

async fn restarts(options: Options) -> Tally {
    let handle = Handle::current();
    let (ring, nodes) = Ring::build(&handle, options.nodes);
    let mut restarts = 0;
    // No kills in the last second: a node killed there could not restart in time.
    for second in 1..options.virtual_s {
        sleep(Duration::from_secs(1)).await;
        let victim = nodes[(second - 1) as usize % nodes.len()].id();
        handle.kill(victim);
        handle.restart(victim);
        restarts += 1;
    }
    sleep(Duration::from_secs(1)).await;
    Tally { units: restarts, check: ring.came_back.load(Relaxed) }
}
