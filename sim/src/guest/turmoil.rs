//! turmoil as an engine: its simulation lives on one thread of a room, the carrier, and each of its hosts is a node of that
//! room. turmoil has the network and tokio's time; clocks of std, entropy, files, lives, events and their observer are the
//! room's, as ever. turmoil itself is as it was published.
//!
//! It knows no scenario and no claim.

use crate::event::{Death, NodeId};
use crate::guest::nodes::{Hindrance, Lives};
use crate::guest::program::{self, Main, Program};
use crate::isolate::simulation::{Outcome, run_furnished};
use crate::kernel::control::Observer;
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::link::Latency;
use crate::kernel::process::node::ExitCode;
use crate::kernel::sched::preemption::Schedule;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::settings::Settings;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::pending;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

/// How much of its time turmoil lets each host have at a turn: as finely are events of different hosts ordered.
const TURN: Duration = Duration::from_millis(1);
const TURN_NS: u64 = TURN.as_nanos() as u64;

/// How many segments may be on their way in one direction of a connection, and how many connections may wait to be accepted:
/// turmoil panics when more do.
const TCP_CAPACITY: usize = 1_024;

/// When the present turn began.
static TURN_BEGAN_NS: AtomicU64 = AtomicU64::new(0);

/// Runs hosts on turmoil to the end of the run.
///
/// # Panics
/// If the calling thread is itself part of a run.
pub fn run(settings: Settings, programs: Vec<Program>, observer: Box<dyn Observer>) -> Outcome {
    crate::guest::time::set_source(|| turmoil::sim_elapsed().map(|elapsed| elapsed.as_nanos() as u64));
    crate::guest::time::set_listeners(go_on, |node, requests| program::tell_stops(NodeId(node), requests));
    // The carrier is never cut off: it would take the turn of all hosts with it.
    let settings = Settings { schedule: Schedule { calls_per_preemption: 0, ..settings.schedule }, ..settings };
    let (mut machines, mut hosts) = (Vec::new(), Vec::new());
    for Program { machine, main } in programs {
        let links = machine.links.iter().map(|(to, link)| (*to, link.latency)).collect();
        hosts.push(Plan { name: machine.name.clone(), main, links });
        machines.push(machine);
    }
    let hosts = Arc::new(hosts);
    run_furnished(settings, machines, observer, move |kernel| {
        kernel.host_guests(false);
        let guest_thread = Arc::new(move |_| GuestThread::new(settings.seed, settings.latency, &hosts).host_guests());
        crate::isolate::name_node(kernel.process.nodes.count(), GUEST_THREAD);
        kernel.add_node(GUEST_THREAD, guest_thread, 0, None);
    })
}

