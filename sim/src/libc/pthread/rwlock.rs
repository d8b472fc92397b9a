//! Read-write locks: many readers or one writer; readers go first, as is glibc's default.
//! The state is in words that glibc does not use, because its own words keep traces of earlier holders.

use super::object::Object;
use super::waiting::{FOREVER, code, deadline, wake};
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::libc::block::patient;
use libc::{c_int, clockid_t, pthread_rwlock_t, timespec};

/// The first words of a read-write lock as glibc lays them out on 64-bit Linux.
#[repr(C)]
struct Lock {
    of_glibc: [u32; 4],
    /// The number of readers, or [`WRITTEN`].
    holders: u32,
    /// 1 if a thread may wait.
    waited_for: u32,
    /// In a run: the writing thread's index plus one.
    writer: u32,
}

const WRITTEN: u32 = u32::MAX;

impl Lock {
    /// Takes it, or fails, without waiting; `None` if that takes a wait.
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

    /// Releases it. Returns whether all waiting threads must be woken.
    fn release(&mut self) -> Result<bool, c_int> {
        match self.holders {
            0 => return Err(libc::EPERM),
            WRITTEN => (self.holders, self.writer) = (0, 0),
            _ => self.holders -= 1,
        }
        Ok(self.holders == 0 && std::mem::take(&mut self.waited_for) != 0)
    }
}

fn lock(me: ThreadId, object: Object<Lock>, writes: bool, until: Deadline) -> c_int {
    if let Some(answer) = object.with(|lock| lock.take(me, writes)) {
        return answer;
    }
    code(patient(me, |kernel| {
        match object.with(|lock| lock.take(me, writes)) {
            Some(0) => return Ok(Blocking::Done(())),
            Some(error) => return Err(error),
            None => {}
        }
        let until_ns = kernel.deadline_of(me, until);
        if until_ns <= kernel.sched.now_ns() {
            return Err(libc::ETIMEDOUT);
        }
        object.with(|lock| lock.waited_for = 1);
        kernel.sched.wait_on_futex(object.address(), me);
        Ok(Blocking::Wait(Wait::Futex(object.address()), until_ns))
    }))
}

/// # Safety
/// `until` is null or valid for reading a time.
unsafe fn lock_until(
    me: ThreadId,
    object: Object<Lock>,
    writes: bool,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: this function's own contract.
    match unsafe { deadline(clock, until) } {
        Ok(until) => lock(me, object, writes, until),
        Err(error) => error,
    }
}

fn try_lock(me: ThreadId, object: Object<Lock>, writes: bool) -> c_int {
    match object.with(|lock| lock.take(me, writes)) {
        None | Some(libc::EDEADLK) => libc::EBUSY,
        Some(answer) => answer,
    }
}

fn unlock(me: ThreadId, object: Object<Lock>) -> c_int {
    match object.with(Lock::release) {
        Ok(wakes) => {
            if wakes {
                // All of them: a thread that must wait on says so again.
                wake(me, object.address(), u32::MAX);
            }
            0
        }
        Err(error) => error,
    }
}

crate::libc::interposed! {
    fn pthread_rwlock_rdlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: `pthread_rwlock_rdlock(3)`: the caller passes an initialised lock.
    |me| lock(me, unsafe { Object::new(rwlock) }, false, FOREVER);
    fn pthread_rwlock_wrlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: `pthread_rwlock_wrlock(3)`: the caller passes an initialised lock.
    |me| lock(me, unsafe { Object::new(rwlock) }, true, FOREVER);
    fn pthread_rwlock_tryrdlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: `pthread_rwlock_tryrdlock(3)`: the caller passes an initialised lock.
    |me| try_lock(me, unsafe { Object::new(rwlock) }, false);
    fn pthread_rwlock_trywrlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: `pthread_rwlock_trywrlock(3)`: the caller passes an initialised lock.
    |me| try_lock(me, unsafe { Object::new(rwlock) }, true);
    fn pthread_rwlock_timedrdlock(rwlock: *mut pthread_rwlock_t, until: *const timespec) -> c_int = next;
    // SAFETY: `pthread_rwlock_timedrdlock(3)`: the caller passes an initialised lock and a time.
    |me| unsafe { lock_until(me, Object::new(rwlock), false, libc::CLOCK_REALTIME, until) };
    fn pthread_rwlock_timedwrlock(rwlock: *mut pthread_rwlock_t, until: *const timespec) -> c_int = next;
    // SAFETY: `pthread_rwlock_timedwrlock(3)`: the caller passes an initialised lock and a time.
    |me| unsafe { lock_until(me, Object::new(rwlock), true, libc::CLOCK_REALTIME, until) };
    fn pthread_rwlock_clockrdlock(rwlock: *mut pthread_rwlock_t, clock: clockid_t, until: *const timespec) -> c_int =
        next;
    // SAFETY: `pthread_rwlock_clockrdlock(3)`: the caller passes an initialised lock and a time.
    |me| unsafe { lock_until(me, Object::new(rwlock), false, clock, until) };
    fn pthread_rwlock_clockwrlock(rwlock: *mut pthread_rwlock_t, clock: clockid_t, until: *const timespec) -> c_int =
        next;
    // SAFETY: `pthread_rwlock_clockwrlock(3)`: the caller passes an initialised lock and a time.
    |me| unsafe { lock_until(me, Object::new(rwlock), true, clock, until) };
    fn pthread_rwlock_unlock(rwlock: *mut pthread_rwlock_t) -> c_int = next;
    // SAFETY: `pthread_rwlock_unlock(3)`: the caller passes an initialised lock.
    |me| unlock(me, unsafe { Object::new(rwlock) });
}
