//! One run as the scenario's function described it, ready to be executed.

use crate::fault::{Faults, Injection, Targets};
use crate::invariant::{Invariant, Terms};
use crate::scenario::claim::Claims;
use crate::scenario::process::Process;
use afterlife_sim::Latency;

/// One run as the scenario's function described it.
pub(crate) struct Description {
    /// The nodes and clients, in the order of their numbers.
    pub(crate) processes: Vec<Process>,
    /// The faults that may strike, and their targets.
    pub(crate) faults: Vec<(Targets, Faults)>,
    /// The injections that strike in every run.
    pub(crate) injected: Vec<Injection>,
    /// The scenario's claims.
    pub(crate) claims: Claims,
    /// The latency of links without a description of their own.
    pub(crate) latency: Latency,
    /// The virtual time at which the run ends at the latest.
    pub(crate) time_limit_ns: u64,
    /// The terms of the invariants.
    pub(crate) terms: Terms,
    /// The scenario's own invariants.
    pub(crate) invariants: Vec<Box<dyn Invariant>>,
    /// The longest delay of a new thread's first turn.
    pub(crate) thread_start_max_ns: u64,
}
