//! One simulation in one process: runs it on the calling thread, forks a child for each, watches it.
//!
//! | | |
//! |---|---|
//! | `simulation` | a run on the calling thread, from its machines to its outcome |
//! | `fork`, `child` | a child process: the parent's side, the child's side |
//! | `addresses`, `pages` | preparation of a runner: fixed addresses, page sizes |
//! | `stdin` | the stream between a runner and its campaign |
//! | `cpu_time` | processor time |
//!
//! The memory that both sides share is in `host::status`, below the kernel, which reports there that the run goes on.

mod addresses;
mod child;
mod cpu_time;
mod fork;
mod pages;
pub(crate) mod simulation;
mod stdin;

pub use crate::host::last_words::{EXIT_UNSUPPORTED, LastWords};
pub use crate::host::status::last_words;
pub use addresses::fix_addresses;
pub use cpu_time::cpu_ns;
pub use fork::{ChildEnd, How, Relay, in_child};
pub use simulation::{Machine, Outcome, become_host, run};
pub use stdin::take_stdin;
