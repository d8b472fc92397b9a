//! The baton: exactly one thread of a run goes at a time, and passes on by handing over stack and thread pointer.
//! It does not choose who is next.
//!
//! Each strand has a stack, thread-locals and a control block as the C library gives them to its threads. In user-space mode
//! they are all that there is of it, or, where the C library is not understood, what a parked pthread has: the one kernel
//! thread that carries the run goes from one to the next. Elsewhere each runs on its own kernel thread and a futex passes the
//! turn. The semantics are the same.

mod memory;
mod switch;
#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
use x86_64 as native;
#[cfg(not(target_arch = "x86_64"))]
mod unsupported;
#[cfg(not(target_arch = "x86_64"))]
use unsupported as native;
mod unwind;

pub(crate) use switch::{Body, Fiber, on_a_fiber, pass, prepare, spawn};
pub(crate) use switch::{Passing, passing};
pub(crate) use unwind::{Trace, address_of, is_in_program, own_stack, stack_of};
