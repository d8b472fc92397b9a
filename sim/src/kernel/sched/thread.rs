//! One thread of a simulation: its identity, its state, and the steps from one state to the next.
//! It does not switch stacks (fibers do) and knows no descriptors.

use crate::event::{Name, NodeId, Seq};
use crate::kernel::sched::call_count::CallCount;
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::fiber::Fiber;
use crate::kernel::sched::poll_state::PollState;
use crate::kernel::sched::thread_handle::{Destructor, Handle};
use crate::kernel::sched::wait_end::{Timeout, WaitEnd};

/// A thread of the simulation, as an index into all threads that it ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ThreadId(pub(crate) u32);

/// No thread of any simulation.
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
    /// It can run and waits for its turn.
    Runnable,
    /// It could run, but it is held, or its process is paused.
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

/// The process that a thread acts for, and its progress there.
#[derive(Clone, Copy)]
pub(crate) struct Role {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u16,
    /// The cause of the next event.
    pub(crate) cause: Seq,
    /// The number of random words drawn.
    pub(crate) entropy: u64,
}

/// One thread of the simulation.
pub(crate) struct Thread {
    role: Role,
    /// The thread's number in its process; 0 is the main thread.
    number: u32,
    /// The thread's identity for keyed choices: node, incarnation and number, not its index, which other nodes' threads
    /// would shift.
    key: u64,
    name: Name,
    /// The call that created it; none for a main thread.
    made: CallSite,
    state: State,
    /// The thread is held, or its process is paused: it does not run.
    held: bool,
    poll: PollState,
    handle: Handle,
    wait: WaitEnd,
    calls: CallCount,
    /// The number of times that it became runnable.
    wakes: u64,
}

impl Thread {
    /// Creates a thread that is not runnable yet.
    pub(super) fn new(node: NodeId, incarnation: u16, number: u32, key: u64, cause: Seq) -> Self {
        Self {
            role: Role { node, incarnation, cause, entropy: 0 },
            number,
            key,
            name: Name::NONE,
            made: CallSite::default(),
            state: State::Waiting(Wait::Sleep),
            held: false,
            poll: PollState::default(),
            handle: Handle::default(),
            wait: WaitEnd::default(),
            calls: CallCount::default(),
            wakes: 0,
        }
    }

    /// The node whose process the thread acts for.
    #[inline]
    pub(crate) fn node(&self) -> NodeId {
        self.role.node
    }

    /// The incarnation of that process.
    #[inline]
    pub(crate) fn incarnation(&self) -> u16 {
        self.role.incarnation
    }

    /// The number of the thread in its process; 0 is the main thread.
    #[inline]
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The thread's identity for keyed choices.
    #[inline]
    pub(super) fn key(&self) -> u64 {
        self.key
    }

    /// The process that the thread acts for, and its progress there.
    #[inline]
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Lets the thread act for another process; `key` is its identity for keyed choices from now on.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn act_for(&mut self, role: Role, key: u64) {
        (self.role, self.key) = (role, key);
    }

    /// Lets the thread act for another incarnation of its node.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn act_for_incarnation(&mut self, incarnation: u16) {
        self.role.incarnation = incarnation;
    }

    pub(crate) fn name(&self) -> Name {
        self.name
    }

    pub(crate) fn set_name(&mut self, name: Name) {
        self.name = name;
    }

    /// The call that created the thread; none for a main thread.
    pub(crate) fn made(&self) -> CallSite {
        self.made
    }

    /// The thread was created by this call.
    pub(crate) fn set_made(&mut self, made: CallSite) {
        self.made = made;
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Returns whether the thread waits for a futex wake, readiness, time or another thread.
    #[inline]
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// Returns whether neither the thread nor its process has ended.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.state, State::Ended | State::Dead)
    }

    /// Returns whether the thread is held, or its process is paused.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// The cause of the thread's next event: its last one, or the one that woke it since.
    #[inline]
    pub(crate) fn cause(&self) -> Seq {
        self.role.cause
    }

    /// The thread's next event has this cause.
    #[inline]
    pub(crate) fn set_cause(&mut self, cause: Seq) {
        self.role.cause = cause;
    }

    /// The thread's next event has this cause, unless there is none.
    #[inline]
    pub(crate) fn caused_by(&mut self, cause: Seq) {
        if cause != Seq::NONE {
            self.role.cause = cause;
        }
    }

    /// Returns whether the thread's last wait timed out.
    #[inline]
    pub(crate) fn timed_out(&self) -> bool {
        self.wait.timed_out()
    }

    /// The beginning of the thread's present wait, and its end by time, `u64::MAX` if it has none.
    pub(crate) fn wait_ns(&self) -> (u64, u64) {
        (self.wait.began_ns(), self.wait.deadline_ns())
    }

    /// The polls of asynchronous tasks on this thread.
    #[inline]
    pub(crate) fn poll(&self) -> &PollState {
        &self.poll
    }

    #[inline]
    pub(crate) fn poll_mut(&mut self) -> &mut PollState {
        &mut self.poll
    }

    #[inline]
    pub(super) fn calls(&self) -> &CallCount {
        &self.calls
    }

    #[inline]
    pub(super) fn calls_mut(&mut self) -> &mut CallCount {
        &mut self.calls
    }

    #[inline]
    pub(super) fn wait_end_mut(&mut self) -> &mut WaitEnd {
        &mut self.wait
    }

    #[inline]
    pub(super) fn wait_end(&self) -> &WaitEnd {
        &self.wait
    }

    /// Counts one more random word; returns the number of those before.
    pub(super) fn count_entropy(&mut self) -> u64 {
        let drawn = self.role.entropy;
        self.role.entropy += 1;
        drawn
    }
}

