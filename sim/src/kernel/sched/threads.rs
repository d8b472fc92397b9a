//! All threads of a simulation, and which of them runs next.
//! It does not switch stacks (fibers do) and knows no descriptors.

use crate::event::{Name, NodeId, Seq};
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::choice::{Choices, Question, join, mix};
use crate::kernel::sched::fiber::Fiber;
use crate::kernel::sched::preemption::{Preemption, Schedule};
use crate::kernel::sched::thread::{Calls, Handle, State, TaskPoll, Thread, ThreadId, Wait, WaitEnd};
use std::collections::BinaryHeap;

/// A place in the order of runnable threads: the number drawn for it, the thread, and the number of the thread's wake.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ticket(std::cmp::Reverse<(u64, u32)>, u64);

/// All threads, and the runnable ones in the order of their turns.
#[derive(Default)]
pub(crate) struct Threads {
    all: Vec<Thread>,
    turns: BinaryHeap<Ticket>,
    /// While just one thread is runnable it stands here, with the number of its wake: nothing needs to be drawn then.
    only: Option<(ThreadId, u64)>,
    /// The calls that the running thread has left before it is preempted. Its own figure is out of date meanwhile.
    calls_left: u32,
    pub(crate) schedule: Schedule,
    /// Who goes after all others that can: it gives way again and again, and its turn would be drawn anew each time, theirs once.
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
            key,
            name: Name::NONE,
            made: CallSite::default(),
            state: State::Waiting(Wait::Sleep),
            held: false,
            cause,
            poll: TaskPoll::default(),
            handle: Handle::default(),
            entropy: 0,
            wait: WaitEnd::default(),
            calls: Calls::default(),
            wakes: 0,
        });
        ThreadId(self.all.len() as u32 - 1)
    }

    /// Gives a thread its fiber and its first turn. Returns the deadline to set if that turn comes `late_ns` from now.
    pub(crate) fn start(
        &mut self,
        thread: ThreadId,
        fiber: Box<Fiber>,
        (now_ns, late_ns): (u64, u64),
        choices: &Choices,
    ) -> Option<u64> {
        self[thread].handle.pthread = fiber.pthread();
        self[thread].handle.fiber = Some(fiber);
        self.refill(thread, choices);
        if late_ns > 0 {
            return self.wait(thread, Wait::Preemption, now_ns + late_ns);
        }
        let cause = self[thread].cause;
        self.wake(thread, cause, choices);
        None
    }

    /// The delay before a new thread's first turn: on a machine with too few processors, other threads run first.
    pub(crate) fn lateness_ns(&self, thread: ThreadId, choices: &Choices) -> u64 {
        match self.schedule.start_ns_max {
            0 => 0,
            max => choices.below(Question::Start, self[thread].key, 0, max),
        }
    }

    /// The number of threads so far, ended ones included.
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
        self.all.iter().rposition(|thread| thread.handle.pthread == pthread).map(|index| ThreadId(index as u32))
    }

    /// Makes a waiting thread runnable. The others stay as they are.
    #[inline]
    pub(crate) fn wake(&mut self, id: ThreadId, cause: Seq, choices: &Choices) -> bool {
        let thread = &mut self.all[id.0 as usize];
        if !matches!(thread.state, State::Waiting(_)) {
            return false;
        }
        thread.wait.timed_out = false;
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
        if self.last == Some(id) {
            return self.turns.push(Ticket(std::cmp::Reverse((u64::MAX, id.0)), wakes));
        }
        let turn = choices.draw(Question::Turn, self.all[id.0 as usize].key, wakes);
        self.turns.push(Ticket(std::cmp::Reverse((turn, id.0)), wakes));
    }

    /// Parks the running thread. Returns the deadline that must be set for it, if the one in force would come too late.
    #[inline]
    pub(crate) fn wait(&mut self, id: ThreadId, wait: Wait, deadline_ns: u64) -> Option<u64> {
        let thread = &mut self.all[id.0 as usize];
        thread.state = State::Waiting(wait);
        thread.wait.timed_out = false;
        thread.wait.deadline_ns = deadline_ns;
        if deadline_ns < thread.wait.armed_ns {
            thread.wait.armed_ns = deadline_ns;
            return Some(deadline_ns);
        }
        None
    }

    /// A waiting thread's deadline is at another time now. Returns it if the one in force would come too late.
    pub(crate) fn move_deadline(&mut self, id: ThreadId, deadline_ns: u64) -> Option<u64> {
        let thread = &mut self.all[id.0 as usize];
        thread.wait.deadline_ns = deadline_ns;
        if deadline_ns < thread.wait.armed_ns {
            thread.wait.armed_ns = deadline_ns;
            return Some(deadline_ns);
        }
        None
    }

    /// The running thread lets others go first.
    pub(crate) fn give_way(&mut self, id: ThreadId, choices: &Choices) {
        self.enqueue(id, choices);
    }

    pub(crate) fn hold(&mut self, id: ThreadId) {
        self[id].held = true;
        if self[id].state == State::Runnable {
            self[id].state = State::Frozen;
        }
    }

    pub(crate) fn release(&mut self, id: ThreadId, choices: &Choices) {
        self[id].held = false;
        if self[id].state == State::Frozen {
            self.enqueue(id, choices);
        }
    }

    /// A deadline of this thread falls due. Returns whether it woke, or the later deadline to set instead.
    #[inline]
    pub(crate) fn due(&mut self, id: ThreadId, now_ns: u64) -> Timeout {
        let thread = &mut self.all[id.0 as usize];
        if thread.held {
            return Timeout::Nothing; // looked at again when it is released
        }
        if now_ns >= thread.wait.armed_ns {
            thread.wait.armed_ns = u64::MAX;
        }
        if !matches!(thread.state, State::Waiting(_)) || thread.wait.deadline_ns == u64::MAX {
            return Timeout::Nothing;
        }
        if thread.wait.deadline_ns <= now_ns {
            return Timeout::Now;
        }
        if thread.wait.deadline_ns < thread.wait.armed_ns {
            thread.wait.armed_ns = thread.wait.deadline_ns;
            return Timeout::Later(thread.wait.deadline_ns);
        }
        Timeout::Nothing
    }

    /// Wakes a thread whose time has come.
    #[inline]
    pub(crate) fn time_out(&mut self, id: ThreadId, cause: Seq, choices: &Choices) {
        if self.wake(id, cause, choices) {
            self.all[id.0 as usize].wait.timed_out = true;
        }
    }

    /// The thread that runs next, if any can.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<ThreadId> {
        while let Some((id, wakes)) = self.first_turn() {
            let thread = &mut self.all[id.0 as usize];
            if thread.state == State::Runnable && thread.wakes == wakes {
                thread.state = State::Running;
                self.calls_left = thread.calls.left;
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
            .or_else(|| self.turns.pop().map(|Ticket(std::cmp::Reverse((_, index)), wakes)| (ThreadId(index), wakes)))
    }

    /// The running thread stops for now.
    #[inline]
    pub(crate) fn stop(&mut self, id: ThreadId) {
        self.all[id.0 as usize].calls.left = self.calls_left;
    }

    /// Whether any thread can run.
    pub(crate) fn any_runnable(&self) -> bool {
        self.all.iter().any(|thread| thread.state == State::Runnable)
    }

    /// Counts a call of the running thread. Returns `false`, and counts nothing, if the call preempts the thread.
    #[inline]
    pub(crate) fn enter_call(&mut self) -> bool {
        let goes_on = self.calls_left > 0;
        self.calls_left -= u32::from(goes_on);
        goes_on
    }

    /// The number of calls until the running thread is preempted.
    pub(crate) fn calls_left(&self) -> u32 {
        self.calls_left
    }

    /// Sets the number of calls until the running thread is preempted; returns the one before.
    pub(crate) fn set_calls_left(&mut self, calls: u32) -> u32 {
        std::mem::replace(&mut self.calls_left, calls)
    }

    /// The running thread has no calls left: draws how it is preempted.
    #[cold]
    pub(crate) fn preempt(&mut self, id: ThreadId, now_ns: u64, choices: &Choices) -> Preemption {
        self.refill(id, choices);
        self.calls_left = self.all[id.0 as usize].calls.left;
        let schedule = self.schedule;
        if schedule.calls_per_preemption == 0 {
            return Preemption::No;
        }
        let thread = &self.all[id.0 as usize];
        let draw = choices.draw(Question::Stall, thread.key, thread.calls.preemptions);
        if schedule.stall_ns_max > 0 && draw.is_multiple_of(u64::from(schedule.preemptions_per_stall)) {
            return Preemption::Until(now_ns + mix(draw) % schedule.stall_ns_max);
        }
        Preemption::Yield
    }

    fn refill(&mut self, id: ThreadId, choices: &Choices) {
        let mean = u64::from(self.schedule.calls_per_preemption);
        let thread = &mut self.all[id.0 as usize];
        thread.calls.preemptions += 1;
        thread.calls.left = match mean {
            0 => u32::MAX,
            _ => choices.below(Question::Doors, thread.key, thread.calls.preemptions, 2 * mean) as u32,
        };
        thread.calls.granted = thread.calls.left;
    }

    /// A thread ran to its end.
    pub(crate) fn end(&mut self, id: ThreadId, result: usize) {
        let thread = &mut self[id];
        thread.state = State::Ended;
        thread.handle.result = result;
        if thread.handle.detached {
            self.ended.push(id);
        }
    }

    /// Nobody will ask for this thread's end any more.
    pub(crate) fn let_go(&mut self, id: ThreadId) {
        let thread = &mut self[id];
        if !std::mem::replace(&mut thread.handle.detached, true) && thread.state == State::Ended {
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
            } else if let Some(fiber) = self[id].handle.fiber.take() {
                fiber.reap();
            }
        }
    }
}

/// The effect of a deadline that fell due.
pub(crate) enum Timeout {
    /// None: the deadline no longer mattered.
    Nothing,
    /// The thread's wait times out.
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
