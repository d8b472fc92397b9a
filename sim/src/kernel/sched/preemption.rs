//! Preemption: the rate and length of interruptions at calls that would not have blocked.
//! `threads.rs` counts calls and draws.

/// The rate of preemptions: a thread is preempted at a call that would not have blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// One call in this many preempts its thread, on average; 0 never.
    pub calls_per_preemption: u32,
    /// One preemption in this many stalls the thread for a while; 0 none.
    pub preemptions_per_stall: u32,
    /// The longest stall, in nanoseconds.
    pub stall_ns_max: u64,
    /// The longest time between a thread's creation and its first turn, in nanoseconds; 0 if it is runnable at once.
    pub start_ns_max: u64,
}

impl Default for Schedule {
    /// Rarely: about one call in a thousand, one preemption in eight with a stall of up to 3 ms (a Linux time slice).
    fn default() -> Self {
        Self { calls_per_preemption: 1_000, preemptions_per_stall: 8, stall_ns_max: 3_000_000, start_ns_max: 0 }
    }
}

/// The effect of a call on the thread that makes it.
pub(crate) enum Preemption {
    /// The thread goes on.
    No,
    /// Other threads run first.
    Yield,
    /// The thread goes on at this time at the earliest.
    Until(u64),
}
