//! The parts of a wait that all objects share: deadlines, wake-ups, results.

use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::ThreadId;
use crate::libc::block::call;
use crate::libc::time::deadline_at;
use crate::libc::user_memory::UserSlice;
use libc::{c_int, clockid_t, timespec};

/// No deadline.
pub(super) const FOREVER: Deadline = Deadline::NEVER;

/// The deadline at this reading of a clock.
///
/// # Safety
/// `until` is null or valid for reading a time.
pub(super) unsafe fn deadline(clock: clockid_t, until: *const timespec) -> Result<Deadline, c_int> {
    // SAFETY: this function's own contract.
    let until = unsafe { UserSlice::one(until) }.read()?;
    if !(0..1_000_000_000).contains(&until.tv_nsec) {
        return Err(libc::EINVAL);
    }
    Ok(deadline_at(clock, &until))
}

/// Wakes as many of the threads that wait at this address.
pub(super) fn wake(me: ThreadId, address: usize, count: u32) {
    call(me, |kernel| kernel.wake_waiters(me, address, count));
}

/// 0 or the error itself: the result of these functions.
pub(super) fn code(outcome: Result<(), c_int>) -> c_int {
    outcome.err().unwrap_or(0)
}
