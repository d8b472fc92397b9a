//! The scheduler: threads, futexes, time, keyed choices, fibers.
//!
//! | | |
//! |---|---|
//! | `scheduler` | the scheduler, which owns all of the following |
//! | `thread`, `threads` | one thread; all threads, and which runs next |
//! | `thread_handle`, `wait_end`, `poll_state`, `call_count` | parts of a thread |
//! | `holds` | threads that are held one by one |
//! | `call`, `preemption` | calls as scheduling points; the rate of preemptions |
//! | `deadlines` | the queue of deadlines |
//! | `clock`, `node_time` | the clocks of a node; deadlines in a node's own time |
//! | `futex`, `wake`, `waits_for` | futexes and their wakes; the waits of a deadlock |
//! | `task`, `task_wakes`, `task_polls`, `await_history` | asynchronous tasks: memory, wakes, polls, awaits |
//! | `spin`, `spin_detection` | processes that spin |
//! | `choice` | keyed choices of a seed |
//! | `call_site`, `await_sites` | call sites, as stacks of return addresses |
//! | `fiber/` | stacks and context switches |

pub mod choice;

pub(crate) mod await_history;
mod await_sites;
mod call;
mod call_count;
pub(crate) mod call_site;
pub(crate) mod clock;
mod deadlines;
pub(crate) mod fiber;
pub(crate) mod futex;
mod holds;
mod node_time;
mod poll_state;
pub(crate) mod preemption;
pub(crate) mod scheduler;
pub(crate) mod spin;
mod spin_detection;
mod task;
pub(crate) mod task_polls;
pub(crate) mod task_wakes;
pub(crate) mod thread;
pub(crate) mod thread_handle;
mod threads;
mod wait_end;
mod waits_for;
mod wake;