/// The thread as its process refers to it.
impl Thread {
    /// The thread's fiber; none before its start and after its memory was given back.
    #[inline]
    pub(crate) fn fiber(&self) -> Option<&Fiber> {
        self.handle.fiber()
    }

    pub(crate) fn pthread(&self) -> libc::pthread_t {
        self.handle.pthread()
    }

    /// The result of the thread's start routine, once it has ended.
    pub(crate) fn result(&self) -> usize {
        self.handle.result()
    }

    /// Adds a destructor of a thread-local.
    pub(crate) fn add_destructor(&mut self, destructor: Destructor) {
        self.handle.add_destructor(destructor);
    }

    /// Takes the destructor that runs next: the last one that was added.
    pub(crate) fn take_destructor(&mut self) -> Option<Destructor> {
        self.handle.take_destructor()
    }

    pub(super) fn handle_mut(&mut self) -> &mut Handle {
        &mut self.handle
    }
}

/// Steps from one state to the next.
impl Thread {
    /// Makes the thread runnable and returns the number of its wake; a thread that is held freezes instead.
    #[inline]
    pub(super) fn make_runnable(&mut self) -> Option<u64> {
        if self.held {
            self.state = State::Frozen;
            return None;
        }
        self.state = State::Runnable;
        self.wakes += 1;
        Some(self.wakes)
    }

    /// Lets the thread run, if it is still runnable since this wake. Returns whether it runs.
    #[inline]
    pub(super) fn run(&mut self, wakes: u64) -> bool {
        let runs = self.state == State::Runnable && self.wakes == wakes;
        if runs {
            self.state = State::Running;
        }
        runs
    }

    /// Begins a wait. Returns the deadline to set, if the one in force would come too late.
    #[inline]
    pub(super) fn begin_wait(&mut self, wait: Wait, now_ns: u64, deadline_ns: u64) -> Option<u64> {
        self.state = State::Waiting(wait);
        self.wait.begin(now_ns, deadline_ns)
    }

    /// Ends a wait because of `cause`. Returns `false` if the thread does not wait.
    #[inline]
    pub(super) fn end_wait(&mut self, cause: Seq) -> bool {
        if !self.is_waiting() {
            return false;
        }
        self.wait.end();
        self.caused_by(cause);
        true
    }

    /// A deadline of the thread falls due.
    #[inline]
    pub(super) fn due(&mut self, now_ns: u64) -> Timeout {
        if self.held {
            return Timeout::Nothing; // looked at again when it is released
        }
        let waits = self.is_waiting();
        self.wait.due(now_ns, waits)
    }

    pub(super) fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Holds the thread.
    pub(super) fn hold(&mut self) {
        self.held = true;
        if self.state == State::Runnable {
            self.state = State::Frozen;
        }
    }

    /// Ends a hold. Returns whether the thread can run.
    pub(super) fn release(&mut self) -> bool {
        self.held = false;
        self.state == State::Frozen
    }

    /// The thread ran to its end. Returns whether nobody will ask for its result.
    pub(super) fn end(&mut self, result: usize) -> bool {
        self.state = State::Ended;
        self.handle.set_result(result);
        self.handle.is_detached()
    }

    /// The thread's process ended.
    pub(super) fn kill(&mut self) {
        if self.state != State::Ended {
            self.state = State::Dead;
        }
    }

    /// Nobody will ask for the thread's result. Returns whether the thread has ended and was not detached before.
    pub(super) fn detach(&mut self) -> bool {
        self.handle.detach() && self.state == State::Ended
    }
}
