//! `pthread_once` and spin locks: what glibc waits for in a way that would never end here.
//! What is uncontended is glibc's own state, so that it holds inside and outside of a run.

use super::wake;
use crate::host::system;
use crate::kernel::due::Blocking;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::libc::block::{call, give_way, patient};
use libc::{c_int, pthread_once_t, pthread_spinlock_t};

const FRESH: pthread_once_t = 0;
const UNDER_WAY: pthread_once_t = 1;
const DONE: pthread_once_t = 2;

/// # Safety
/// As `pthread_once`.
unsafe fn once(me: ThreadId, control: *mut pthread_once_t, routine: extern "C" fn()) -> c_int {
    // SAFETY: the caller's word, here and below.
    if unsafe { *control } == DONE {
        return 0;
    }
    let first = patient(me, |kernel| {
        // SAFETY: as above.
        match unsafe { *control } {
            DONE => Ok(Blocking::Done(false)),
            FRESH => Ok(Blocking::Done(true)),
            _ => {
                kernel.sched.wait_on_futex(control.addr(), me);
                Ok(Blocking::Wait(Wait::Futex(control.addr()), u64::MAX))
            }
        }
    });
    if first == Ok(true) {
        // SAFETY: as above.
        unsafe { *control = UNDER_WAY };
        routine();
        // SAFETY: as above.
        unsafe { *control = DONE };
        wake(me, control.addr(), u32::MAX);
    }
    0
}

static TRY: system::Function = system::Function::named(c"pthread_spin_trylock");

/// # Safety
/// As `pthread_spin_lock`.
unsafe fn spin(me: ThreadId, lock: *mut pthread_spinlock_t) -> c_int {
    let take = system::next!(TRY, fn(*mut pthread_spinlock_t) -> c_int);
    // SAFETY: the caller's lock.
    while unsafe { take(lock) } != 0 {
        // The holder has lost the baton: it must have it back, and time must pass for whoever waits for it.
        call(me, |kernel| kernel.sched.advance_by(1_000));
        give_way(me);
    }
    0
}

crate::libc::interposed! {
    fn pthread_once(control: *mut pthread_once_t, routine: extern "C" fn()) -> c_int = next;
    // SAFETY: the caller's word.
    |me| unsafe { once(me, control, routine) };
    fn pthread_spin_lock(lock: *mut pthread_spinlock_t) -> c_int = next;
    // SAFETY: the caller's lock.
    |me| unsafe { spin(me, lock) };
}
