//! What C code waits with: mutexes, condition variables, read-write locks, semaphores, barriers, spin locks, once.
//! Rust's own locks are futexes and pass `syscall`; threads themselves are in `threads`.
//!
//! In a run, a thread that must wait passes the baton; the C library's own functions would block the one kernel thread that
//! carries everybody. The objects keep the C library's layout, so that static initialisers, `*_init` and `*_destroy` (which
//! wait for nobody) are the C library's own, and an object that was made outside a run works inside. One thread runs at a
//! time, so that the state of an object is looked at and changed without a race; an uncontended lock asks no kernel.

mod barrier;
mod condition;
mod key;
mod mutex;
mod once;
mod rwlock;
mod semaphore;
mod unsupported;

pub(in crate::libc) use key::run_destructors;

use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::ThreadId;
use crate::libc::block::call;
use crate::libc::time::deadline_at;
use libc::{c_int, clockid_t, timespec};

/// Never.
const FOR_EVER: Deadline = Deadline::NEVER;

/// The deadline that this reading of a clock is.
///
/// # Safety
/// `until` is valid.
unsafe fn deadline(clock: clockid_t, until: *const timespec) -> Result<Deadline, c_int> {
    // SAFETY: the caller's pointer.
    let until = unsafe { &*until };
    if !(0..1_000_000_000).contains(&until.tv_nsec) {
        return Err(libc::EINVAL);
    }
    Ok(deadline_at(clock, until))
}

/// Wakes so many of those who wait at this address.
fn wake(me: ThreadId, address: usize, count: u32) {
    call(me, |kernel| kernel.wake_waiters(me, address, count));
}

/// 0 or the error itself: how these functions answer.
fn code(outcome: Result<(), c_int>) -> c_int {
    outcome.err().unwrap_or(0)
}
