//! The scheduler: threads, futexes, time, keyed choices, fibers.

pub mod choice;

pub(crate) mod call_site;
pub(crate) mod clock;
pub(crate) mod deadlines;
pub(crate) mod fiber;
pub(crate) mod futex;
pub(crate) mod scheduler;
pub(crate) mod spin;
pub(crate) mod task;
pub(crate) mod task_wakes;
pub(crate) mod thread;
mod waits_for;
