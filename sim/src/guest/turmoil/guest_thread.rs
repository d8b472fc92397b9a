//! The guest thread of turmoil: its simulation, turn by turn, and the incarnations of its hosts.
//! Links are in `links`.

mod links;

use super::kernel::LinkCondition;
use crate::event::NodeId;
use crate::guest::clock;
use crate::guest::program::{self, Main};
use crate::guest::state::GuestProcess;
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::link::Latency;
use crate::kernel::process::node::ExitCode;
use crate::kernel::sched::thread::ThreadId;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::pending;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The time that turmoil simulates for each host in a turn: events of different hosts are ordered this finely.
const TURN: Duration = Duration::from_millis(1);
const TURN_NS: u64 = TURN.as_nanos() as u64;

/// The capacity of one direction of a connection in segments, and of a listener's queue: turmoil panics when either is exceeded.
const TCP_CAPACITY: usize = 1_024;

/// The beginning of the present turn.
pub(super) static TURN_BEGAN_NS: AtomicU64 = AtomicU64::new(0);

/// The plan of a host.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) main: Main,
    pub(super) links: Vec<(NodeId, Latency)>,
}

/// A host of turmoil, which is a node.
struct Host {
    address: IpAddr,
    /// The incarnation that turmoil runs.
    incarnation: Option<u16>,
    /// The number of stop requests of which the program was notified.
    stops: u64,
    /// The incarnation that begins when turmoil starts the host; `None` for a machine without a process, which refuses connections.
    next: Rc<RefCell<Option<u16>>>,
}

/// Main functions that have returned, by node and incarnation.
type Returned = Rc<RefCell<Vec<(NodeId, u16, ExitCode)>>>;

/// The guest thread: turmoil's simulation, and the state of the kernel that was applied to it.
pub(super) struct GuestThread {
    me: ThreadId,
    sim: turmoil::Sim<'static>,
    hosts: Vec<Host>,
    returned: Returned,
    latencies: BTreeMap<(usize, usize), Latency>,
    latency: Latency,
    /// Links in any other than the default condition.
    conditions: BTreeMap<(usize, usize), LinkCondition>,
}

