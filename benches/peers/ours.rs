//! The five workloads on the native engine with stock tokio, the same programs as the peers' (`*/src/workloads.rs`).
//! Judges no figure and starts no process.

use crate::cost::rss_bytes;
use afterlife::{Scenario, Sim};
use afterlife_sim::event::{Death, Event, NodeId, Seq, What};
use afterlife_sim::{
    Control, DiskBuild, Ending, ExitCode, Latency, Machine, Main, Observer, Outcome, Settings, Status,
};
use std::any::Any;
use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::time::{interval, sleep};

const PORT: u16 = 9001;
const MESSAGE_BYTES: usize = 64;
const PAIRS_PER_NODE: u64 = 1_000;
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Long enough for every node to listen before the first one connects.
const SETTLE: Duration = Duration::from_millis(20);
const SECOND_NS: u64 = 1_000_000_000;
/// W1 and W2 end when nothing is left to do. A run that hangs fails at this limit.
const VIRTUAL_S_MAX: u64 = 3_600;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    EmptyRun,
    Pairs,
    Heartbeats,
    ManyNodes,
    Restarts,
}

#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) nodes: usize,
    pub(crate) virtual_s: u64,
    pub(crate) seed: u64,
    /// Keeps every event.
    pub(crate) record: bool,
    /// Checks claims.
    pub(crate) claims: bool,
    /// Measures the memory of the process.
    pub(crate) weigh: bool,
    /// Tracks which task wakes which.
    pub(crate) follow: bool,
}

/// The work of one run: `units` counts requested work, `check` its observed results.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) units: u64,
    pub(crate) check: u64,
    pub(crate) events: u64,
    /// The growth of the process at the point where nothing could run any more; 0 without such a point.
    pub(crate) rest_bytes: u64,
    /// The digest of the run's events.
    pub(crate) digest: u64,
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
            Workload::EmptyRun => (5, VIRTUAL_S_MAX),
            Workload::Pairs => (8, VIRTUAL_S_MAX),
            Workload::Heartbeats => (8, 600),
            Workload::ManyNodes => (10, 60),
            Workload::Restarts => (8, 60),
        };
        Options { nodes, virtual_s, seed: 1, record: false, claims: true, weigh: false, follow: true }
    }
}

/// One run, in this process.
pub(crate) fn run(workload: Workload, options: Options) -> Tally {
    let count = Arc::new(Count::of(options.nodes));
    let machine = |node| Machine {
        name: format!("node-{node}"),
        main: main_of(workload, node, options, &count),
        start_ns: 0,
        disk: DiskBuild::default(),
        clock_offset_ns: 0,
        clock_ppm: 0,
        memory_bytes: None,
        descriptors_max: None,
        links: Vec::new(),
    };
    let machines = (0..options.nodes).map(machine).collect();
    let settings = Settings {
        seed: options.seed,
        end_ns: options.virtual_s * SECOND_NS,
        record: options.record,
        latency: Latency::between(1_000_000, 10_000_000),
        ..Settings::default()
    };
    // No kills in the last second: a node killed there could not restart in time.
    let to_kill = if workload == Workload::Restarts { options.virtual_s - 1 } else { 0 };
    let claims = options.claims.then(Claims::default);
    let begun_bytes = options.weigh.then(rss_bytes);
    let watch = Watch { to_kill, claims, restarts: 0, begun_bytes, rest_bytes: 0 };
    let Outcome { ending, digest, events, recorded, observer, .. } =
        afterlife_sim::run(settings, machines, Box::new(watch));
    let watch = observer.downcast::<Watch>().expect("the watch is what was given");
    let ending_wanted = if options.virtual_s == VIRTUAL_S_MAX { Ending::Quiet } else { Ending::TimeUp };
    assert_eq!(ending, ending_wanted, "{} ended otherwise than it should", workload.name());
    assert_eq!(
        recorded.map(|recorded| recorded.events().len() as u64),
        options.record.then_some(events),
        "what was kept is whole"
    );
    let (units, check) = match workload {
        Workload::Restarts => (watch.restarts, count.came_back.load(Relaxed)),
        _ => (count.sent.load(Relaxed), count.received.load(Relaxed)),
    };
    Tally { units, check, events, rest_bytes: watch.rest_bytes, digest: digest.0 ^ digest.1 }
}

