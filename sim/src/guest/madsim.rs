//! madsim as an engine: its runtime lives on one thread of a room, the carrier, and each life of a node of that room is a node of
//! madsim's. madsim has the network, time and tasks; files, lives, events and their observer are the room's, as ever, and so
//! are the threads on which programs block. madsim itself is as it was published.
//!
//! It knows no scenario and no claim.

use crate::event::NodeId;
use crate::guest::nodes::Lives;
use crate::guest::program::{self, Main, Program};
use crate::isolate::simulation::{Machine, Outcome, run_furnished};
use crate::kernel::control::Observer;
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::link::Latency;
use crate::kernel::process::address::address_v4;
use crate::kernel::process::node::ExitCode;
use crate::kernel::process::storage::DiskBuild;
use crate::kernel::sched::clock::MONOTONIC_START_NS;
use crate::kernel::sched::preemption::Schedule;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::settings::Settings;
use ::madsim::Config;
use ::madsim::net::NetSim;
use ::madsim::runtime::{Handle, Runtime};
use ::madsim::task;
use ::madsim::time::{Sleep, TimeHandle};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending, poll_fn};
use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};
use tokio::runtime::{Builder, EnterGuard};

/// A life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Incarnation {
    node: NodeId,
    incarnation: u16,
}

/// What the node is called on which madsim itself runs.
const GUEST_THREAD: &str = "madsim";

/// As far as this ahead a wake-up is set, if nothing else is due.
const LOOK_AGAIN: Duration = Duration::from_secs(3_600);

/// How often threads that can go on do so between two turns; the carrier may be chosen each time. There may be one that never waits.
const PASSES: u32 = 16;

thread_local! {
    /// Of this thread, if it is the carrier.
    static HERE: RefCell<Option<Rc<GuestThread>>> = const { RefCell::new(None) };
    /// Whose node of madsim's is being made.
    static STARTING: Cell<Option<Incarnation>> = const { Cell::new(None) };
}

/// Runs nodes on madsim to the end of the run.
///
/// # Panics
/// If the calling thread is itself part of a run.
pub fn run(settings: Settings, programs: Vec<Program>, observer: Box<dyn Observer>) -> Outcome {
    crate::guest::time::set_source(|| TimeHandle::try_current().map(|time| nanoseconds(time.elapsed())));
    // The carrier is never cut off: it would take the turn of all nodes with it.
    let settings = Settings { schedule: Schedule { calls_per_preemption: 0, ..settings.schedule }, ..settings };
    let (mut machines, mut plans) = (Vec::new(), Vec::new());
    for Program { machine, main } in programs {
        plans.push((machine.name.clone(), main));
        // A sync that took time would take it from every node.
        machines.push(Machine { disk: DiskBuild { sync_ns: (0, 0), ..machine.disk }, ..machine });
    }
    let plans = Arc::new(plans);
    run_furnished(settings, machines, observer, move |kernel| {
        kernel.host_guests(true);
        let guest_thread = Arc::new(move |_| host_guests(&settings, &plans));
        crate::isolate::name_node(kernel.process.nodes.count(), GUEST_THREAD);
        kernel.add_node(GUEST_THREAD, guest_thread, 0, None);
    })
}

/// Whose node of madsim's is being made on the calling thread: its span is that life's.
pub fn starting() -> Option<Incarnation> {
    STARTING.get()
}

/// A task of this life was made.
pub fn task_made(life: Incarnation) {
    guest_thread(|guest_thread| *guest_thread.tasks.borrow_mut().entry(life).or_insert(0) += 1);
}

/// A task of this life is no more.
pub fn task_gone(life: Incarnation) {
    guest_thread(|guest_thread| guest_thread.task_gone(life));
}

/// A task of this life runs or is taken apart: what happens on the calling thread from here on is its doing.
pub fn turn_begins(life: Incarnation) {
    guest_thread(|guest_thread| guest_thread.turn_begins(life));
}

/// It has done so.
pub fn turn_ends(life: Incarnation) {
    guest_thread(|guest_thread| guest_thread.turn_ends(life));
}

