//! Unnamed semaphores, in glibc's own words: the value, and the number of threads that wait.
//! Named ones, which processes share, are unsupported calls.

use super::object::Object;
use super::waiting::{FOREVER, deadline, wake};
use crate::kernel::Errno;
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::libc::block::blocking;
use crate::libc::io::int;
use libc::{c_int, clockid_t, sem_t, timespec};

const VALUE_MAX: u32 = i32::MAX as u32;

/// The first words of a semaphore as glibc lays them out on 64-bit Linux, the low half first.
#[repr(C)]
struct Semaphore {
    #[cfg(target_endian = "big")]
    waiting: u32,
    value: u32,
    #[cfg(target_endian = "little")]
    waiting: u32,
}

impl Semaphore {
    /// Takes one if the value is not zero.
    #[inline]
    fn take(&mut self) -> bool {
        let is_free = self.value > 0;
        self.value -= u32::from(is_free);
        is_free
    }
}

fn wait(
    me: ThreadId,
    semaphore: Object<Semaphore>,
    until: impl FnOnce() -> Result<Deadline, Errno>,
) -> Result<(), Errno> {
    if semaphore.with(Semaphore::take) {
        return Ok(());
    }
    let until = until()?;
    semaphore.with(|semaphore| semaphore.waiting += 1);
    let outcome = blocking(me, |kernel| {
        if semaphore.with(Semaphore::take) {
            return Ok(Blocking::Done(()));
        }
        let until_ns = kernel.deadline_of(me, until);
        if until_ns <= kernel.sched.now_ns() {
            return Err(libc::ETIMEDOUT);
        }
        kernel.sched.wait_on_futex(semaphore.address(), me);
        Ok(Blocking::Wait(Wait::Futex(semaphore.address()), until_ns))
    });
    semaphore.with(|semaphore| semaphore.waiting -= 1);
    outcome
}

fn post(me: ThreadId, object: Object<Semaphore>) -> Result<(), Errno> {
    let waiting = object.with(|semaphore| {
        if semaphore.value >= VALUE_MAX {
            return Err(libc::EOVERFLOW);
        }
        semaphore.value += 1;
        Ok(semaphore.waiting)
    })?;
    if waiting > 0 {
        wake(me, object.address(), 1);
    }
    Ok(())
}

crate::libc::interposed! {
    fn sem_wait(semaphore: *mut sem_t) -> c_int = next;
    // SAFETY: `sem_wait(3)`: the caller passes an initialised semaphore.
    |me| int(wait(me, unsafe { Object::new(semaphore) }, || Ok(FOREVER)));
    fn sem_trywait(semaphore: *mut sem_t) -> c_int = next;
    // SAFETY: `sem_trywait(3)`: the caller passes an initialised semaphore.
    |_me| int(if unsafe { Object::<Semaphore>::new(semaphore) }.with(Semaphore::take) { Ok(()) } else { Err(libc::EAGAIN) });
    fn sem_timedwait(semaphore: *mut sem_t, until: *const timespec) -> c_int = next;
    // SAFETY: `sem_timedwait(3)`: the caller passes an initialised semaphore and a time.
    |me| int(unsafe { wait(me, Object::new(semaphore), || deadline(libc::CLOCK_REALTIME, until)) });
    fn sem_clockwait(semaphore: *mut sem_t, clock: clockid_t, until: *const timespec) -> c_int = next;
    // SAFETY: `sem_clockwait(3)`: the caller passes an initialised semaphore and a time.
    |me| int(unsafe { wait(me, Object::new(semaphore), || deadline(clock, until)) });
    fn sem_post(semaphore: *mut sem_t) -> c_int = next;
    // SAFETY: `sem_post(3)`: the caller passes an initialised semaphore.
    |me| int(post(me, unsafe { Object::new(semaphore) }));
}