/// W3 as a scenario of the harness, with all its invariants.
pub(crate) const SCENARIO: Scenario =
    Scenario::new("w3", heartbeats).about("each node sends its right neighbour a heartbeat").seeds(1);

fn heartbeats(sim: &mut Sim) {
    let Options { nodes, virtual_s, .. } = Workload::Heartbeats.defaults();
    let count = Arc::new(Count::of(nodes));
    sim.latency(Duration::from_millis(1), Duration::from_millis(10));
    sim.time_limit(Duration::from_secs(virtual_s));
    let counted = count.clone();
    sim.nodes("node", nodes, move |node| {
        let program = beat(counted.clone(), node.index(), node.incarnation());
        async move { Ok(program.await?) }
    });
    let wanted = nodes as u64 * (virtual_s - 2) * 1_000 / HEARTBEAT.as_millis() as u64;
    let received = move |_: &afterlife::View| count.received.load(Relaxed) >= wanted;
    sim.eventually("every heartbeat is received", Duration::from_secs(virtual_s - 1), received);
}

/// Counters of requests and results. Each workload uses some of them.
struct Count {
    sent: AtomicU64,
    received: AtomicU64,
    came_back: AtomicU64,
    /// For each node, the newest incarnation of which its right neighbour has received a heartbeat.
    newest_received: Vec<AtomicU64>,
}

impl Count {
    fn of(nodes: usize) -> Self {
        let newest_received = (0..nodes).map(|_| AtomicU64::new(0)).collect();
        Self { sent: AtomicU64::new(0), received: AtomicU64::new(0), came_back: AtomicU64::new(0), newest_received }
    }

    fn hear(&self, from: usize, incarnation: u64) {
        self.received.fetch_add(1, Relaxed);
        if incarnation > self.newest_received[from].fetch_max(incarnation, Relaxed) {
            self.came_back.fetch_add(u64::from(incarnation > 1), Relaxed);
        }
    }
}

/// A node's main function: the runtime that `#[tokio::main(flavor = "current_thread")]` builds, and the program on it.
fn main_of(workload: Workload, node: usize, options: Options, count: &Arc<Count>) -> Main {
    let count = count.clone();
    Arc::new(move |incarnation| {
        let count = count.clone();
        match workload {
            Workload::EmptyRun => block_on(empty(count)),
            Workload::Pairs => block_on(echo_and_ask(node, options, count)),
            _ => block_on(beat(count, node, incarnation)),
        }
    })
}

fn block_on(program: impl Future<Output = Result<()>>) -> ExitCode {
    let runtime = Builder::new_current_thread().enable_all().build().expect("the node has descriptors left");
    ExitCode::Code(i32::from(runtime.block_on(program).is_err()))
}

fn address(node: usize) -> SocketAddr {
    const ROW: usize = 250;
    (Ipv4Addr::new(10, 0, (node / ROW) as u8, (node % ROW + 1) as u8), PORT).into()
}

async fn empty(count: Arc<Count>) -> Result<()> {
    count.sent.fetch_add(1, Relaxed);
    count.received.fetch_add(1, Relaxed);
    pending().await
}

async fn echo_and_ask(node: usize, Options { nodes, seed, .. }: Options, count: Arc<Count>) -> Result<()> {
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
        peer.write_all(&request).await?;
        count.sent.fetch_add(1, Relaxed);
        peer.read_exact(&mut reply).await?;
        count.received.fetch_add(u64::from(reply == request), Relaxed);
    }
    // Its peers may still be running, and an ended process serves no requests.
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

