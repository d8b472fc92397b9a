//! Read-write locks: many readers or one writer; readers go first, as is glibc's default.
//! The state stands in two words that glibc leaves alone, since its own words keep traces of earlier holders.

use super::{FOR_EVER, code, deadline, wake};
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::libc::block::patient;
use libc::{c_int, clockid_t, pthread_rwlock_t, timespec};

/// The first words of a read-write lock as glibc lays them out on 64-bit Linux.
#[repr(C)]
struct Lock {
    of_glibc: [u32; 4],
    /// How many read, or [`WRITTEN`].
    holders: u32,
    /// Whether somebody may wait.
    waited_for: u32,
    /// In a run: the writing thread's index and one.
    writer: u32,
}

const WRITTEN: u32 = u32::MAX;

/// # Safety
/// The pointer is that of a read-write lock, which nobody else looks at while the caller has the baton.
unsafe fn view<'a>(lock: *mut pthread_rwlock_t) -> &'a mut Lock {
    // SAFETY: as said; the layout is glibc's.
    unsafe { &mut *lock.cast::<Lock>() }
}

impl Lock {
    /// Takes it if that can be done now: 0, an error, or `None` to wait.
    #[inline]
    fn take(&mut self, me: ThreadId, writes: bool) -> Option<c_int> {
        match (self.holders, writes) {
            (0, true) => {
                (self.holders, self.writer) = (WRITTEN, me.0 + 1);
                Some(0)
            }
            (WRITTEN, _) => (self.writer == me.0 + 1).then_some(libc::EDEADLK),
            (readers, false) if readers < WRITTEN - 1 => {
                self.holders += 1;
                Some(0)
            }
            (_, false) => Some(libc::EAGAIN),
            (_, true) => None,
        }
    }
}

/// # Safety
/// As `pthread_rwlock_rdlock` or `wrlock`.
unsafe fn lock(me: ThreadId, lock: *mut pthread_rwlock_t, writes: bool, until: Deadline) -> c_int {
    // SAFETY: the caller's lock.
    if let Some(answer) = unsafe { view(lock) }.take(me, writes) {
        return answer;
    }
    code(patient(me, |kernel| {
        // SAFETY: the caller's lock; the reference ends before the baton passes.
        let it = unsafe { view(lock) };
        match it.take(me, writes) {
            Some(0) => return Ok(Blocking::Done(())),
            Some(error) => return Err(error),
            None => {}
        }
        let until_ns = kernel.deadline_of(me, until);
        if until_ns <= kernel.sched.now_ns() {
            return Err(libc::ETIMEDOUT);
        }
        it.waited_for = 1;
        kernel.sched.wait_on_futex(lock.addr(), me);
        Ok(Blocking::Wait(Wait::Futex(lock.addr()), until_ns))
    }))
}

/// # Safety
/// As `pthread_rwlock_clockrdlock`.
unsafe fn lock_until(
    me: ThreadId,
    rwlock: *mut pthread_rwlock_t,
    writes: bool,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: the caller's lock and time.
    unsafe {
        match deadline(clock, until) {
            Ok(until) => lock(me, rwlock, writes, until),
            Err(error) => error,
        }
    }
}

/// # Safety
/// As `pthread_rwlock_unlock`.
unsafe fn unlock(me: ThreadId, lock: *mut pthread_rwlock_t) -> c_int {
    // SAFETY: the caller's lock.
    let it = unsafe { view(lock) };
    match it.holders {
        0 => return libc::EPERM,
        WRITTEN => (it.holders, it.writer) = (0, 0),
        _ => it.holders -= 1,
    }
    if it.holders == 0 && std::mem::take(&mut it.waited_for) != 0 {
        // All of them: whoever must wait on says so again.
        wake(me, lock.addr(), u32::MAX);
    }
    0
}

crate::libc::interposed! {
    fn pthread_rwlock_rdlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: the caller's lock.
    |me| unsafe { lock(me, rwlock, false, FOR_EVER) };
    fn pthread_rwlock_wrlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: the caller's lock.
    |me| unsafe { lock(me, rwlock, true, FOR_EVER) };
    fn pthread_rwlock_tryrdlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: the caller's lock.
    |me| match unsafe { view(rwlock) }.take(me, false) {
        None | Some(libc::EDEADLK) => libc::EBUSY,
        Some(answer) => answer,
    };
    fn pthread_rwlock_trywrlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: the caller's lock.
    |me| match unsafe { view(rwlock) }.take(me, true) {
        None | Some(libc::EDEADLK) => libc::EBUSY,
        Some(answer) => answer,
    };
    fn pthread_rwlock_timedrdlock(rwlock: *mut pthread_rwlock_t, until: *const timespec) -> c_int = next;
    // SAFETY: the caller's lock and time.
    |me| unsafe { lock_until(me, rwlock, false, libc::CLOCK_REALTIME, until) };
    fn pthread_rwlock_timedwrlock(rwlock: *mut pthread_rwlock_t, until: *const timespec) -> c_int = next;
    // SAFETY: the caller's lock and time.
    |me| unsafe { lock_until(me, rwlock, true, libc::CLOCK_REALTIME, until) };
    fn pthread_rwlock_clockrdlock(rwlock: *mut pthread_rwlock_t, clock: clockid_t, until: *const timespec) -> c_int =
        next;
    // SAFETY: the caller's lock and time.
    |me| unsafe { lock_until(me, rwlock, false, clock, until) };
    fn pthread_rwlock_clockwrlock(rwlock: *mut pthread_rwlock_t, clock: clockid_t, until: *const timespec) -> c_int =
        next;
    // SAFETY: the caller's lock and time.
    |me| unsafe { lock_until(me, rwlock, true, clock, until) };
    fn pthread_rwlock_unlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: the caller's lock.
    |me| unsafe { unlock(me, rwlock) };
}
