//! All threads of a simulation, and the order in which they run.
//! It does not switch stacks (fibers do) and knows no descriptors.

use crate::event::{NodeId, Seq};
use crate::kernel::sched::choice::{Choices, Question, join, mix};
use crate::kernel::sched::fiber::Fiber;
use crate::kernel::sched::preemption::{Preemption, Schedule};
use crate::kernel::sched::thread::{State, Thread, ThreadId, Wait};
use crate::kernel::sched::wait_end::Timeout;
use std::collections::BinaryHeap;

/// A position in the order of runnable threads: the number drawn for it, the thread, and the number of the thread's
/// wake.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ticket(std::cmp::Reverse<(u64, u32)>, u64);

/// All threads, and the runnable ones in the order of their turns.
pub(super) struct Threads {
    all: Vec<Thread>,
    turns: BinaryHeap<Ticket>,
    /// While just one thread is runnable it stands here, with the number of its wake: nothing needs to be drawn then.
    only: Option<(ThreadId, u64)>,
    /// The number of calls until the running thread is preempted. Its own figure is out of date meanwhile.
    calls_left: u32,
    schedule: Schedule,
    /// The thread that runs after all others: it yields again and again, and its turn would be drawn anew each time,
    /// theirs once.
    last: Option<ThreadId>,
    /// Ended threads whose memory can be given back.
    ended: Vec<ThreadId>,
    switches: u64,
}

