//! The virtual kernel: scheduler, processes, file systems and network of one simulation.
//! It knows no C symbol and no scenario; safe Rust but for the context switch.

pub(crate) mod control;
pub(crate) mod dispatch;
pub(crate) mod due;
mod emit;
pub(crate) mod ending;
pub(crate) mod fs;
pub(crate) mod guest;
pub(crate) mod net;
mod observation;
pub(crate) mod process;
pub(crate) mod sched;
pub(crate) mod settings;

/// An error number of Linux, positive.
pub(crate) type Errno = i32;
