//! Where a call comes from: a thread of the run, or outside. The doors' one thread-local.
//! While the kernel works for a thread, that thread counts as outside, so that what the kernel calls passes through.

use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::choice::{Choices, Question, identity};
use crate::kernel::sched::thread::ThreadId;
use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, Ordering};

const OUTSIDE: u32 = u32::MAX;

thread_local! {
    static ME: Cell<u32> = const { Cell::new(OUTSIDE) };
    static HOST: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

/// The one world of this process.
static WORLD: AtomicPtr<Kernel> = AtomicPtr::new(std::ptr::null_mut());

/// The thread of the run that calls, if it is one.
#[inline(always)]
pub(crate) fn here() -> Option<ThreadId> {
    let me = ME.get();
    (me != OUTSIDE).then_some(ThreadId(me))
}

/// Says which thread of the run this strand is.
pub(crate) fn set_here(me: ThreadId) {
    ME.set(me.0);
}

/// Says that the calling thread is none of a run's.
pub(crate) fn set_outside() {
    ME.set(OUTSIDE);
}

/// Lets the calling thread count as outside for a while: what it calls passes through, what it allocates is not booked.
pub(crate) fn outside<R>(work: impl FnOnce() -> R) -> R {
    struct Back(u32);
    impl Drop for Back {
        fn drop(&mut self) {
            ME.set(self.0);
        }
    }
    let _back = Back(ME.replace(OUTSIDE));
    work()
}

/// From here on the calling thread counts as outside: it never runs for the run again.
pub(crate) fn forget_here() {
    ME.set(OUTSIDE);
}

/// Whether there is a world.
pub(crate) fn is_kernel() -> bool {
    !WORLD.load(Ordering::Relaxed).is_null()
}

/// Sets the world of this process.
pub(crate) fn set_kernel(kernel: *mut Kernel) {
    WORLD.store(kernel, Ordering::Release);
}

/// Lets the kernel work for a thread of the run. The reference ends before the baton passes.
#[inline]
pub(crate) fn kernel<R>(me: ThreadId, work: impl FnOnce(&mut Kernel) -> R) -> R {
    ME.set(OUTSIDE);
    // SAFETY: only the thread that has the baton gets here, no other reference into the world is alive then, and the world
    // outlives its threads.
    let result = work(unsafe { &mut *WORLD.load(Ordering::Relaxed) });
    ME.set(me.0);
    result
}

/// As [`kernel`], for work that calls nothing that could be a door.
#[inline]
pub(crate) fn at_rest<R>(work: impl FnOnce(&mut Kernel) -> R) -> R {
    // SAFETY: as above.
    work(unsafe { &mut *WORLD.load(Ordering::Relaxed) })
}

/// As [`kernel`], for the host, before and after a run.
pub(crate) fn kernel_of_host<R>(work: impl FnOnce(&mut Kernel) -> R) -> R {
    // SAFETY: as above; the host has the baton.
    work(unsafe { &mut *WORLD.load(Ordering::Relaxed) })
}

/// From here on the calling thread is a run's host: its random bytes come from the seed, its clocks and files stay real.
pub(crate) fn begin_host(seed: u64) {
    HOST.set(Some((seed, 0)));
}

/// The calling thread is nobody's host any more.
pub(crate) fn end_host() {
    HOST.set(None);
}

/// Random bytes for a run's host; `false` if the calling thread is none.
pub(crate) fn fill_for_host(into: &mut [u8]) -> bool {
    let Some((seed, mut count)) = HOST.get() else { return false };
    let choices = Choices::new(seed);
    for chunk in into.chunks_mut(8) {
        let word = choices.draw(Question::Entropy, identity("host"), count).to_le_bytes();
        count += 1;
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
    HOST.set(Some((seed, count)));
    true
}