impl Threads {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self {
            all: Vec::new(),
            turns: BinaryHeap::new(),
            only: None,
            calls_left: 0,
            schedule,
            last: None,
            ended: Vec::new(),
            switches: 0,
        }
    }

    /// Adds a thread; it is not runnable before [`start`](Self::start).
    pub(super) fn add(&mut self, node: NodeId, incarnation: u16, number: u32, node_key: u64, cause: Seq) -> ThreadId {
        let key = join(join(node_key, u64::from(incarnation)), u64::from(number));
        self.all.push(Thread::new(node, incarnation, number, key, cause));
        ThreadId(self.all.len() as u32 - 1)
    }

    /// Gives a thread its fiber and its first turn. Returns the deadline to set if that turn comes `late_ns` from now.
    pub(super) fn start(
        &mut self,
        thread: ThreadId,
        fiber: Box<Fiber>,
        (now_ns, late_ns): (u64, u64),
        choices: &Choices,
    ) -> Option<u64> {
        self[thread].handle_mut().set_fiber(fiber);
        self.refill(thread, choices);
        if late_ns > 0 {
            return self.wait(thread, Wait::Preemption, now_ns, now_ns + late_ns);
        }
        let cause = self[thread].cause();
        self.wake(thread, cause, choices);
        None
    }

    /// The delay before a new thread's first turn: on a machine with too few processors, other threads run first.
    pub(super) fn lateness_ns(&self, thread: ThreadId, choices: &Choices) -> u64 {
        match self.schedule.start_ns_max {
            0 => 0,
            max => choices.below(Question::Start, self[thread].key(), 0, max),
        }
    }

    /// The number of threads so far, ended ones included.
    #[inline]
    pub(super) fn ever(&self) -> usize {
        self.all.len()
    }

    /// The number of context switches so far.
    pub(super) fn switches(&self) -> u64 {
        self.switches
    }

    /// All threads, by index.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ThreadId, &Thread)> {
        self.all.iter().enumerate().map(|(index, thread)| (ThreadId(index as u32), thread))
    }

    /// The thread of this `pthread_t`: the youngest, since the C library assigns a number again after its thread's end.
    pub(super) fn by_pthread(&self, pthread: libc::pthread_t) -> Option<ThreadId> {
        self.all.iter().rposition(|thread| thread.pthread() == pthread).map(|index| ThreadId(index as u32))
    }

    /// Makes a waiting thread runnable. Returns `false`, and does nothing, if the thread does not wait.
    #[inline]
    pub(super) fn wake(&mut self, id: ThreadId, cause: Seq, choices: &Choices) -> bool {
        let woken = self[id].end_wait(cause);
        if woken {
            self.enqueue(id, choices);
        }
        woken
    }

    /// Draws a turn for a thread that can run; one that is held freezes.
    #[inline]
    pub(super) fn enqueue(&mut self, id: ThreadId, choices: &Choices) {
        let Some(wakes) = self[id].make_runnable() else { return };
        if self.turns.is_empty() {
            let Some((only, only_wakes)) = self.only.replace((id, wakes)) else { return };
            self.only = None;
            self.draw_turn(only, only_wakes, choices);
        }
        self.draw_turn(id, wakes, choices);
    }

    fn draw_turn(&mut self, id: ThreadId, wakes: u64, choices: &Choices) {
        if self.last == Some(id) {
            return self.turns.push(Ticket(std::cmp::Reverse((u64::MAX, id.0)), wakes));
        }
        let turn = choices.draw(Question::Turn, self[id].key(), wakes);
        self.turns.push(Ticket(std::cmp::Reverse((turn, id.0)), wakes));
    }

    /// Lets a thread run after all others from now on.
    pub(super) fn run_last(&mut self, id: ThreadId) {
        self.last = Some(id);
    }

    /// Parks the running thread. Returns the deadline to set for it, if the one in force would come too late.
    #[inline]
    pub(super) fn wait(&mut self, id: ThreadId, wait: Wait, now_ns: u64, deadline_ns: u64) -> Option<u64> {
        self[id].begin_wait(wait, now_ns, deadline_ns)
    }

    /// Ends a hold of a thread.
    pub(super) fn release(&mut self, id: ThreadId, choices: &Choices) {
        if self[id].release() {
            self.enqueue(id, choices);
        }
    }

    /// A deadline of this thread falls due. Returns whether its wait times out, or the later deadline to set instead.
    #[inline]
    pub(super) fn due(&mut self, id: ThreadId, now_ns: u64) -> Timeout {
        self[id].due(now_ns)
    }

    /// Wakes a thread whose wait timed out.
    #[inline]
    pub(super) fn time_out(&mut self, id: ThreadId, cause: Seq, choices: &Choices) {
        if self.wake(id, cause, choices) {
            self[id].wait_end_mut().time_out();
        }
    }

    /// Lets the thread run whose turn is next, if any can.
    #[inline]
    pub(super) fn run_next(&mut self) -> Option<ThreadId> {
        while let Some((id, wakes)) = self.first_turn() {
            let thread = &mut self.all[id.0 as usize];
            if thread.run(wakes) {
                self.calls_left = thread.calls().left();
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
    pub(super) fn stop(&mut self, id: ThreadId) {
        let left = self.calls_left;
        self[id].calls_mut().set_left(left);
    }

    /// Returns whether any thread can run.
    pub(super) fn any_runnable(&self) -> bool {
        self.all.iter().any(|thread| thread.state() == State::Runnable)
    }

    /// Counts a call of the running thread. Returns `false`, and counts nothing, if the call preempts the thread.
    #[inline]
    pub(super) fn enter_call(&mut self) -> bool {
        if self.calls_left == 0 {
            return false;
        }
        self.calls_left -= 1;
        true
    }

    /// The number of calls until the running thread is preempted.
    #[inline]
    pub(super) fn calls_left(&self) -> u32 {
        self.calls_left
    }

    /// Sets the number of calls until the running thread is preempted; returns the one before.
    pub(super) fn set_calls_left(&mut self, calls: u32) -> u32 {
        std::mem::replace(&mut self.calls_left, calls)
    }

    /// The running thread has no calls left: draws the kind of its preemption.
    #[cold]
    pub(super) fn preempt(&mut self, id: ThreadId, now_ns: u64, choices: &Choices) -> Preemption {
        self.refill(id, choices);
        self.calls_left = self[id].calls().left();
        let schedule = self.schedule;
        if schedule.calls_per_preemption == 0 {
            return Preemption::No;
        }
        let draw = choices.draw(Question::Stall, self[id].key(), self[id].calls().preemptions());
        if schedule.stall_ns_max > 0 && draw.is_multiple_of(u64::from(schedule.preemptions_per_stall)) {
            return Preemption::Until(now_ns + mix(draw) % schedule.stall_ns_max);
        }
        Preemption::Yield
    }

    fn refill(&mut self, id: ThreadId, choices: &Choices) {
        let mean = u64::from(self.schedule.calls_per_preemption);
        let key = self[id].key();
        self[id].calls_mut().grant(|preemption| match mean {
            0 => u32::MAX,
            _ => choices.below(Question::Preemption, key, preemption, 2 * mean) as u32,
        });
    }

    /// A thread ran to its end.
    pub(super) fn end(&mut self, id: ThreadId, result: usize) {
        if self[id].end(result) {
            self.ended.push(id);
        }
    }

    /// Nobody will ask for this thread's result.
    pub(super) fn detach(&mut self, id: ThreadId) {
        if self[id].detach() {
            self.ended.push(id);
        }
    }

    /// Gives back the memory of threads that have ended and that nobody will join, so that their numbers may be
    /// assigned again. Threads that were killed keep theirs: others may still hold pointers into their stacks, as
    /// parking_lot's table of waiters does. So does the thread `on` whose stack the kernel works: it has ended, but its
    /// fiber has not switched away yet.
    pub(super) fn reap(&mut self, on: Option<ThreadId>) {
        for id in std::mem::take(&mut self.ended) {
            if Some(id) == on {
                self.ended.push(id);
            } else if let Some(fiber) = self[id].handle_mut().take_fiber() {
                fiber.reap();
            }
        }
    }
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
