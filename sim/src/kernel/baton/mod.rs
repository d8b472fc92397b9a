//! The baton: exactly one thread of a run goes at a time, and passes on by handing over stack and thread pointer.
//! It does not choose who is next.
//!
//! Each strand is a real pthread, for its stack and its thread-locals. In user-space mode the pthread parks in the kernel
//! for good and its stack is run by the one kernel thread that carries the run; elsewhere each runs on its own kernel
//! thread and a futex passes the turn. The semantics are the same.

mod strand;
#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
use x86_64 as switch;
#[cfg(not(target_arch = "x86_64"))]
mod elsewhere;
#[cfg(not(target_arch = "x86_64"))]
use elsewhere as switch;

pub(crate) use strand::{Body, Strand, pass, spawn};
pub(crate) use strand::{Passing, passing};
