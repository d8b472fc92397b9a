//! The scheduler: threads, futexes, time, keyed choices, fibers.

pub mod choice;

mod call;
pub(crate) mod call_site;
pub(crate) mod clock;
pub(crate) mod deadlines;
pub(crate) mod fiber;
pub(crate) mod futex;
mod node_time;
pub(crate) mod preemption;
pub(crate) mod scheduler;
pub(crate) mod spin;
mod spin_detection;
pub(crate) mod task;
pub(crate) mod task_polls;
pub(crate) mod task_wakes;
pub(crate) mod thread;
pub(crate) mod threads;
mod waits_for;
mod wake;
