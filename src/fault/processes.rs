//! Faults of processes that go on afterwards: pauses, single threads that are held, and memory that becomes scarce for a while.
//! Which of them strikes, and when, `draw` decides. Ends of processes are there, too.

use super::draw::{Faults, Kind, decades, ordered};
use super::plan::{Fault, Trigger};
use crate::model::duration::nanoseconds;
use std::time::Duration;

/// How long and how hard.
#[derive(Clone, Debug, Default)]
pub(super) struct ProcessFaults {
    pause_ns: (u64, u64),
    hold_ns: u64,
    holds: Vec<(String, u32)>,
    hold_ends: Vec<String>,
    squeeze_bytes: (u64, u64),
    squeeze_ns: (u64, u64),
    pub(super) again_ns: u64,
}

/// More edges than a scenario names, and more threads than a process has; the number of one is counted round.
const EDGES: u64 = 1 << 16;
const THREADS: u64 = 1 << 16;

impl Faults {
    /// Pauses between these two long: no thread of the process goes on meanwhile, as after SIGSTOP or while its machine is
    /// moved. What arrives waits for it, what it had sent is delivered, and what its clocks owe it comes all at once.
    pub fn pauses(mut self, low: Duration, high: Duration) -> Self {
        self.processes.pause_ns = ordered(low, high);
        self.allow(Kind::Pause)
    }

    /// Single threads that stand still for at most this long, each power of ten as likely as the others, while the rest of their
    /// process goes on: a busy machine gives them no processor. See [`held_at`](Self::held_at) and
    /// [`held_until`](Self::held_until) for where they are held, and until when.
    pub fn held_threads(mut self, for_at_most: Duration) -> Self {
        self.processes.hold_ns = nanoseconds(for_at_most);
        self.allow(Kind::HeldThread)
    }

    /// Lets threads be held when they have just passed one of the first `nth_max` occurrences of `edge` on their node: for the
    /// words see [`aimed_at`](Self::aimed_at). Said more than once, each hold picks one; if it is not said at all, any thread is
    /// held, at any time.
    pub fn held_at(mut self, edge: &str, nth_max: u32) -> Self {
        assert!(nth_max > 0, "an edge that is never awaited: `nth_max` is 1 or more");
        self.processes.holds.push((edge.to_owned(), nth_max));
        self
    }

    /// Lets every other hold last until another thread of the process passes `edge`, instead of a drawn time, but no longer than all
    /// of them: what the held thread was about to do comes after what others did then. Said more than once, each hold picks one.
    pub fn held_until(mut self, edge: &str) -> Self {
        self.processes.hold_ends.push(edge.to_owned());
        self
    }

    /// Memory pressure: budgets as small as this many bytes, for a while. What a process has already it keeps; its next
    /// allocation finds that it is too much. It takes [`Memory`](crate::Memory) as the program's allocator.
    pub fn memory_pressure(mut self, low_bytes: u64, high_bytes: u64, for_at_most: Duration) -> Self {
        assert!(
            low_bytes <= high_bytes,
            "budgets from {low_bytes} to {high_bytes} run backwards: give the smaller first"
        );
        self.processes.squeeze_bytes = (low_bytes, high_bytes);
        self.processes.squeeze_ns = ordered(for_at_most / 10, for_at_most);
        self.allow(Kind::SqueezeMemory)
    }
}

/// One of these, if there are any. Counted round: what is drawn stays where it was when another one is added.
fn pick<T>(of: &[T], number: u64) -> Option<&T> {
    of.get((number as usize).checked_rem(of.len())?)
}

impl ProcessFaults {
    /// Draws a pause; `between` answers a numbered question with a number from a range.
    pub(super) fn pause(&self, node: u16, between: &impl Fn(u64, (u64, u64)) -> u64) -> Fault {
        Fault::Pause { node, for_ns: between(15, self.pause_ns) }
    }

    /// Draws a hold of a thread, and the edge at which it strikes if there are any.
    pub(super) fn hold(&self, node: u16, between: &impl Fn(u64, (u64, u64)) -> u64) -> (Fault, Option<Trigger>) {
        let at = pick(&self.holds, between(24, (0, EDGES - 1))).map(|(edge, nth_max)| Trigger::On {
            edge: edge.clone(),
            node,
            nth: between(25, (1, u64::from(*nth_max))) as u32,
            after_ns: 0,
        });
        let until = pick(&self.hold_ends, between(26, (0, EDGES - 1))).filter(|_| between(27, (0, 1)) == 1).cloned();
        let for_ns = if until.is_some() { self.hold_ns } else { decades(between, [29, 30], self.hold_ns) };
        (Fault::HoldThread { node, nth: between(28, (1, THREADS)) as u32, until, for_ns }, at)
    }

    /// Draws when a stop is asked for again.
    pub(super) fn again(&self, node: u16, between: &impl Fn(u64, (u64, u64)) -> u64) -> Trigger {
        Trigger::On {
            edge: "stop requested".to_owned(),
            node,
            nth: 1,
            after_ns: decades(between, [23, 16], self.again_ns),
        }
    }

    /// Draws a squeeze.
    pub(super) fn squeeze(&self, node: u16, between: &impl Fn(u64, (u64, u64)) -> u64) -> Fault {
        Fault::SqueezeMemory {
            node,
            budget_bytes: between(13, self.squeeze_bytes),
            for_ns: between(14, self.squeeze_ns),
        }
    }
}
