//! One simulation in one process: runs it on the calling thread, forks a child for each, watches it.
//!
//! | | |
//! |---|---|
//! | `simulation` | a run on the calling thread, from its machines to its outcome |
//! | `fork`, `child` | a child process: the parent's side, the child's side |
//! | `watchdog`, `vitals` | the watchdog: a child that spins or sleeps for real |
//! | `addresses`, `pages` | preparation of a runner: fixed addresses, page sizes |
//! | `address_space` | the limits of memory, checked before a runner starts |
//! | `interrupts` | SIGINT and SIGTERM of a campaign |
//! | `stdin` | the stream between a runner and its campaign |
//! | `cpu_time` | processor time |
//!
//! The memory that both sides share is in `host::status`, below the kernel, which reports there that the run goes on.

mod address_space;
mod addresses;
mod child;
mod cpu_time;
mod fork;
mod interrupts;
mod pages;
pub(crate) mod simulation;
mod stdin;
mod vitals;
mod watchdog;

pub use crate::host::last_words::{EXIT_UNSUPPORTED, LastWords};
pub use crate::host::status::last_words;
pub use address_space::check_address_space;
pub use addresses::fix_addresses;
pub use cpu_time::cpu_ns;
pub use fork::{ChildEnd, How, Relay, in_child};
pub use interrupts::{catch_interrupts, interrupt, release_interrupts};
pub use simulation::{EndState, Machine, Outcome, become_host, run};
pub use stdin::{stdin_begins_with, take_stdin};
pub use watchdog::Bounds;
