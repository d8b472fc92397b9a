//! Condition variables. Who waits is known to the kernel alone: nothing is kept in the object.
//! A wait may end without a signal, as POSIX allows: when a signal handler ran.

use super::mutex::{lock, view};
use super::{FOR_EVER, deadline, wake};
use crate::host::system;
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::libc::block::patient;
use libc::{c_int, clockid_t, pthread_cond_t, pthread_condattr_t, pthread_mutex_t, timespec};
use std::sync::OnceLock;

/// # Safety
/// As `pthread_cond_wait`.
unsafe fn wait(me: ThreadId, condition: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, until: Deadline) -> c_int {
    let mut waited = false;
    let outcome = patient(me, |kernel| {
        if waited {
            return if kernel.sched[me].timed_out() { Err(libc::ETIMEDOUT) } else { Ok(Blocking::Done(())) };
        }
        // SAFETY: the caller's mutex; the reference ends before the baton passes.
        let waited_for = unsafe { view(mutex) }.release(me)?;
        waited = true;
        if waited_for {
            kernel.wake_waiters(me, mutex.addr(), 1);
        }
        kernel.sched.wait_on_futex(condition.addr(), me);
        let until_ns = kernel.deadline_of(me, until).max(kernel.sched.now_ns());
        Ok(Blocking::Wait(Wait::Futex(condition.addr()), until_ns))
    });
    if !waited {
        return outcome.err().unwrap_or(0); // the mutex is not the caller's
    }
    // SAFETY: the caller's mutex.
    match unsafe { lock(me, mutex, FOR_EVER) } {
        0 => outcome.err().unwrap_or(0),
        error => error,
    }
}

/// # Safety
/// As `pthread_cond_clockwait`.
unsafe fn wait_until(
    me: ThreadId,
    condition: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: the caller's time.
    match unsafe { deadline(clock, until) } {
        // SAFETY: the caller's objects.
        Ok(until) => unsafe { wait(me, condition, mutex, until) },
        Err(error) => error,
    }
}

/// The clock that a condition variable was made for.
///
/// # Safety
/// The pointer is that of a condition variable.
unsafe fn clock_of(condition: *const pthread_cond_t) -> clockid_t {
    let Some((at, bits)) = clock_mark() else { return libc::CLOCK_REALTIME };
    // SAFETY: within the object.
    let byte = unsafe { *condition.cast::<u8>().add(at) };
    if byte & bits != 0 { libc::CLOCK_MONOTONIC } else { libc::CLOCK_REALTIME }
}

/// Where the C library keeps that a condition variable goes by the monotonic clock: found by making one of each kind, since
/// the place differs between versions.
fn clock_mark() -> Option<(usize, u8)> {
    static MARK: OnceLock<Option<(usize, u8)>> = OnceLock::new();
    *MARK.get_or_init(|| {
        let bytes = |clock: clockid_t| {
            static INIT: system::Function = system::Function::named(c"pthread_cond_init");
            let init = system::next!(INIT, fn(*mut pthread_cond_t, *const pthread_condattr_t) -> c_int);
            let mut made = [0u8; size_of::<pthread_cond_t>()];
            // SAFETY: the attributes are made, used and ended; zeroed memory of the right size and alignment is initialised.
            unsafe {
                let mut attributes: pthread_condattr_t = std::mem::zeroed();
                let mut condition: pthread_cond_t = std::mem::zeroed();
                libc::pthread_condattr_init(&mut attributes);
                libc::pthread_condattr_setclock(&mut attributes, clock);
                init(&mut condition, &attributes);
                libc::pthread_condattr_destroy(&mut attributes);
                (&raw const condition).cast::<u8>().copy_to(made.as_mut_ptr(), made.len());
            }
            made
        };
        let (wall, monotonic) = (bytes(libc::CLOCK_REALTIME), bytes(libc::CLOCK_MONOTONIC));
        wall.iter().zip(monotonic).position(|(wall, monotonic)| *wall != monotonic).map(|at| (at, monotonic[at]))
    })
}

crate::libc::interposed! {
    fn pthread_cond_wait(condition: *mut pthread_cond_t, mutex: *mut pthread_mutex_t) -> c_int = next;
    // SAFETY: the caller's objects.
    |me| unsafe { wait(me, condition, mutex, FOR_EVER) };
    fn pthread_cond_timedwait(
        condition: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
        until: *const timespec
    ) -> c_int = next;
    // SAFETY: the caller's objects.
    |me| unsafe { wait_until(me, condition, mutex, clock_of(condition), until) };
    fn pthread_cond_clockwait(
        condition: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
        clock: clockid_t,
        until: *const timespec
    ) -> c_int = next;
    // SAFETY: the caller's objects.
    |me| unsafe { wait_until(me, condition, mutex, clock, until) };
    fn pthread_cond_signal(condition: *mut pthread_cond_t) -> c_int = next;
    |me| {
        wake(me, condition.addr(), 1);
        0
    };
    fn pthread_cond_broadcast(condition: *mut pthread_cond_t) -> c_int = next;
    |me| {
        wake(me, condition.addr(), u32::MAX);
        0
    };
    // The C library's own would wait for waiters that it believes to be on their way out.
    fn pthread_cond_destroy(_condition: *mut pthread_cond_t) -> c_int = next;
    |_me| 0;
}
