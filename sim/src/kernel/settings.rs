//! Settings of a run, fixed before it begins.

use crate::kernel::net::link::Latency;
use crate::kernel::sched::preemption::Schedule;
use crate::kernel::sched::spin::SPIN_MAX;

/// Settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The seed of every choice; 0 by default.
    pub seed: u64,
    /// The latest end of the run, in virtual nanoseconds; one hour by default.
    pub end_ns: u64,
    /// The run ends after this many events; a hundred million by default.
    pub events_max: u64,
    /// Record every event. Off by default.
    pub record: bool,
    /// Record the lines that programs trace. Off by default.
    pub lines: bool,
    /// The rate of preemptions.
    pub schedule: Schedule,
    /// The latency of links that have none of their own.
    pub latency: Latency,
    /// A larger single allocation than this is an event; `None` for a node's whole budget, or 1 GiB if that is less.
    pub largest_allocation_bytes: Option<u64>,
    /// The number of the event at which a stack is captured.
    pub stack_at: Option<u64>,
    /// The bound of spinning within one virtual second without any input, in clock readings; a call without effect counts as
    /// twenty.
    pub spin_max: u64,
}

impl Default for Settings {
    /// Returns settings with an end after one hour or a hundred million events, and no recording.
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
