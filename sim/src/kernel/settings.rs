//! Settings of a run, fixed before it begins.

use crate::kernel::net::link::Latency;
use crate::kernel::sched::preemption::Schedule;
use crate::kernel::sched::spin::SPIN_MAX;

/// Settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The seed of every choice.
    pub seed: u64,
    /// The latest end of the run, in virtual nanoseconds.
    pub end_ns: u64,
    /// The run ends after this many events.
    pub events_max: u64,
    /// Whether every event is recorded.
    pub record: bool,
    /// Whether the lines that programs trace are recorded.
    pub lines: bool,
    /// The rate of preemptions.
    pub schedule: Schedule,
    /// The latency of links that have none of their own.
    pub latency: Latency,
    /// A larger single allocation than this is an event; `None` for a node's whole budget, or 1 GiB if that is less.
    pub largest_allocation_bytes: Option<u64>,
    /// The event at which a stack is captured.
    pub stack_at: Option<u64>,
    /// The bound of spinning in one virtual second without any input, in readings of a clock: a call without effect counts
    /// as twenty.
    pub spin_max: u64,
}

impl Default for Settings {
    /// An hour, a hundred million events, nothing recorded.
    fn default() -> Self {
        Self {
            seed: 0,
            end_ns: 3_600_000_000_000,
            events_max: 100_000_000,
            record: false,
            lines: false,
            schedule: Schedule::default(),
            latency: Latency::default(),
            largest_allocation_bytes: None,
            stack_at: None,
            spin_max: SPIN_MAX,
        }
    }
}
