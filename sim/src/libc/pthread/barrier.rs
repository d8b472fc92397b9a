//! Barriers: so many threads go on together.
//! A barrier that threads outside the run have used is not used inside.

use crate::kernel::due::Blocking;
use crate::kernel::sched::thread::{ThreadId, Wait};
use crate::libc::block::patient;
use libc::{c_int, pthread_barrier_t};

/// The first words of a barrier as glibc lays them out.
#[repr(C)]
struct Barrier {
    arrived: u32,
    round: u32,
    count: u32,
}

/// # Safety
/// The pointer is that of a barrier, which nobody else looks at while the caller has the baton.
unsafe fn view<'a>(barrier: *mut pthread_barrier_t) -> &'a mut Barrier {
    // SAFETY: as said; the layout is glibc's.
    unsafe { &mut *barrier.cast::<Barrier>() }
}

/// # Safety
/// As `pthread_barrier_wait`.
unsafe fn wait(me: ThreadId, barrier: *mut pthread_barrier_t) -> c_int {
    let mut round = None;
    let last = patient(me, |kernel| {
        // SAFETY: the caller's barrier; the reference ends before the baton passes.
        let it = unsafe { view(barrier) };
        match round {
            Some(round) if round != it.round => return Ok(Blocking::Done(false)),
            Some(_) => {}
            None => {
                round = Some(it.round);
                it.arrived += 1;
                if it.arrived == it.count {
                    it.arrived = 0;
                    it.round = it.round.wrapping_add(1);
                    kernel.wake_waiters(me, barrier.addr(), u32::MAX);
                    return Ok(Blocking::Done(true));
                }
            }
        }
        kernel.sched.wait_on_futex(barrier.addr(), me);
        Ok(Blocking::Wait(Wait::Futex(barrier.addr()), u64::MAX))
    });
    if last == Ok(true) { libc::PTHREAD_BARRIER_SERIAL_THREAD } else { 0 }
}

crate::libc::interposed! {
    fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int = next;
    // SAFETY: the caller's barrier.
    |me| unsafe { wait(me, barrier) };
    fn pthread_barrier_destroy(barrier: *mut pthread_barrier_t) -> c_int = next;
    // SAFETY: the caller's barrier.
    |_me| if unsafe { view(barrier) }.arrived == 0 { 0 } else { libc::EBUSY };
}
