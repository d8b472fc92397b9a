//! The virtual kernel: scheduler, processes, file systems and network of one simulation.
//! It knows no C symbol and no scenario; safe Rust but for the context switch.
//!
//! | | |
//! |---|---|
//! | `dispatch` | the kernel: its parts, and the loop that routes what falls due |
//! | `sched/` | threads, futexes, time, keyed choices, fibers |
//! | `process/` | nodes, their lifecycle, descriptors, signals, memory |
//! | `fs/`, `net/` | disks and files; links, TCP, UDP, Unix sockets, pipes |
//! | `due` | everything that may fall due |
//! | `emit`, `observation` | events are recorded and shown to the observer |
//! | `control` | the handle by which an observer controls a simulation |
//! | `sink` | the destination of a read |
//! | `settings`, `ending` | the beginning and the end of a run |
//! | `guest`, `guest_queries` | the guest engine of a run |

pub(crate) mod control;
pub(crate) mod dispatch;
pub(crate) mod due;
mod emit;
pub(crate) mod ending;
pub(crate) mod fs;
pub(crate) mod guest;
mod guest_queries;
pub(crate) mod net;
mod observation;
pub(crate) mod process;
pub(crate) mod sched;
pub(crate) mod settings;
pub(crate) mod sink;

/// An error number of Linux, positive.
pub(crate) type Errno = i32;
