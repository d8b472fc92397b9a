//! `pthread_once` and spin locks, for which glibc waits in a way that would never end here.
//! The uncontended state is glibc's own, so it is the same inside and outside of a run.

use super::object::Object;
use super::waiting::wake;
use crate::host::system;
use crate::kernel::due::Blocking;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::libc::block::{call, give_way, patient};
use libc::{c_int, pthread_once_t, pthread_spinlock_t};

const FRESH: pthread_once_t = 0;
const UNDER_WAY: pthread_once_t = 1;
const DONE: pthread_once_t = 2;

fn once(me: ThreadId, control: Object<pthread_once_t>, routine: extern "C" fn()) -> c_int {
    if control.with(|state| *state == DONE) {
        return 0;
    }
    let first = patient(me, |kernel| match control.with(|state| *state) {
        DONE => Ok(Blocking::Done(false)),
        FRESH => Ok(Blocking::Done(true)),
        _ => {
            kernel.sched.wait_on_futex(control.address(), me);
            Ok(Blocking::Wait(Wait::Futex(control.address()), u64::MAX))
        }
    });
    if first == Ok(true) {
        control.with(|state| *state = UNDER_WAY);
        routine();
        control.with(|state| *state = DONE);
        wake(me, control.address(), u32::MAX);
    }
    0
}

static TRY: system::Function = system::Function::named(c"pthread_spin_trylock");

/// # Safety
/// `lock` is an initialised spin lock.
unsafe fn spin(me: ThreadId, lock: *mut pthread_spinlock_t) -> c_int {
    let take = system::next!(TRY, fn(*mut pthread_spinlock_t) -> c_int);
    // SAFETY: `pthread_spin_trylock(3)` takes an initialised spin lock: this function's own contract.
    while unsafe { take(lock) } != 0 {
        // The holder must run again, and time must pass for a thread that it waits for.
        call(me, |kernel| kernel.sched.advance_by(1_000));
        give_way(me);
    }
    0
}

crate::libc::interposed! {
    fn pthread_once(control: *mut pthread_once_t, routine: extern "C" fn()) -> c_int = next;
    // SAFETY: `pthread_once(3)`: the caller passes a control that was initialised with `PTHREAD_ONCE_INIT`.
    |me| once(me, unsafe { Object::new(control) }, routine);
    fn pthread_spin_lock(lock: *mut pthread_spinlock_t) -> c_int = next;
    // SAFETY: `pthread_spin_lock(3)`: the caller passes an initialised spin lock.
    |me| unsafe { spin(me, lock) };
}
