//! madsim as a guest engine: its runtime runs on the guest thread, and each incarnation of a node is a node of madsim's. madsim has
//! the network, time and tasks; files, lifecycles, events and their observer stay the kernel's, and so do the threads on which
//! programs block. madsim itself is unmodified.
//!
//! ```text
//! engine         the entry points of the harness: run, tasks, turns
//! incarnation    names an incarnation of a node
//! guest_thread   madsim's runtime on the guest thread, and its time
//!   turns        turns of tasks, and the work between them
//!   lifecycle    incarnations begin and end
//!   links        partitions
//! engine_state   the state of madsim alone
//! kernel         operations of the kernel for madsim alone
//! interposed     our functions of the names that madsim defines as well
//! ```

mod engine;
pub(super) mod engine_state;
mod guest_thread;
mod incarnation;
mod interposed;
mod kernel;

pub use engine::{host_name, run, starting, task_gone, task_made, turn_begins, turn_ends};
pub use incarnation::Incarnation;
