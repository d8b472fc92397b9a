//! Threads of the run and who goes next.
//! It does not switch stacks (the baton does) and knows no descriptors.

use crate::event::{Name, NodeId, Seq};
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::choice::{Choices, Question, join, mix};
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::fiber::Fiber;
use crate::kernel::sched::spin::Stretch;
use std::collections::BinaryHeap;

/// A thread of the run, as an index into all threads that the run ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ThreadId(pub(crate) u32);

/// Of a thread that has no loop which asks what is ready.
pub(crate) const NEVER_ASKED: usize = usize::MAX;

/// No thread of any run.
pub(crate) const NOBODY: ThreadId = ThreadId(u32::MAX);

/// What a thread waits for.
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
    /// Nothing of its own: it was cut off for a while.
    Preemption,
}

/// Where a thread is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It can go on and waits for the baton.
    Runnable,
    /// It could go on, but it is held, or its process is paused.
    Frozen,
    /// It has the baton.
    Running,
    /// It waits.
    Waiting(Wait),
    /// It ran to its end.
    Ended,
    /// Its process ended under it: it never gets the baton again.
    Dead,
}

/// A destructor of a thread-local.
pub(crate) struct Exit {
    pub(crate) destroy: unsafe extern "C" fn(*mut libc::c_void),
    pub(crate) object: usize,
}

/// One thread of the run.
pub(crate) struct Thread {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u16,
    /// Its number in its process; 0 is the main thread.
    pub(crate) number: u32,
    pub(crate) name: Name,
    /// Where it was made; none for a main thread.
    pub(crate) made: CallSite,
    pub(crate) state: State,
    /// It is held, or its process is paused: it does not get the baton.
    pub(crate) held: bool,
    /// Whether the last wait ended because its time had come.
    pub(crate) timed_out: bool,
    /// What leads to its next event: its last one, or what woke it since.
    pub(crate) cause: Seq,
    /// The task that it polls, by its number in its process; 0 for none, and for a process's main future.
    pub(crate) task: u32,
    /// The same by address, the main future included; 0 for none.
    pub(crate) polling: usize,
    /// What it polled when it asked last what is ready, as runtimes do; [`NEVER_ASKED`] if it never has.
    pub(crate) asked_in: usize,
    /// Nothing was.
    pub(crate) found_nothing: bool,
    pub(crate) fiber: Option<Box<Fiber>>,
    pub(crate) pthread: libc::pthread_t,
    /// Nobody will ask for its end any more: it was detached or joined.
    pub(crate) let_go: bool,
    pub(crate) result: usize,
    /// Who it is for keyed choices: node, incarnation and number, not its index, which other nodes' threads would shift.
    pub(crate) key: u64,
    /// Who gets its next random bytes: counts calls on this thread alone.
    pub(crate) entropy: u64,
    /// What is to run when it ends: destructors of its thread-locals, last first.
    pub(crate) exits: Vec<Exit>,
    /// What it waits for in its node's own time, and what that was in the room's when it was asked last.
    pub(crate) own_deadline: Deadline,
    pub(crate) own_sim_ns: u64,
    /// Doors that came to nothing since it was cut off last.
    pub(crate) vain: u32,
    /// How many of its doors since then are left out of account.
    pub(crate) nowhere: u32,
    /// What it passed before it was cut off last.
    pub(crate) stretch: Option<Stretch>,
    /// How many doors it had when it was cut off last.
    pub(crate) granted: u32,
    wakes: u64,
    calls_left: u32,
    preemptions: u64,
    deadline_ns: u64,
    armed_ns: u64,
}

impl Thread {
    /// When its wait ends, in the room's time.
    pub(crate) fn deadline_ns(&self) -> u64 {
        self.deadline_ns
    }

    /// Whether it has not ended, and its process has not.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.state, State::Ended | State::Dead)
    }
}

/// How often a thread is cut off at a door that would not have blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// One door in this many on average; 0 never.
    pub calls_per_preemption: u32,
    /// One cut in this many keeps the thread waiting for a while; 0 none.
    pub preemptions_per_stall: u32,
    /// How long at most, in nanoseconds.
    pub stall_ns_max: u64,
    /// How long at most a new thread waits for its first turn, in nanoseconds; 0 if it is in line at once.
    pub start_ns_max: u64,
}

