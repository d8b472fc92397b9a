//! Condition variables. The kernel alone knows the threads that wait: nothing is kept in the object.
//! A wait may end without a signal, as POSIX allows: when a signal handler has run.

use super::mutex::{Mutex, lock};
use super::object::Object;
use super::waiting::{FOREVER, deadline, wake};
use crate::host::system;
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::libc::block::patient;
use libc::{c_int, clockid_t, pthread_cond_t, pthread_condattr_t, pthread_mutex_t, timespec};
use std::sync::OnceLock;

/// Waits for the condition variable at this address.
fn wait(me: ThreadId, condition: usize, mutex: Object<Mutex>, until: Deadline) -> c_int {
    let mut waited = false;
    let outcome = patient(me, |kernel| {
        if waited {
            return if kernel.sched[me].timed_out() { Err(libc::ETIMEDOUT) } else { Ok(Blocking::Done(())) };
        }
        let waited_for = mutex.with(|mutex| mutex.release(me))?;
        waited = true;
        if waited_for {
            kernel.wake_waiters(me, mutex.address(), 1);
        }
        kernel.sched.wait_on_futex(condition, me);
        let until_ns = kernel.deadline_of(me, until).max(kernel.sched.now_ns());
        Ok(Blocking::Wait(Wait::Futex(condition), until_ns))
    });
    if !waited {
        return outcome.err().unwrap_or(0); // the mutex is not the caller's
    }
    match lock(me, mutex, FOREVER) {
        0 => outcome.err().unwrap_or(0),
        error => error,
    }
}

/// # Safety
/// `until` is null or valid for reading a time.
unsafe fn wait_until(
    me: ThreadId,
    condition: usize,
    mutex: Object<Mutex>,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: this function's own contract.
    match unsafe { deadline(clock, until) } {
        Ok(until) => wait(me, condition, mutex, until),
        Err(error) => error,
    }
}

/// The clock that a condition variable was made for.
///
/// # Safety
/// `condition` is an initialised condition variable.
unsafe fn clock_of(condition: *const pthread_cond_t) -> clockid_t {
    let Some((at, bits)) = clock_mark() else { return libc::CLOCK_REALTIME };
    // SAFETY: this function's own contract; `at` is an offset within the object.
    let byte = unsafe { *condition.cast::<u8>().add(at) };
    if byte & bits != 0 { libc::CLOCK_MONOTONIC } else { libc::CLOCK_REALTIME }
}

/// The offset and the bits by which the C library marks a condition variable that uses the monotonic clock. They differ between
/// versions, so one variable of each kind is made and compared.
fn clock_mark() -> Option<(usize, u8)> {
    static MARK: OnceLock<Option<(usize, u8)>> = OnceLock::new();
    *MARK.get_or_init(|| {
        let bytes = |clock: clockid_t| {
            static INIT: system::Function = system::Function::named(c"pthread_cond_init");
            let init = system::next!(INIT, fn(*mut pthread_cond_t, *const pthread_condattr_t) -> c_int);
            let mut made = [0u8; size_of::<pthread_cond_t>()];
            // SAFETY: `pthread_condattr_init(3)`, `pthread_cond_init(3)`: both take uninitialised memory of the type's size; zeros are
            // valid values of both types; `made` has the size of a condition variable.
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
    // SAFETY: `pthread_cond_wait(3)`: the caller passes an initialised mutex.
    |me| wait(me, condition.addr(), unsafe { Object::new(mutex) }, FOREVER);
    fn pthread_cond_timedwait(
        condition: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
        until: *const timespec
    ) -> c_int = next;
    // SAFETY: `pthread_cond_timedwait(3)`: the caller passes an initialised condition variable and mutex, and a time.
    |me| unsafe { wait_until(me, condition.addr(), Object::new(mutex), clock_of(condition), until) };
    fn pthread_cond_clockwait(
        condition: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
        clock: clockid_t,
        until: *const timespec
    ) -> c_int = next;
    // SAFETY: `pthread_cond_clockwait(3)`: the caller passes an initialised mutex and a time.
    |me| unsafe { wait_until(me, condition.addr(), Object::new(mutex), clock, until) };
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
    // The C library's own would wait for threads that it believes to be about to leave.
    fn pthread_cond_destroy(_condition: *mut pthread_cond_t) -> c_int = next;
    |_me| 0;
}
