//! One simulation in one process: runs it on the calling thread, forks a child for each, watches it.

mod fork;
mod last_words;
pub(crate) mod simulation;

pub use fork::{ChildEnd, How, cpu_ns, fix_addresses, in_child, last_words};
pub(crate) use fork::{beat, guest_here, leave, name_node};
pub use last_words::{EXIT_UNSUPPORTED, LastWords};
pub use simulation::{Machine, Outcome, become_host, run};
