//! The guest thread of madsim: its runtime, and the future that keeps madsim's time and the kernel's equal.

mod lifecycle;
mod links;
mod turns;

use super::incarnation::Incarnation;
use crate::event::NodeId;
use crate::guest::program::Main;
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::link::Latency;
use crate::kernel::process::address::address_v4;
use crate::kernel::process::node::ExitCode;
use crate::kernel::sched::clock::MONOTONIC_START_NS;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::settings::Settings;
use ::madsim::Config;
use ::madsim::runtime::{Handle, Runtime};
use ::madsim::task;
use ::madsim::time::{Sleep, TimeHandle};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};
use tokio::runtime::EnterGuard;

/// The longest time to the next wake-up of the supervisor.
const WAKE_UP_AFTER_MAX: Duration = Duration::from_secs(3_600);

thread_local! {
    /// The guest thread's state, on the guest thread.
    static CURRENT: RefCell<Option<Rc<GuestThread>>> = const { RefCell::new(None) };
    /// The incarnation for which a node of madsim's is being created.
    static STARTING: Cell<Option<Incarnation>> = const { Cell::new(None) };
}

/// The incarnation for which a node of madsim's is being created on the calling thread.
pub(super) fn starting() -> Option<Incarnation> {
    STARTING.get()
}

/// Calls `work` with the state of the guest thread, if this is the guest thread.
pub(super) fn with_current(work: impl FnOnce(&GuestThread)) {
    let current = CURRENT.try_with(|current| current.borrow().clone()).ok().flatten();
    if let Some(guest_thread) = current {
        work(&guest_thread);
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A node of the simulation.
struct Host {
    name: String,
    address: IpAddr,
    main: Main,
    /// The latest node of madsim's with this address.
    latest: Option<task::NodeId>,
    live: Option<Live>,
}

/// The live incarnation of a node.
struct Live {
    number: u16,
    id: task::NodeId,
    /// The tokio runtime for crates that ask for one: timers, and threads to block on.
    tokio: Option<tokio::runtime::Runtime>,
    /// The number of stop requests of which the program was notified.
    stops: u64,
    is_paused: bool,
    /// The exit code of the main function, while its tasks are torn down.
    ended: Option<ExitCode>,
}

/// The guest thread: madsim's runtime, and the state of the kernel that was applied to it.
pub(super) struct GuestThread {
    me: ThreadId,
    handle: Handle,
    end_ns: u64,
    hosts: RefCell<Vec<Host>>,
    /// The number of tasks of each incarnation.
    tasks: RefCell<BTreeMap<Incarnation, usize>>,
    /// The tokio runtime of each incarnation.
    runtimes: RefCell<BTreeMap<Incarnation, &'static tokio::runtime::Handle>>,
    entered: RefCell<Option<EnterGuard<'static>>>,
    /// Dead incarnations with tasks that are not torn down yet.
    dying: RefCell<BTreeSet<Incarnation>>,
    /// The present turn is a dead incarnation's.
    tears_down: Cell<bool>,
    /// Main functions that have returned.
    returned: RefCell<Vec<(Incarnation, ExitCode)>>,
    /// The directions that are closed in madsim's network.
    closed_links: RefCell<BTreeSet<(task::NodeId, task::NodeId)>>,
    /// Wakes the supervisor.
    supervisor: RefCell<Option<Waker>>,
    /// The time at which the supervisor wakes up by itself.
    armed_ns: Cell<u64>,
    /// The number of addresses that no node has any more.
    retired_addresses: Cell<u32>,
}

impl GuestThread {
    /// The main function of the guest thread.
    pub(super) fn run(settings: &Settings, plans: &[(String, Main)]) -> ExitCode {
        let Some(me) = crate::libc::here() else { unreachable!("the guest thread is a thread of the simulation") };
        let Latency { low_ns, high_ns, .. } = settings.latency;
        let mut config = Config::default();
        config.net.send_latency = Duration::from_nanos(low_ns)..Duration::from_nanos(high_ns.max(low_ns + 1));
        let mut runtime = Runtime::with_seed_and_config(settings.seed, config);
        // Threads of programs are threads of the simulation.
        runtime.set_allow_system_thread(true);
        let guest_thread = Rc::new(Self::new(me, runtime.handle().clone(), settings.end_ns, plans));
        CURRENT.set(Some(guest_thread.clone()));
        loop {
            // The run ends in here. A panic of a task ends madsim's loop after it has become an event; the other tasks go on.
            let _ = catch_unwind(AssertUnwindSafe(|| runtime.block_on(guest_thread.clone().supervise())));
        }
    }

    fn new(me: ThreadId, handle: Handle, end_ns: u64, plans: &[(String, Main)]) -> Self {
        let host = |(index, (name, main)): (usize, &(String, Main))| Host {
            name: name.clone(),
            address: address_v4(NodeId(index as u16)).into(),
            main: main.clone(),
            latest: None,
            live: None,
        };
        Self {
            me,
            handle,
            end_ns,
            hosts: RefCell::new(plans.iter().enumerate().map(host).collect()),
            tasks: RefCell::default(),
            runtimes: RefCell::default(),
            entered: RefCell::default(),
            dying: RefCell::default(),
            tears_down: Cell::new(false),
            returned: RefCell::default(),
            closed_links: RefCell::default(),
            supervisor: RefCell::default(),
            armed_ns: Cell::new(u64::MAX),
            retired_addresses: Cell::new(0),
        }
    }

    fn kernel<R>(&self, work: impl FnOnce(&mut Kernel, ThreadId) -> R) -> R {
        crate::libc::current::kernel(self.me, |kernel| work(kernel, self.me))
    }

    fn elapsed(&self) -> Duration {
        TimeHandle::try_current().map(|time| time.elapsed()).unwrap_or_default()
    }

    /// madsim's main future. madsim's time never passes a deadline of the kernel before it is handled.
    async fn supervise(self: Rc<Self>) {
        let time = TimeHandle::current();
        let mut sleep = pin!(time.sleep(Duration::ZERO));
        self.armed_ns.set(u64::MAX);
        self.synchronize_clocks(&time);
        poll_fn(|context| {
            self.supervisor.replace(Some(context.waker().clone()));
            while self.poll_due(sleep.as_mut(), &time, context).is_ready() {}
            Poll::<()>::Pending
        })
        .await;
    }

    fn poll_due(&self, mut sleep: Pin<&mut Sleep>, time: &TimeHandle, context: &mut Context<'_>) -> Poll<()> {
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

    /// The kernel's next deadline.
    fn due_ns(&self, now_ns: u64) -> u64 {
        let due_ns = self
            .kernel(|kernel, _| kernel.sched.next_deadline_ns())
            .unwrap_or(u64::MAX)
            .min(self.end_ns.saturating_add(1));
        due_ns.min(now_ns.saturating_add(nanoseconds(WAKE_UP_AFTER_MAX)))
    }

    /// Sets the kernel's clocks to madsim's, for threads that madsim does not answer.
    fn synchronize_clocks(&self, time: &TimeHandle) {
        let shown = time.now_time().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (shown_ns, nodes) = (nanoseconds(shown) as i64, self.hosts.borrow().len());
        self.kernel(|kernel, _| {
            for node in 0..=nodes {
                let node = NodeId(node as u16);
                let ahead_ns =
                    shown_ns - nanoseconds(time.elapsed()) as i64 - kernel.wall_ns(node) + kernel.sched.now_ns() as i64;
                if ahead_ns != 0 {
                    kernel.set_clocks(node, ahead_ns, 0);
                }
                // madsim's monotonic clock begins at 0.
                kernel.change_clocks(node, |clocks, _| clocks.set_monotonic_offset(-MONOTONIC_START_NS));
            }
        });
    }

    fn wake(&self) {
        if let Some(waker) = &*self.supervisor.borrow() {
            waker.wake_by_ref();
        }
    }
}