impl GuestThread {
    /// Builds turmoil's simulation on the calling thread.
    pub(super) fn new(seed: u64, latency: Latency, plans: &[Plan]) -> Self {
        let Some(me) = crate::libc::here() else { unreachable!("the guest thread is a thread of the simulation") };
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
        let returned = Returned::default();
        let mut hosts = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            let (next, returned, main) = (Rc::new(RefCell::new(None)), returned.clone(), plan.main.clone());
            let due: Rc<RefCell<Option<u16>>> = next.clone();
            sim.host(plan.name.as_str(), move || {
                incarnation(NodeId(index as u16), due.borrow_mut().take(), main.clone(), returned.clone())
            });
            let address = sim.lookup(plan.name.as_str());
            hosts.push(Host { address, incarnation: None, stops: 0, next });
        }
        let mut latencies = BTreeMap::new();
        for (from, plan) in plans.iter().enumerate() {
            for (to, latency) in &plan.links {
                latencies.insert(pair(from, usize::from(to.0)), *latency);
            }
        }
        let guest_thread = Self { me, sim, hosts, returned, latencies, latency, conditions: BTreeMap::new() };
        for (a, b) in guest_thread.latencies.keys() {
            guest_thread.set_latency(*a, *b, 0);
        }
        guest_thread
    }

    fn kernel<R>(&self, work: impl FnOnce(&mut Kernel, ThreadId) -> R) -> R {
        crate::libc::current::kernel(self.me, |kernel| work(kernel, self.me))
    }

    /// Gives each host its turn, again and again. Once the run is over, the guest thread is never scheduled again.
    pub(super) fn run(mut self) -> ExitCode {
        for turn in 0_u64.. {
            TURN_BEGAN_NS.store(turn * TURN_NS, Ordering::Relaxed);
            if let Some(processes) = self.kernel(|kernel, _| kernel.changed_guests()) {
                for (index, process) in processes.into_iter().enumerate() {
                    self.follow(index, process);
                }
            }
            self.apply_link_conditions();
            clock::set_running(true);
            let stepped = self.sim.step();
            clock::set_running(false);
            self.kernel(|kernel, me| kernel.switch_guest(me, None, false));
            if let Err(error) = stepped {
                panic!("turmoil could not go on: {error}");
            }
            self.end_returned();
            let must_yield = self.kernel(|kernel, _| {
                kernel.end_guest_turn((turn + 1) * TURN_NS);
                kernel.sched.must_switch() || kernel.sched.any_runnable()
            });
            if must_yield {
                crate::libc::block::give_way(self.me);
            }
        }
        ExitCode::Code(0)
    }

    /// Brings a host to the state of its node's process.
    fn follow(&mut self, index: usize, process: GuestProcess) {
        let live = process.live();
        if self.hosts[index].incarnation.is_some() && self.hosts[index].incarnation != live {
            self.tear_down(index, process.is_off);
        }
        if let (Some(live), None) = (live, self.hosts[index].incarnation) {
            program::begin_stops(NodeId(index as u16));
            let host = &mut self.hosts[index];
            (host.incarnation, host.stops) = (Some(live), 0);
            *host.next.borrow_mut() = Some(live);
            self.sim.bounce(host.address);
        }
        let host = &mut self.hosts[index];
        if host.incarnation.is_some() && process.stop_requests > host.stops {
            host.stops = process.stop_requests;
            program::notify_stops(NodeId(index as u16), process.stop_requests);
        }
    }

    /// Ends the processes whose main functions have returned, after the rest of their tasks is dropped with the runtime.
    fn end_returned(&mut self) {
        let returned = std::mem::take(&mut *self.returned.borrow_mut());
        for (node, incarnation, code) in returned {
            let host = &self.hosts[usize::from(node.0)];
            // A process that ends in another way at the end of the turn is torn down then.
            if host.incarnation != Some(incarnation) || self.kernel(|kernel, _| kernel.has_postponed_end(node)) {
                continue;
            }
            let host = &mut self.hosts[usize::from(node.0)];
            host.incarnation = None;
            let address = host.address;
            self.kernel(|kernel, me| {
                kernel.switch_guest(me, Some(node), false);
                kernel.begin_runtime_drop(node);
            });
            self.sim.crash(address);
            self.kernel(|kernel, me| {
                kernel.guest_main_ended(me, code);
                kernel.end_runtime_drop(node);
                kernel.switch_guest(me, None, false);
            });
            self.sim.bounce(address);
        }
    }

    /// Tears down a dead host without any effect: turmoil ends a host by running its destructors. A machine without power is silent
    /// from now on; any other one refuses connections.
    fn tear_down(&mut self, index: usize, is_silent: bool) {
        let Some(incarnation) = self.hosts[index].incarnation.take() else { return };
        let (node, address) = (NodeId(index as u16), self.hosts[index].address);
        self.kernel(|kernel, me| {
            kernel.begin_teardown(me, node, incarnation);
            kernel.begin_runtime_drop(node);
        });
        if is_silent {
            self.crash_silently(index);
        } else {
            self.crash_without_messages(address);
        }
        self.kernel(|kernel, me| kernel.end_teardown(me, node));
        if !is_silent {
            self.sim.bounce(address);
        }
    }
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// One incarnation of a host. It never returns: tasks that its main function leaves behind are dropped with it, after its end.
async fn incarnation(node: NodeId, incarnation: Option<u16>, main: Main, returned: Returned) -> turmoil::Result {
    if let Some(incarnation) = incarnation {
        let current = crate::libc::harness::current_process();
        assert!(
            current == Some((node, incarnation)),
            "turmoil's turns are not observed (this is {current:?}, not {node:?}): they come as spans of `tracing`, so that a \
             program must not set a subscriber of its own for the thread that turmoil runs on"
        );
        let code = main(incarnation).await;
        returned.borrow_mut().push((node, incarnation, code));
    }
    pending().await
}
