//! The virtual kernel: clock, baton, choices, processes, network and disks of one room.
//! It knows no C symbol and no scenario; safe Rust but for the baton's switch.

mod bytes;
pub mod choice;
pub mod disk;

pub(crate) mod baton;
#[cfg(any(feature = "turmoil", madsim))]
pub(crate) mod carried;
pub(crate) mod clock;
pub(crate) mod descriptor;
pub(crate) mod ending;
pub(crate) mod file;
pub(crate) mod futex;
pub(crate) mod leaving;
mod life;
pub(crate) mod lines;
pub(crate) mod link;
pub(crate) mod mapping;
pub(crate) mod memory;
pub(crate) mod net;
pub(crate) mod number;
mod pause;
pub(crate) mod pipe;
pub(crate) mod place;
pub(crate) mod poll;
pub(crate) mod process;
pub(crate) mod queue;
pub(crate) mod room;
pub(crate) mod signal;
pub(crate) mod sockets;
pub(crate) mod spin;
pub(crate) mod stale;
pub(crate) mod task;
pub(crate) mod tcp;
pub(crate) mod thread;
pub(crate) mod timer;
pub(crate) mod udp;
pub(crate) mod unix;
mod waiting;
pub(crate) mod wakes;
pub(crate) mod world;

/// An error number of Linux, positive.
pub(crate) type Errno = i32;