/// The name of the node that the calling thread works for, as madsim answers `gethostname`; the machine's name elsewhere.
pub fn host_name() -> String {
    let mut name = [0_u8; 256];
    // SAFETY: `gethostname(2)` writes at most the length that it is given; the last byte stays a nul.
    let answer = unsafe { ::libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let length = name.iter().position(|byte| *byte == 0).unwrap_or_default();
    if answer == 0 { String::from_utf8_lossy(&name[..length]).into_owned() } else { String::new() }
}

fn guest_thread(work: impl FnOnce(&GuestThread)) {
    let guest_thread = HERE.try_with(|here| here.borrow().clone()).ok().flatten();
    if let Some(guest_thread) = guest_thread {
        work(&guest_thread);
    }
}

/// A node of the room.
struct Host {
    name: String,
    address: IpAddr,
    main: Main,
    /// The node of madsim's that has its address, and what is known of the life that it is.
    latest: Option<task::NodeId>,
    live: Option<Live>,
}

/// A life that goes on.
struct Live {
    incarnation: u16,
    id: task::NodeId,
    /// The tokio runtime that crates find which ask for one: timers, and threads to block on.
    tokio: Option<tokio::runtime::Runtime>,
    /// How often it was asked to stop, as it was told.
    stops: u64,
    paused: bool,
    /// What its main function has returned: what that left is being taken apart.
    ended: Option<ExitCode>,
}

/// madsim's runtime and what it was told of the room.
struct GuestThread {
    me: ThreadId,
    handle: Handle,
    end_ns: u64,
    hosts: RefCell<Vec<Host>>,
    /// How many tasks each life has.
    tasks: RefCell<BTreeMap<Incarnation, usize>>,
    /// Where crates that ask for tokio are at in each life.
    handles: RefCell<BTreeMap<Incarnation, &'static tokio::runtime::Handle>>,
    entered: RefCell<Option<EnterGuard<'static>>>,
    /// Dead lives whose tasks are not all taken apart.
    dying: RefCell<BTreeSet<Incarnation>>,
    /// Whether the present turn is a dead life's.
    mourning: Cell<bool>,
    /// Main functions that have returned.
    returned: RefCell<Vec<(Incarnation, ExitCode)>>,
    shut: RefCell<BTreeSet<(task::NodeId, task::NodeId)>>,
    /// What wakes the supervisor, and when it is woken anyway.
    supervisor: RefCell<Option<Waker>>,
    armed_ns: Cell<u64>,
    parked: Cell<u32>,
}

/// The carrier's main function.
fn host_guests(settings: &Settings, plans: &[(String, Main)]) -> ExitCode {
    let Some(me) = crate::libc::here() else { unreachable!("the carrier is a thread of the room") };
    let Latency { low_ns, high_ns, .. } = settings.latency;
    let mut config = Config::default();
    config.net.send_latency = Duration::from_nanos(low_ns)..Duration::from_nanos(high_ns.max(low_ns + 1));
    let mut runtime = Runtime::with_seed_and_config(settings.seed, config);
    // They are threads of the room.
    runtime.set_allow_system_thread(true);
    let host = |(index, (name, main)): (usize, &(String, Main))| Host {
        name: name.clone(),
        address: address_v4(NodeId(index as u16)).into(),
        main: main.clone(),
        latest: None,
        live: None,
    };
    let guest_thread = Rc::new(GuestThread {
        me,
        handle: runtime.handle().clone(),
        end_ns: settings.end_ns,
        hosts: RefCell::new(plans.iter().enumerate().map(host).collect()),
        tasks: RefCell::default(),
        handles: RefCell::default(),
        entered: RefCell::default(),
        dying: RefCell::default(),
        mourning: Cell::new(false),
        returned: RefCell::default(),
        shut: RefCell::default(),
        supervisor: RefCell::default(),
        armed_ns: Cell::new(u64::MAX),
        parked: Cell::new(0),
    });
    HERE.set(Some(guest_thread.clone()));
    loop {
        // The run ends in there. A panic in a task ends madsim's loop, and is an event by now: the others go on.
        let _ = catch_unwind(AssertUnwindSafe(|| runtime.block_on(guest_thread.clone().supervise())));
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The number of a node's place among its fellows.
fn index_of(life: Incarnation) -> usize {
    usize::from(life.node.0)
}

impl GuestThread {
    fn kernel<R>(&self, work: impl FnOnce(&mut Kernel, ThreadId) -> R) -> R {
        crate::libc::kernel(self.me, |kernel| work(kernel, self.me))
    }

    /// madsim's main future: it sees to it that time never passes what is due in the room.
    async fn supervise(self: Rc<Self>) {
        let time = TimeHandle::current();
        let mut sleep = pin!(time.sleep(Duration::ZERO));
        self.armed_ns.set(u64::MAX);
        self.agree_on_time(&time);
        poll_fn(|context| {
            self.supervisor.replace(Some(context.waker().clone()));
            while self.poll_what_is_due(sleep.as_mut(), &time, context).is_ready() {}
            Poll::<()>::Pending
        })
        .await;
    }

    fn poll_what_is_due(&self, mut sleep: Pin<&mut Sleep>, time: &TimeHandle, context: &mut Context<'_>) -> Poll<()> {
        self.between_turns();
        let now_ns = nanoseconds(time.elapsed());
        let due_ns = self.due_ns(now_ns);
        if due_ns == self.armed_ns.get() && now_ns < due_ns {
            return Poll::Pending;
        }
        self.armed_ns.set(due_ns);
        sleep.as_mut().reset(time.now_instant() + Duration::from_nanos(due_ns.saturating_sub(now_ns)));
        sleep.poll(context)
    }

    /// When something is due in the room.
    fn due_ns(&self, now_ns: u64) -> u64 {
        let due_ns = self
            .kernel(|kernel, _| kernel.sched.deadlines.next_ns())
            .unwrap_or(u64::MAX)
            .min(self.end_ns.saturating_add(1));
        due_ns.min(now_ns.saturating_add(nanoseconds(LOOK_AGAIN)))
    }

    /// The room's clocks show what madsim's do, to threads that it does not answer.
    fn agree_on_time(&self, time: &TimeHandle) {
        let shown = time.now_time().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (shown_ns, nodes) = (nanoseconds(shown) as i64, self.hosts.borrow().len());
        self.kernel(|kernel, _| {
            for node in 0..=nodes {
                let node = NodeId(node as u16);
                let ahead_ns =
                    shown_ns - nanoseconds(time.elapsed()) as i64 - kernel.wall_ns(node) + kernel.sched.now_ns as i64;
                if ahead_ns != 0 {
                    kernel.set_clocks(node, ahead_ns, 0);
                }
                // madsim's monotonic clock begins at 0.
                kernel.change_clocks(node, |clocks, _| clocks.monotonic_offset_ns = -MONOTONIC_START_NS);
            }
        });
    }

    // -- turns

    fn turn_begins(&self, life: Incarnation) {
        let now_ns = nanoseconds(self.elapsed());
        let is_present =
            self.hosts.borrow()[index_of(life)].live.as_ref().map(|it| (it.incarnation, it.ended.is_none()));
        let runs = match is_present {
            Some((incarnation, runs)) if incarnation == life.incarnation => Some(runs),
            _ => None,
        };
        self.mourning.set(runs.is_none());
        self.kernel(|kernel, me| {
            kernel.guest_moment(now_ns);
            match runs {
                Some(runs) => kernel.turn_to(me, Some(life.node), runs),
                None => kernel.last_turn_begins(me, life.node, life.incarnation),
            }
            kernel.guest_moment(now_ns);
        });
        crate::guest::time::runs(true);
        let handle = self.handles.borrow().get(&life).copied();
        self.entered.replace(handle.map(tokio::runtime::Handle::enter));
    }

    fn turn_ends(&self, life: Incarnation) {
        drop(self.entered.take());
        crate::guest::time::runs(false);
        let mourned = self.mourning.replace(false);
        self.kernel(
            |kernel, me| if mourned { kernel.last_turn_ends(me, life.node) } else { kernel.turn_to(me, None, false) },
        );
        self.between_turns();
        let sooner = self.due_ns(0) < self.armed_ns.get();
        if sooner {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.supervisor.borrow() {
            waker.wake_by_ref();
        }
    }

    fn elapsed(&self) -> Duration {
        TimeHandle::try_current().map(|time| time.elapsed()).unwrap_or_default()
    }

    /// What is to be done between two turns: ends that are due come, lives begin and end here as they do in the room, and threads
    /// that can go on do. Once the run is over, the baton never comes back.
    fn between_turns(&self) {
        for pass in 0.. {
            self.take_returned();
            let now_ns = nanoseconds(self.elapsed());
            let lives = self.kernel(|kernel, _| {
                kernel.guest_turn_over(now_ns);
                kernel.lives()
            });
            for (index, lives) in lives.into_iter().flatten().enumerate() {
                self.follow(index, lives);
            }
            self.bury_returned();
            self.shut_ways();
            let (must_pass, runnable) =
                self.kernel(|kernel, _| (kernel.sched.must_switch, kernel.sched.threads.any_runnable()));
            let gives_way = must_pass || (runnable && pass < PASSES);
            if gives_way {
                crate::libc::block::give_way(self.me);
            }
            let ahead_ns = self.kernel(|kernel, _| kernel.sched.now_ns).saturating_sub(nanoseconds(self.elapsed()));
            if ahead_ns > 0 {
                ::madsim::time::advance(Duration::from_nanos(ahead_ns));
            }
            if !gives_way {
                if runnable {
                    // No time passes as long as there is something to do.
                    self.wake();
                }
                return;
            }
        }
    }

    // -- lives

    /// Does with a node's life as the room did.
    fn follow(&self, index: usize, lives: Lives) {
        let present = lives.up.then_some(lives.incarnation);
        let known = self.hosts.borrow()[index].live.as_ref().map(|it| it.incarnation);
        if known.is_some() && known != present {
            self.bury(index, lives.off);
        }
        if let (Some(incarnation), true) = (present, known != present) {
            self.bear(index, incarnation);
        }
        let mut hosts = self.hosts.borrow_mut();
        let Some(live) = &mut hosts[index].live else { return };
        if lives.stop_requests > live.stops {
            live.stops = lives.stop_requests;
            program::tell_stops(NodeId(index as u16), lives.stop_requests);
        }
        if lives.paused != live.paused {
            live.paused = lives.paused;
            if live.paused { self.handle.pause(live.id) } else { self.handle.resume(live.id) }
        }
    }

    /// A life begins, as a node of madsim's which has the address from here on.
    fn bear(&self, index: usize, incarnation: u16) {
        let (name, address, main, latest) = {
            let hosts = self.hosts.borrow();
            let host = &hosts[index];
            (host.name.clone(), host.address, host.main.clone(), host.latest)
        };
        let life = Incarnation { node: NodeId(index as u16), incarnation };
        let net = NetSim::current();
        match latest {
            // A life that is over keeps none that anybody knows.
            Some(latest) => net.set_ip(latest, self.nowhere()),
            None => net.add_dns_record(&name, address),
        }
        program::begin_stops(life.node);
        self.kernel(|kernel, me| kernel.turn_to(me, Some(life.node), false));
        let tokio = Builder::new_multi_thread().worker_threads(1).enable_time().build();
        let tokio = tokio.unwrap_or_else(|error| panic!("no tokio runtime for {name}: {error}"));
        self.kernel(|kernel, me| kernel.turn_to(me, None, false));
        self.handles.borrow_mut().insert(life, Box::leak(Box::new(tokio.handle().clone())));
        STARTING.set(Some(life));
        let node = self.handle.create_node().name(name).ip(address).init(move || live(life, main.clone())).build();
        STARTING.set(None);
        let mut hosts = self.hosts.borrow_mut();
        let host = &mut hosts[index];
        host.latest = Some(node.id());
        host.live = Some(Live { incarnation, id: node.id(), tokio: Some(tokio), stops: 0, paused: false, ended: None });
    }

    /// An address that nobody has.
    fn nowhere(&self) -> IpAddr {
        let number = self.parked.get();
        self.parked.set(number + 1);
        let [_, a, b, c] = number.to_be_bytes();
        Ipv4Addr::new(0, a, b, c).into()
    }

    /// A life is over. madsim has no other way to end one than to run its destructors, each in a turn of its own: nothing of them
    /// is heard. A machine without power stands still for good instead, and is silent.
    fn bury(&self, index: usize, silent: bool) {
        let Some(mut live) = self.hosts.borrow_mut()[index].live.take() else { return };
        let life = Incarnation { node: NodeId(index as u16), incarnation: live.incarnation };
        // Its threads are dead, and nobody waits for them.
        std::mem::forget(live.tokio.take());
        if silent {
            self.handle.pause(live.id);
            return self.kernel(|kernel, _| kernel.bury_threads(life.node));
        }
        if live.paused {
            // madsim would take apart at once what waits for the end of the pause, with a lock of its own held.
            self.handle.resume(live.id);
        }
        // What destructors send from here on arrives nowhere: no life of the node goes by that number again.
        NetSim::current().clog_node_out(live.id);
        self.handle.kill(live.id);
        if self.tasks.borrow().get(&life).is_some_and(|tasks| *tasks > 0) {
            self.dying.borrow_mut().insert(life);
        } else {
            self.kernel(|kernel, _| kernel.bury_threads(life.node));
        }
    }

    fn task_gone(&self, life: Incarnation) {
        let left = self.tasks.borrow_mut().get_mut(&life).map_or(0, |tasks| {
            *tasks = tasks.saturating_sub(1);
            *tasks
        });
        if left > 0 {
            return;
        }
        if self.dying.borrow_mut().remove(&life) {
            self.kernel(|kernel, _| kernel.bury_threads(life.node));
        }
        self.wake();
    }

    /// Main functions that have returned: what they left is taken apart as it is when a runtime is dropped.
    fn take_returned(&self) {
        let returned = std::mem::take(&mut *self.returned.borrow_mut());
        for (life, code) in returned {
            let id = match &mut self.hosts.borrow_mut()[index_of(life)].live {
                Some(live) if live.incarnation == life.incarnation => {
                    live.ended = Some(code);
                    live.id
                }
                _ => continue,
            };
            self.handle.kill(id);
        }
    }

    /// Their processes end once nothing is left.
    fn bury_returned(&self) {
        let hosts = self.hosts.borrow().len();
        for index in 0..hosts {
            let node = NodeId(index as u16);
            let (code, tokio) = {
                let mut hosts = self.hosts.borrow_mut();
                let Some(live) = &mut hosts[index].live else { continue };
                let Some(code) = live.ended else { continue };
                let life = Incarnation { node, incarnation: live.incarnation };
                if self.tasks.borrow().get(&life).is_some_and(|tasks| *tasks > 0) {
                    continue;
                }
                let tokio = live.tokio.take();
                hosts[index].live = None;
                (code, tokio)
            };
            self.kernel(|kernel, me| kernel.turn_to(me, Some(node), false));
            // It waits for what blocks, as a main function does.
            drop(tokio);
            self.kernel(|kernel, me| {
                kernel.guest_main_ended(me, code);
                kernel.bury_threads(node);
                kernel.turn_to(me, None, false);
            });
        }
    }

    /// Makes madsim's ways between nodes what the room's are.
    fn shut_ways(&self) {
        let mut shut = self.shut.borrow_mut();
        if shut.is_empty() && !self.kernel(|kernel, _| kernel.net.links().is_disturbed()) {
            return;
        }
        let hosts = self.hosts.borrow();
        let live = || hosts.iter().enumerate().filter_map(|(index, host)| Some((NodeId(index as u16), host.latest?)));
        let mut now = BTreeSet::new();
        for (a, from) in live() {
            for (b, to) in live() {
                if a != b && self.kernel(|kernel, _| kernel.is_shut(a, b)) {
                    now.insert((from, to));
                }
            }
        }
        let net = NetSim::current();
        shut.difference(&now).for_each(|(from, to)| net.unclog_link(*from, *to));
        now.difference(&shut).for_each(|(from, to)| net.clog_link(*from, *to));
        *shut = now;
    }
}

/// A life of a node, as madsim has it. It never ends by itself: what a main function leaves behind is taken apart once it is over.
async fn live(life: Incarnation, main: Main) {
    let at = crate::current_process();
    assert!(
        at == Some((life.node, life.incarnation)),
        "madsim's turns are not heard (this is {at:?}, not {life:?}): they come as spans of `tracing`, so that a program must not \
         set a subscriber of its own for the thread that madsim runs on"
    );
    let code = main(life.incarnation).await;
    guest_thread(|guest_thread| guest_thread.returned.borrow_mut().push((life, code)));
    pending().await
}
