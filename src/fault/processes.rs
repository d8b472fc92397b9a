//! Faults of processes that go on afterwards: pauses, and memory that becomes scarce for a while.
//! Which of them strikes, and when, `draw` decides. Ends of processes are there, too.

use super::draw::{Faults, Kind, decades, ordered};
use super::plan::{Fault, Trigger};
use std::time::Duration;

/// How long and how hard.
#[derive(Clone, Debug, Default)]
pub(super) struct ProcessFaults {
    pause_ns: (u64, u64),
    squeeze_bytes: (u64, u64),
    squeeze_ns: (u64, u64),
    pub(super) again_ns: u64,
}

impl Faults {
    /// Pauses between these two long: no thread of the process goes on meanwhile, as after SIGSTOP or while its machine is
    /// moved. What arrives waits for it, what it had sent is delivered, and what its clocks owe it comes all at once.
    pub fn pauses(mut self, low: Duration, high: Duration) -> Self {
        self.processes.pause_ns = ordered(low, high);
        self.allow(Kind::Pause)
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

impl ProcessFaults {
    /// Draws a pause; `between` answers a numbered question with a number from a range.
    pub(super) fn pause(&self, node: u16, between: &impl Fn(u64, (u64, u64)) -> u64) -> Fault {
        Fault::Pause { node, for_ns: between(15, self.pause_ns) }
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