impl Default for Schedule {
    /// Rarely: about one door in a thousand, one cut in eight with a stall of up to 3 ms (a Linux time slice).
    fn default() -> Self {
        Self { calls_per_preemption: 1_000, preemptions_per_stall: 8, stall_ns_max: 3_000_000, start_ns_max: 0 }
    }
}

/// What passing a door means for the thread that passes it.
pub(crate) enum Preemption {
    /// It goes on.
    No,
    /// Others go first.
    Yield,
    /// It goes on at this time at the earliest.
    Until(u64),
}

/// A place in the order of who goes next: what was drawn for it, whose it is, and at which of its wakes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Turn(std::cmp::Reverse<(u64, u32)>, u64);

/// All threads, and the runnable ones in the order in which they get the baton.
#[derive(Default)]
pub(crate) struct Threads {
    all: Vec<Thread>,
    turns: BinaryHeap<Turn>,
    /// While just one thread is runnable it stands here, with the number of its wake: nothing needs to be drawn then.
    only: Option<(ThreadId, u64)>,
    /// The doors that the running thread has left before it is cut off. Its own figure is out of date meanwhile.
    calls_left: u32,
    pub(crate) schedule: Schedule,
    /// Who goes after all others that can: it gives way again and again, and its turn would be drawn anew each time, theirs once.
    #[cfg(any(feature = "turmoil", madsim))]
    pub(crate) last: Option<ThreadId>,
    /// Ended threads whose kernel threads can go.
    ended: Vec<ThreadId>,
    pub(crate) switches: u64,
}

impl Threads {
    /// Takes a new thread in; it is not runnable before [`start`](Self::start).
    pub(crate) fn add(&mut self, node: NodeId, incarnation: u16, number: u32, node_key: u64, cause: Seq) -> ThreadId {
        let key = join(join(node_key, u64::from(incarnation)), u64::from(number));
        self.all.push(Thread {
            node,
            incarnation,
            number,
            name: Name::NONE,
            made: CallSite::default(),
            state: State::Waiting(Wait::Sleep),
            held: false,
            timed_out: false,
            cause,
            task: 0,
            polling: 0,
            asked_in: NEVER_ASKED,
            found_nothing: false,
            fiber: None,
            pthread: 0,
            let_go: false,
            result: 0,
            key,
            entropy: 0,
            exits: Vec::new(),
            own_deadline: Deadline::NEVER,
            own_sim_ns: u64::MAX,
            vain: 0,
            nowhere: 0,
            stretch: None,
            granted: 0,
            wakes: 0,
            calls_left: u32::MAX,
            preemptions: 0,
            deadline_ns: u64::MAX,
            armed_ns: u64::MAX,
        });
        ThreadId(self.all.len() as u32 - 1)
    }

    /// Gives a thread its strand and its first turn, or the deadline of that if it comes `late_ns` from now.
    pub(crate) fn start(
        &mut self,
        thread: ThreadId,
        fiber: Box<Fiber>,
        (now_ns, late_ns): (u64, u64),
        choices: &Choices,
    ) -> Option<u64> {
        self[thread].pthread = fiber.pthread();
        self[thread].fiber = Some(fiber);
        self.refill(thread, choices);
        if late_ns > 0 {
            return self.wait(thread, Wait::Preemption, now_ns + late_ns);
        }
        let cause = self[thread].cause;
        self.wake(thread, cause, choices);
        None
    }

    /// How long a new thread waits for its first turn: on a machine with too few processors, others go first.
    pub(crate) fn lateness_ns(&self, thread: ThreadId, choices: &Choices) -> u64 {
        match self.schedule.start_ns_max {
            0 => 0,
            max => choices.below(Question::Start, self[thread].key, 0, max),
        }
    }

    /// How many threads there have been.
    #[inline]
    pub(crate) fn ever(&self) -> usize {
        self.all.len()
    }

