//! Threads of the run and who goes next.
//! It does not switch stacks (fibers do) and knows no descriptors.

use crate::event::{Name, NodeId, Seq};
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::fiber::Fiber;
use crate::kernel::sched::spin::Stretch;

/// A thread of the run, as an index into all threads that the run ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ThreadId(pub(crate) u32);

/// Of a thread that has no loop which asks what is ready.
pub(crate) const NEVER_ASKED: usize = usize::MAX;

/// No thread of any run.
pub(crate) const NOBODY: ThreadId = ThreadId(u32::MAX);

/// The object of a thread's wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A futex wake at this address.
    Futex(usize),
    /// Readiness in an epoll instance or on descriptors.
    Ready,
    /// Time alone.
    Sleep,
    /// A device.
    Device,
    /// A device that does not answer.
    Stall,
    /// The end of a thread.
    Join(ThreadId),
    /// A lock on a file.
    FileLock,
    /// Nothing: the thread was preempted, and stalls for a while.
    Preemption,
}

/// The state of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It can go on and waits for its turn.
    Runnable,
    /// It could go on, but it is held, or its process is paused.
    Frozen,
    /// It runs.
    Running,
    /// It waits.
    Waiting(Wait),
    /// It ran to its end.
    Ended,
    /// Its process ended: it never runs again.
    Dead,
}

/// A destructor of a thread-local.
pub(crate) struct Exit {
    pub(crate) destroy: unsafe extern "C" fn(*mut libc::c_void),
    pub(crate) object: usize,
}

/// One thread of the simulation.
pub(crate) struct Thread {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u16,
    /// The thread's number in its process; 0 is the main thread.
    pub(crate) number: u32,
    /// The thread's identity for keyed choices: node, incarnation and number, not its index, which other nodes' threads would
    /// shift.
    pub(crate) key: u64,
    pub(crate) name: Name,
    /// Where it was made; none for a main thread.
    pub(crate) made: CallSite,
    pub(crate) state: State,
    /// The thread is held, or its process is paused: it does not run.
    pub(crate) held: bool,
    /// The cause of its next event: its last one, or what woke it since.
    pub(crate) cause: Seq,
    pub(crate) poll: TaskPoll,
    pub(crate) handle: Handle,
    /// The number of random words that the thread has drawn.
    pub(crate) entropy: u64,
    pub(crate) wait: WaitEnd,
    pub(crate) calls: Calls,
    pub(super) wakes: u64,
}

/// The asynchronous task that a thread polls.
pub(crate) struct TaskPoll {
    /// The task's number in its process; 0 for none, and for a process's main future.
    pub(crate) task: u32,
    /// The same by address, the main future included; 0 for none.
    pub(crate) polling: usize,
    /// What the thread polled when it last asked for readiness, as runtimes do; [`NEVER_ASKED`] if it never has.
    pub(crate) asked_in: usize,
    /// Nothing was ready then.
    pub(crate) found_nothing: bool,
}

impl Default for TaskPoll {
    fn default() -> Self {
        Self { task: 0, polling: 0, asked_in: NEVER_ASKED, found_nothing: false }
    }
}

/// The thread as its process refers to it: its stack, its `pthread_t`, and what happens at its end.
#[derive(Default)]
pub(crate) struct Handle {
    pub(crate) fiber: Option<Box<Fiber>>,
    pub(crate) pthread: libc::pthread_t,
    /// The thread was detached or joined: nobody will ask for its result.
    pub(super) detached: bool,
    pub(crate) result: usize,
    /// Destructors of its thread-locals, which run at its end, last first.
    pub(crate) destructors: Vec<Exit>,
}

/// The end of the present or last wait.
pub(crate) struct WaitEnd {
    /// Whether the last wait timed out.
    pub(crate) timed_out: bool,
    /// The deadline in the node's own time.
    pub(super) own_deadline: Deadline,
    /// The same in the simulation's time, when it was last computed.
    pub(super) own_sim_ns: u64,
    /// When the wait ends, in the simulation's time.
    pub(super) deadline_ns: u64,
    /// The deadline that is set for the thread in the queue.
    pub(super) armed_ns: u64,
}

impl Default for WaitEnd {
    fn default() -> Self {
        Self {
            timed_out: false,
            own_deadline: Deadline::NEVER,
            own_sim_ns: u64::MAX,
            deadline_ns: u64::MAX,
            armed_ns: u64::MAX,
        }
    }
}

/// Calls of a thread, as preemption and spin detection count them.
pub(crate) struct Calls {
    /// Calls without any effect since the last preemption.
    pub(super) fruitless: u32,
    /// Calls since then that spin detection leaves out.
    pub(super) uncounted: u32,
    /// The stretch before the last preemption.
    pub(super) stretch: Option<Stretch>,
    /// The number of calls that the last preemption granted.
    pub(super) granted: u32,
    /// The number of calls until the next preemption; out of date while the thread runs.
    pub(super) left: u32,
    pub(super) preemptions: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Self { fruitless: 0, uncounted: 0, stretch: None, granted: 0, left: u32::MAX, preemptions: 0 }
    }
}

impl Thread {
    /// Whether neither it nor its process has ended.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.state, State::Ended | State::Dead)
    }
}