/// Moves the time of the host whose turn it is on, by whole milliseconds: turmoil's own turns begin at one. While a thread works for
/// it, tokio leaves its time where it is.
fn go_on(ns: u64) {
    let mut going = pin!(tokio::time::advance(Duration::from_nanos(ns)));
    // It has happened once this was polled; what is left is to let others go first.
    let _ = going.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

/// What the node is called on which turmoil itself runs.
const GUEST_THREAD: &str = "turmoil";

/// It is the turn of this host: what happens on the calling thread from here on is its doing.
pub fn turn_begins(name: &str) {
    let Some(me) = crate::libc::here() else { return };
    crate::libc::kernel(me, |kernel| {
        if let Some(node) = kernel.guest_node(name) {
            kernel.turn_to(me, Some(node), true);
            kernel.guest_begins(node, TURN_BEGAN_NS.load(Ordering::Relaxed));
        }
    });
}

/// The host has had its turn.
pub fn turn_ends() {
    if let Some(me) = crate::libc::here() {
        crate::libc::kernel(me, |kernel| kernel.turn_to(me, None, false));
    }
}

/// Ends the process of the calling thread as `std::process::abort` does. That comes when the host has had its turn: the frames of a poll
/// cannot be left in the middle, and this returns.
pub fn abort() {
    end(Death::Abort);
}

/// Ends the process of the calling thread with this code, as `std::process::exit` does; when the host has had its turn, as
/// [`abort`] does.
pub fn exit(code: i32) {
    end(Death::Exit { code });
}

fn end(how: Death) {
    let Some(me) = crate::libc::here() else { std::process::abort() };
    crate::libc::kernel(me, |kernel| {
        if !kernel.is_muted(me) {
            let (node, cause) = (kernel.sched.threads[me].node, kernel.sched.threads[me].cause);
            kernel.end_process(node, how, cause);
        }
    });
}

/// A host to be.
struct Plan {
    name: String,
    main: Main,
    links: Vec<(NodeId, Latency)>,
}

/// A host of turmoil's, which is a node of the room.
struct Host {
    address: IpAddr,
    /// Which life turmoil runs.
    life: Option<u16>,
    /// How often that was asked to stop, as it was told.
    stops: u64,
    /// Which life is to begin when turmoil starts it; `None` for a machine without a process, which refuses connections.
    next: Rc<RefCell<Option<u16>>>,
}

/// Main functions that are over.
type Ended = Rc<RefCell<Vec<(NodeId, u16, ExitCode)>>>;

/// turmoil's simulation and what it was told of the room.
struct GuestThread {
    me: ThreadId,
    sim: turmoil::Sim<'static>,
    hosts: Vec<Host>,
    ended: Ended,
    latencies: BTreeMap<(usize, usize), Latency>,
    latency: Latency,
    hindered: BTreeMap<(usize, usize), Hindrance>,
}

impl GuestThread {
    fn new(seed: u64, latency: Latency, plans: &[Plan]) -> Self {
        let Some(me) = crate::libc::here() else { unreachable!("the carrier is a thread of the room") };
        let mut builder = turmoil::Builder::new();
        builder
            .rng_seed(seed)
            .tick_duration(TURN)
            .simulation_duration(Duration::MAX)
            .min_message_latency(Duration::from_nanos(latency.low_ns))
            .max_message_latency(Duration::from_nanos(latency.high_ns))
            .tcp_capacity(TCP_CAPACITY)
            .udp_capacity(TCP_CAPACITY)
            .enable_random_order();
        let mut sim = builder.build();
        let ended = Ended::default();
        let mut hosts = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            let (next, ended, main) = (Rc::new(RefCell::new(None)), ended.clone(), plan.main.clone());
            let due: Rc<RefCell<Option<u16>>> = next.clone();
            sim.host(plan.name.as_str(), move || {
                live(NodeId(index as u16), due.borrow_mut().take(), main.clone(), ended.clone())
            });
            let address = sim.lookup(plan.name.as_str());
            hosts.push(Host { address, life: None, stops: 0, next });
        }
        let mut latencies = BTreeMap::new();
        for (from, plan) in plans.iter().enumerate() {
            for (to, latency) in &plan.links {
                latencies.insert(pair(from, usize::from(to.0)), *latency);
            }
        }
        let guest_thread = Self { me, sim, hosts, ended, latencies, latency, hindered: BTreeMap::new() };
        for (a, b) in guest_thread.latencies.keys() {
            guest_thread.set_latency(*a, *b, 0);
        }
        guest_thread
    }

    fn kernel<R>(&self, work: impl FnOnce(&mut Kernel, ThreadId) -> R) -> R {
        crate::libc::kernel(self.me, |kernel| work(kernel, self.me))
    }

    /// One turn of all hosts after the other, until the run is over: then the baton never comes back.
    fn host_guests(mut self) -> ExitCode {
        for turn in 0_u64.. {
            TURN_BEGAN_NS.store(turn * TURN_NS, Ordering::Relaxed);
            if let Some(lives) = self.kernel(|kernel, _| kernel.lives()) {
                for (index, lives) in lives.into_iter().enumerate() {
                    self.follow(index, lives);
                }
            }
            self.hinder();
            crate::guest::time::runs(true);
            let stepped = self.sim.step();
            crate::guest::time::runs(false);
            turn_ends();
            if let Err(error) = stepped {
                panic!("turmoil could not go on: {error}");
            }
            self.bury_ended();
            let must_pass = self.kernel(|kernel, _| {
                kernel.guest_turn_over((turn + 1) * TURN_NS);
                kernel.sched.must_switch || kernel.sched.threads.any_runnable()
            });
            if must_pass {
                crate::libc::block::give_way(self.me);
            }
        }
        ExitCode::Code(0)
    }

    /// Does with a host as the room did with its node.
    fn follow(&mut self, index: usize, lives: Lives) {
        let present = lives.up.then_some(lives.incarnation);
        if self.hosts[index].life.is_some() && self.hosts[index].life != present {
            self.bury(index, lives.off);
        }
        if let (Some(life), None) = (present, self.hosts[index].life) {
            program::begin_stops(NodeId(index as u16));
            let host = &mut self.hosts[index];
            (host.life, host.stops) = (Some(life), 0);
            *host.next.borrow_mut() = Some(life);
            self.sim.bounce(host.address);
        }
        let host = &mut self.hosts[index];
        if host.life.is_some() && lives.stop_requests > host.stops {
            host.stops = lives.stop_requests;
            program::tell_stops(NodeId(index as u16), lives.stop_requests);
        }
    }

    /// Main functions that have returned: what they left goes as it does when a runtime is dropped, then the process ends.
    fn bury_ended(&mut self) {
        let ended = std::mem::take(&mut *self.ended.borrow_mut());
        for (node, life, code) in ended {
            let host = &self.hosts[usize::from(node.0)];
            // Who is to end in another way as soon as the turn is over is buried then.
            if host.life != Some(life) || self.kernel(|kernel, _| kernel.is_ending(node)) {
                continue;
            }
            let host = &mut self.hosts[usize::from(node.0)];
            host.life = None;
            let address = host.address;
            self.kernel(|kernel, me| {
                kernel.turn_to(me, Some(node), false);
                kernel.hurry(node);
            });
            self.sim.crash(address);
            self.kernel(|kernel, me| {
                kernel.guest_main_ended(me, code);
                kernel.hurried(node);
                kernel.turn_to(me, None, false);
            });
            self.sim.bounce(address);
        }
    }

    /// Takes a dead host apart, without a sound: turmoil has no other way to end one than to run its destructors. A machine
    /// without power is silent from here on; another one refuses connections.
    fn bury(&mut self, index: usize, silent: bool) {
        let Some(life) = self.hosts[index].life.take() else { return };
        let (node, address) = (NodeId(index as u16), self.hosts[index].address);
        let others: Vec<usize> = (0..self.hosts.len()).filter(|other| *other != index).collect();
        self.kernel(|kernel, me| {
            kernel.burial_begins(me, node, life);
            kernel.hurry(node);
        });
        if silent {
            for other in &others {
                self.sim.partition(address, self.hosts[*other].address);
            }
            self.sim.crash(address);
            for other in &others {
                self.sim.repair(address, self.hosts[*other].address);
                self.forget_hold(index, *other);
            }
        } else {
            let before = self.sent_by(address);
            self.sim.crash(address);
            // What destructors have sent, no dead process would have. What was on its way before goes with it: turmoil can
            // drop all of a way or nothing.
            for (to, count) in self.sent_by(address) {
                if before.get(&to).is_none_or(|before| count > *before) {
                    self.sim.partition_oneway(address, to);
                    self.sim.repair_oneway(address, to);
                    if let Some(other) = self.hosts.iter().position(|host| host.address == to) {
                        self.forget_hold(index, other);
                    }
                }
            }
        }
        self.kernel(|kernel, me| kernel.burial_ends(me, node));
        if !silent {
            self.sim.bounce(address);
        }
    }

    /// A way was opened on the side: if the room holds it, it is held anew.
    fn forget_hold(&mut self, a: usize, b: usize) {
        if let Some(hindrance) = self.hindered.get_mut(&pair(a, b)) {
            hindrance.held = false;
        }
    }

    /// How much data of a host is on its way, by where it goes.
    fn sent_by(&self, address: IpAddr) -> BTreeMap<IpAddr, usize> {
        let mut sent = BTreeMap::new();
        self.sim.links(|links| {
            for message in links.flatten() {
                let (from, to) = message.pair();
                let is_data = matches!(
                    message.protocol(),
                    turmoil::Protocol::Tcp(turmoil::Segment::Data(..)) | turmoil::Protocol::Udp(_)
                );
                if from.ip() == address && is_data {
                    *sent.entry(to.ip()).or_insert(0) += 1;
                }
            }
        });
        sent
    }

    /// Makes turmoil's ways between hosts what the room's are.
    fn hinder(&mut self) {
        if self.hindered.is_empty() && !self.kernel(|kernel, _| kernel.net.links().is_disturbed()) {
            return;
        }
        for b in 0..self.hosts.len() {
            for a in 0..b {
                let now = self.kernel(|kernel, _| kernel.hindrance(NodeId(a as u16), NodeId(b as u16)));
                let before = match now == Hindrance::default() {
                    true => self.hindered.remove(&(a, b)),
                    false => self.hindered.insert((a, b), now),
                };
                let before = before.unwrap_or_default();
                let (one, other) = (self.hosts[a].address, self.hosts[b].address);
                match (before.held, now.held) {
                    (false, true) => self.sim.hold(one, other),
                    (true, false) => self.sim.release(one, other),
                    _ => {}
                }
                if before.extra_ns != now.extra_ns {
                    self.set_latency(a, b, now.extra_ns);
                }
            }
        }
    }

    fn set_latency(&self, a: usize, b: usize, extra_ns: u64) {
        let latency = self.latencies.get(&(a, b)).unwrap_or(&self.latency);
        let (one, other) = (self.hosts[a].address, self.hosts[b].address);
        let least = Duration::from_nanos(latency.low_ns + extra_ns);
        self.sim.set_link_latency(one, other, least);
        self.sim.set_link_max_message_latency(one, other, Duration::from_nanos(latency.high_ns + extra_ns));
    }
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// A life of a host, as turmoil has it. It never ends by itself: what a main function leaves behind is dropped with it, once it
/// is over.
async fn live(node: NodeId, life: Option<u16>, main: Main, ended: Ended) -> turmoil::Result {
    if let Some(life) = life {
        let at = crate::current_process();
        assert!(
            at == Some((node, life)),
            "turmoil's turns are not heard (this is {at:?}, not {node:?}): they come as spans of `tracing`, so that a program \
             must not set a subscriber of its own for the thread that turmoil runs on"
        );
        let code = main(life).await;
        ended.borrow_mut().push((node, life, code));
    }
    pending().await
}