    /// All threads, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ThreadId, &Thread)> {
        self.all.iter().enumerate().map(|(index, thread)| (ThreadId(index as u32), thread))
    }

    /// The thread that answers to this `pthread_t`: the youngest, since a number comes back after its thread's end.
    pub(crate) fn by_pthread(&self, pthread: libc::pthread_t) -> Option<ThreadId> {
        self.all.iter().rposition(|thread| thread.pthread == pthread).map(|index| ThreadId(index as u32))
    }

    /// Makes a waiting thread runnable. The others stay as they are.
    #[inline]
    pub(crate) fn wake(&mut self, id: ThreadId, cause: Seq, choices: &Choices) -> bool {
        let thread = &mut self.all[id.0 as usize];
        if !matches!(thread.state, State::Waiting(_)) {
            return false;
        }
        thread.timed_out = false;
        if cause != Seq::NONE {
            thread.cause = cause;
        }
        self.enqueue(id, choices);
        true
    }

    #[inline]
    pub(crate) fn enqueue(&mut self, id: ThreadId, choices: &Choices) {
        let thread = &mut self.all[id.0 as usize];
        if thread.held {
            thread.state = State::Frozen;
            return;
        }
        thread.state = State::Runnable;
        thread.wakes += 1;
        let wakes = thread.wakes;
        if self.turns.is_empty() {
            let Some((only, only_wakes)) = self.only.replace((id, wakes)) else { return };
            self.only = None;
            self.line_up(only, only_wakes, choices);
        }
        self.line_up(id, wakes, choices);
    }

    fn line_up(&mut self, id: ThreadId, wakes: u64, choices: &Choices) {
        #[cfg(any(feature = "turmoil", madsim))]
        if self.last == Some(id) {
            return self.turns.push(Turn(std::cmp::Reverse((u64::MAX, id.0)), wakes));
        }
        let turn = choices.draw(Question::Turn, self.all[id.0 as usize].key, wakes);
        self.turns.push(Turn(std::cmp::Reverse((turn, id.0)), wakes));
    }

    /// Parks the running thread. Returns the deadline that must be set for it, if the one in force would come too late.
    #[inline]
    pub(crate) fn wait(&mut self, id: ThreadId, wait: Wait, deadline_ns: u64) -> Option<u64> {
        let thread = &mut self.all[id.0 as usize];
        thread.state = State::Waiting(wait);
        thread.timed_out = false;
        thread.deadline_ns = deadline_ns;
        if deadline_ns < thread.armed_ns {
            thread.armed_ns = deadline_ns;
            return Some(deadline_ns);
        }
        None
    }

    /// A waiting thread's deadline is at another time now. Returns it if the one in force would come too late.
    pub(crate) fn move_deadline(&mut self, id: ThreadId, deadline_ns: u64) -> Option<u64> {
        let thread = &mut self.all[id.0 as usize];
        thread.deadline_ns = deadline_ns;
        if deadline_ns < thread.armed_ns {
            thread.armed_ns = deadline_ns;
            return Some(deadline_ns);
        }
        None
    }

    /// The running thread lets others go first.
    pub(crate) fn give_way(&mut self, id: ThreadId, choices: &Choices) {
        self.enqueue(id, choices);
    }

    /// A deadline of this thread falls due. Returns whether it woke, or the later deadline to set instead.
    #[inline]
    pub(crate) fn due(&mut self, id: ThreadId, now_ns: u64) -> Due {
        let thread = &mut self.all[id.0 as usize];
        if thread.held {
            return Due::Nothing; // looked at again when it is released
        }
        if now_ns >= thread.armed_ns {
            thread.armed_ns = u64::MAX;
        }
        if !matches!(thread.state, State::Waiting(_)) || thread.deadline_ns == u64::MAX {
            return Due::Nothing;
        }
        if thread.deadline_ns <= now_ns {
            return Due::Now;
        }
        if thread.deadline_ns < thread.armed_ns {
            thread.armed_ns = thread.deadline_ns;
            return Due::Later(thread.deadline_ns);
        }
        Due::Nothing
    }

    /// Wakes a thread whose time has come.
    #[inline]
    pub(crate) fn time_out(&mut self, id: ThreadId, cause: Seq, choices: &Choices) {
        if self.wake(id, cause, choices) {
            self.all[id.0 as usize].timed_out = true;
        }
    }

    /// Who goes next, if anybody can.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<ThreadId> {
        while let Some((id, wakes)) = self.first_turn() {
            let thread = &mut self.all[id.0 as usize];
            if thread.state == State::Runnable && thread.wakes == wakes {
                thread.state = State::Running;
                self.calls_left = thread.calls_left;
                self.switches += 1;
                return Some(id);
            }
        }
        None
    }

    #[inline]
    fn first_turn(&mut self) -> Option<(ThreadId, u64)> {
        self.only
            .take()
            .or_else(|| self.turns.pop().map(|Turn(std::cmp::Reverse((_, index)), wakes)| (ThreadId(index), wakes)))
    }

    /// The running thread stops for now.
    #[inline]
    pub(crate) fn stop(&mut self, id: ThreadId) {
        self.all[id.0 as usize].calls_left = self.calls_left;
    }

    /// Whether anybody can go on.
    pub(crate) fn any_runnable(&self) -> bool {
        self.all.iter().any(|thread| thread.state == State::Runnable)
    }

    /// Counts a door that the running thread passes, unless it is to be cut off there.
    #[inline]
    pub(crate) fn enter_call(&mut self) -> bool {
        let goes_on = self.calls_left > 0;
        self.calls_left -= u32::from(goes_on);
        goes_on
    }

    /// How many doors the running thread has until it is cut off.
    pub(crate) fn calls_left(&self) -> u32 {
        self.calls_left
    }

    /// Gives the running thread this many doors until it is cut off; how many it had.
    pub(crate) fn set_calls_left(&mut self, interposed: u32) -> u32 {
        std::mem::replace(&mut self.calls_left, interposed)
    }

    /// The running thread has no doors left: what happens to it here.
    #[cold]
    pub(crate) fn cut(&mut self, id: ThreadId, now_ns: u64, choices: &Choices) -> Preemption {
        self.refill(id, choices);
        self.calls_left = self.all[id.0 as usize].calls_left;
        let schedule = self.schedule;
        if schedule.calls_per_preemption == 0 {
            return Preemption::No;
        }
        let thread = &self.all[id.0 as usize];
        let draw = choices.draw(Question::Stall, thread.key, thread.preemptions);
        if schedule.stall_ns_max > 0 && draw.is_multiple_of(u64::from(schedule.preemptions_per_stall)) {
            return Preemption::Until(now_ns + mix(draw) % schedule.stall_ns_max);
        }
        Preemption::Yield
    }

    fn refill(&mut self, id: ThreadId, choices: &Choices) {
        let mean = u64::from(self.schedule.calls_per_preemption);
        let thread = &mut self.all[id.0 as usize];
        thread.preemptions += 1;
        thread.calls_left = match mean {
            0 => u32::MAX,
            _ => choices.below(Question::Doors, thread.key, thread.preemptions, 2 * mean) as u32,
        };
        thread.granted = thread.calls_left;
    }

    /// A thread ran to its end.
    pub(crate) fn end(&mut self, id: ThreadId, result: usize) {
        let thread = &mut self[id];
        thread.state = State::Ended;
        thread.result = result;
        if thread.let_go {
            self.ended.push(id);
        }
    }

    /// Nobody will ask for this thread's end any more.
    pub(crate) fn let_go(&mut self, id: ThreadId) {
        let thread = &mut self[id];
        if !std::mem::replace(&mut thread.let_go, true) && thread.state == State::Ended {
            self.ended.push(id);
        }
    }

    /// Lets go of the kernel threads whose threads have ended and whose numbers may therefore come back. Threads that were
    /// killed keep theirs: others may still hold pointers into their stacks (parking_lot's table of waiters does). So does the
    /// one on whose stack this runs: it has ended, and is still looking for who goes next.
    pub(crate) fn reap(&mut self, on: Option<ThreadId>) {
        for id in std::mem::take(&mut self.ended) {
            if Some(id) == on {
                self.ended.push(id);
            } else if let Some(fiber) = self[id].fiber.take() {
                fiber.reap();
            }
        }
    }
}

/// What a deadline that fell due comes to.
pub(crate) enum Due {
    /// It was of no matter any more.
    Nothing,
    /// The thread's time has come.
    Now,
    /// The thread waits until this later time.
    Later(u64),
}

impl std::ops::Index<ThreadId> for Threads {
    type Output = Thread;

    #[inline]
    fn index(&self, id: ThreadId) -> &Thread {
        &self.all[id.0 as usize]
    }
}

impl std::ops::IndexMut<ThreadId> for Threads {
    #[inline]
    fn index_mut(&mut self, id: ThreadId) -> &mut Thread {
        &mut self.all[id.0 as usize]
    }
}
