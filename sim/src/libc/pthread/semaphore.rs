//! Unnamed semaphores, in glibc's own words: the value, and how many wait.
//! Named ones are shared between processes, which nodes are; they are refused by name.

use super::{FOR_EVER, deadline, wake};
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

/// # Safety
/// The pointer is that of a semaphore, which nobody else looks at while the caller has the baton.
unsafe fn view<'a>(semaphore: *mut sem_t) -> &'a mut Semaphore {
    // SAFETY: as said; the layout is glibc's.
    unsafe { &mut *semaphore.cast::<Semaphore>() }
}

impl Semaphore {
    #[inline]
    fn take(&mut self) -> bool {
        let is_there = self.value > 0;
        self.value -= u32::from(is_there);
        is_there
    }
}

/// # Safety
/// As `sem_wait`.
unsafe fn wait(
    me: ThreadId,
    semaphore: *mut sem_t,
    until: impl FnOnce() -> Result<Deadline, Errno>,
) -> Result<(), Errno> {
    // SAFETY: the caller's semaphore.
    if unsafe { view(semaphore) }.take() {
        return Ok(());
    }
    let until = until()?;
    // SAFETY: as above.
    unsafe { view(semaphore) }.waiting += 1;
    let outcome = blocking(me, |kernel| {
        // SAFETY: the caller's semaphore; the reference ends before the baton passes.
        if unsafe { view(semaphore) }.take() {
            return Ok(Blocking::Done(()));
        }
        let until_ns = kernel.deadline_of(me, until);
        if until_ns <= kernel.sched.now_ns() {
            return Err(libc::ETIMEDOUT);
        }
        kernel.sched.wait_on_futex(semaphore.addr(), me);
        Ok(Blocking::Wait(Wait::Futex(semaphore.addr()), until_ns))
    });
    // SAFETY: as above.
    unsafe { view(semaphore) }.waiting -= 1;
    outcome
}

/// # Safety
/// As `sem_post`.
unsafe fn post(me: ThreadId, semaphore: *mut sem_t) -> Result<(), Errno> {
    // SAFETY: the caller's semaphore.
    let it = unsafe { view(semaphore) };
    if it.value >= VALUE_MAX {
        return Err(libc::EOVERFLOW);
    }
    it.value += 1;
    if it.waiting > 0 {
        wake(me, semaphore.addr(), 1);
    }
    Ok(())
}

crate::libc::interposed! {
    fn sem_wait(semaphore: *mut sem_t) -> c_int = next;
    // SAFETY: the caller's semaphore.
    |me| int(unsafe { wait(me, semaphore, || Ok(FOR_EVER)) });
    fn sem_trywait(semaphore: *mut sem_t) -> c_int = next;
    // SAFETY: the caller's semaphore.
    |_me| int(if unsafe { view(semaphore) }.take() { Ok(()) } else { Err(libc::EAGAIN) });
    fn sem_timedwait(semaphore: *mut sem_t, until: *const timespec) -> c_int = next;
    // SAFETY: the caller's semaphore and time.
    |me| int(unsafe { wait(me, semaphore, || deadline(libc::CLOCK_REALTIME, until)) });
    fn sem_clockwait(semaphore: *mut sem_t, clock: clockid_t, until: *const timespec) -> c_int = next;
    // SAFETY: the caller's semaphore and time.
    |me| int(unsafe { wait(me, semaphore, || deadline(clock, until)) });
    fn sem_post(semaphore: *mut sem_t) -> c_int = next;
    // SAFETY: the caller's semaphore.
    |me| int(unsafe { post(me, semaphore) });
}