async fn beat(count: Arc<Count>, node: usize, incarnation: u16) -> Result<()> {
    let nodes = count.newest_received.len();
    let (left, right) = ((node + nodes - 1) % nodes, address((node + 1) % nodes));
    let listener = TcpListener::bind(address(node)).await?;
    let hearing = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(listen(hearing.clone(), left, stream));
        }
    });
    sleep(SETTLE).await;
    let mut message = [0; MESSAGE_BYTES];
    message[..8].copy_from_slice(&u64::from(incarnation).to_le_bytes());
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
            if stream.write_all(&message).await.is_ok() {
                count.sent.fetch_add(1, Relaxed);
                connection = Some(stream);
                break;
            }
        }
    }
}

async fn listen(count: Arc<Count>, left: usize, mut stream: TcpStream) {
    let mut message = [0; MESSAGE_BYTES];
    while stream.read_exact(&mut message).await.is_ok() {
        let (incarnation, _) = message.split_first_chunk().expect("a message is longer than its incarnation");
        count.hear(left, u64::from_le_bytes(*incarnation));
    }
}

/// Kills and restarts nodes in W5, and checks claims if requested.
struct Watch {
    to_kill: u64,
    claims: Option<Claims>,
    restarts: u64,
    begun_bytes: Option<u64>,
    rest_bytes: u64,
}

/// Claims over lifecycle events, as the harness's invariants check them: no panic, no exit and no deadlock, no connection to
/// an ended incarnation, no use of a closed descriptor.
#[derive(Default)]
struct Claims {
    up: BTreeMap<NodeId, u16>,
    open: BTreeMap<u32, (NodeId, NodeId)>,
}

impl Claims {
    fn look(&mut self, event: &Event) {
        match event.what {
            What::Started => {
                let before = self.up.insert(event.node, event.incarnation);
                assert!(
                    before.is_none_or(|before| before < event.incarnation),
                    "two incarnations of {:?} at once",
                    event.node
                );
            }
            What::Exited { how } => {
                assert_eq!(how, Death::Kill, "a node of these workloads ends when it is killed, and never otherwise");
                assert_eq!(self.up.get(&event.node), Some(&event.incarnation), "the dead do not end again");
            }
            What::Connecting { to, conn, .. } => {
                assert!(self.open.insert(conn, (event.node, to)).is_none(), "connection {conn} was opened twice");
            }
            What::Accepted { conn } => {
                let end = self.open.get(&conn).map(|(_, to)| *to);
                assert_eq!(end, Some(event.node), "connection {conn} was taken by somebody else");
            }
            What::Panicked { .. } | What::BadDescriptor { .. } | What::TimedOut { .. } => {
                panic!("{:?} does not happen in these workloads", event.what);
            }
            _ => {}
        }
    }
}

impl Observer for Watch {
    fn wants(&self, what: &What) -> bool {
        self.claims.is_some() && !matches!(what, What::Sent { .. } | What::Delivered { .. } | What::TimerFired)
            || self.to_kill > 0 && matches!(what, What::Started)
    }

    fn event(&mut self, event: &Event, control: &mut Control<'_>) {
        // The first event sets the first alarm.
        if self.to_kill > 0 && event.seq == Seq(0) {
            control.set_alarm(SECOND_NS, 0);
        }
        if let Some(claims) = &mut self.claims {
            claims.look(event);
        }
    }

    fn alarm(&mut self, token: u64, control: &mut Control<'_>) {
        let victim = NodeId((token % u64::from(control.nodes())) as u16);
        assert_eq!(control.status(victim), Status::Up, "{victim:?} should have been up");
        control.end(victim, Death::Kill, Seq::NONE);
        control.start(victim, 0);
        self.restarts += 1;
        if self.restarts < self.to_kill {
            control.set_alarm(SECOND_NS, token + 1);
        }
    }

    fn quiescent(&mut self, _control: &mut Control<'_>) {
        self.rest_bytes = self.begun_bytes.map_or(0, |begun_bytes| rss_bytes().saturating_sub(begun_bytes));
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
