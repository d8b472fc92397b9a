//! Barriers.
//! A barrier that threads outside the run have used is not used inside.

use super::object::Object;
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

impl Barrier {
    /// A thread arrives. Returns whether it is the last one of its round.
    fn arrive(&mut self) -> bool {
        self.arrived += 1;
        let is_last = self.arrived == self.count;
        if is_last {
            self.arrived = 0;
            self.round = self.round.wrapping_add(1);
        }
        is_last
    }
}

fn wait(me: ThreadId, barrier: Object<Barrier>) -> c_int {
    let mut round = None;
    let last = patient(me, |kernel| {
        let now = barrier.with(|barrier| barrier.round);
        match round {
            Some(round) if round != now => return Ok(Blocking::Done(false)),
            Some(_) => {}
            None => {
                round = Some(now);
                if barrier.with(Barrier::arrive) {
                    kernel.wake_waiters(me, barrier.address(), u32::MAX);
                    return Ok(Blocking::Done(true));
                }
            }
        }
        kernel.sched.wait_on_futex(barrier.address(), me);
        Ok(Blocking::Wait(Wait::Futex(barrier.address()), u64::MAX))
    });
    if last == Ok(true) { libc::PTHREAD_BARRIER_SERIAL_THREAD } else { 0 }
}

crate::libc::interposed! {
    fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int = next;
    // SAFETY: `pthread_barrier_wait(3)`: the caller passes an initialised barrier.
    |me| wait(me, unsafe { Object::new(barrier) });
    fn pthread_barrier_destroy(barrier: *mut pthread_barrier_t) -> c_int = next;
    // SAFETY: `pthread_barrier_destroy(3)`: the caller passes an initialised barrier.
    |_me| if unsafe { Object::<Barrier>::new(barrier) }.with(|barrier| barrier.arrived == 0) { 0 } else { libc::EBUSY };
}
