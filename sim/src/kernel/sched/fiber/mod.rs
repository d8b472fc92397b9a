//! Fibers and context switches: exactly one thread of a simulation runs at a time.
//! It does not choose which.
//!
//! Each fiber has a stack, thread-locals and a control block as the C library gives them to its threads. In user-space
//! mode it has nothing else, or, where the C library's layout is unknown, it borrows them from a parked pthread; one
//! kernel thread switches from fiber to fiber. In futex mode each fiber has a kernel thread of its own, and a futex
//! hands over the turn. Runs are the same in both modes.
//!
//! | | |
//! |---|---|
//! | `switch` | a fiber; the context switch, in both modes |
//! | `x86_64`, `unsupported` | the user-space switch; the lack of one |
//! | `memory` | the memory of a fiber |
//! | `unwind`, `registers` | stack walks |

mod memory;
mod registers;
mod switch;
mod unwind;

#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod native;
#[cfg(not(target_arch = "x86_64"))]
#[path = "unsupported.rs"]
mod native;

pub(crate) use switch::{Body, Fiber, Mode, mode, on_a_fiber, prepare, spawn, switch};
pub(crate) use unwind::{DEPTH, Trace, address_of, is_in_program, own_stack};
