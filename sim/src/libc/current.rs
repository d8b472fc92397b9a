//! The calling thread: one of the run, or outside. The one thread-local of the interposed functions.
//! While the kernel works for a thread, that thread counts as outside, so the kernel's own calls pass through.

use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::choice::{Choices, Question, identity};
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sink::Sink;
use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, Ordering};

const OUTSIDE: u32 = u32::MAX;

thread_local! {
    static ME: Cell<u32> = const { Cell::new(OUTSIDE) };
    static HOST: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

/// The one kernel of this process.
static KERNEL: AtomicPtr<Kernel> = AtomicPtr::new(std::ptr::null_mut());

/// The calling thread, if it belongs to the run.
#[inline(always)]
pub(crate) fn here() -> Option<ThreadId> {
    let me = ME.get();
    (me != OUTSIDE).then_some(ThreadId(me))
}

/// Sets the thread of the run that this fiber runs.
pub(crate) fn set_here(me: ThreadId) {
    ME.set(me.0);
}

/// Makes the calling thread one that belongs to no run.
pub(crate) fn set_outside() {
    ME.set(OUTSIDE);
}

/// Makes the calling thread count as outside during `work`: its calls pass through, and its allocations are not counted.
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

/// Makes the calling thread count as outside for good: it never runs for the run again.
pub(crate) fn forget_here() {
    ME.set(OUTSIDE);
}

/// Returns whether this process has a kernel.
pub(crate) fn is_kernel() -> bool {
    !KERNEL.load(Ordering::Relaxed).is_null()
}

/// Sets the kernel of this process.
pub(crate) fn set_kernel(kernel: *mut Kernel) {
    KERNEL.store(kernel, Ordering::Release);
}

/// Lets the kernel work for a thread of the run. The reference ends before another thread runs.
#[inline]
pub(crate) fn kernel<R>(me: ThreadId, work: impl FnOnce(&mut Kernel) -> R) -> R {
    ME.set(OUTSIDE);
    // SAFETY: the kernel outlives its threads. Only the running thread gets here, and no other reference is alive: `work` counts as
    // outside, so nothing that it calls comes back here, and `block` switches threads only between two of these calls.
    let result = work(unsafe { &mut *KERNEL.load(Ordering::Relaxed) });
    ME.set(me.0);
    result
}

/// As [`kernel`], for work that calls no interposed function.
#[inline]
pub(crate) fn at_rest<R>(work: impl FnOnce(&mut Kernel) -> R) -> R {
    // SAFETY: the kernel outlives its threads. Only the running thread gets here, and no other reference is alive: `work` calls
    // nothing that comes back here, and `block` switches threads only between two of these calls.
    work(unsafe { &mut *KERNEL.load(Ordering::Relaxed) })
}

/// As [`kernel`], for the host, before and after a run.
pub(crate) fn kernel_of_host<R>(work: impl FnOnce(&mut Kernel) -> R) -> R {
    // SAFETY: the host owns the kernel. It runs while no thread of the run does, and holds no other reference to it.
    work(unsafe { &mut *KERNEL.load(Ordering::Relaxed) })
}

/// Makes the calling thread a run's host: its random bytes come from the seed, its clocks and files stay real.
pub(crate) fn begin_host(seed: u64) {
    HOST.set(Some((seed, 0)));
}

/// Ends the calling thread's time as a host.
pub(crate) fn end_host() {
    HOST.set(None);
}

/// Fills a buffer with random bytes for a run's host. Returns `false` if the calling thread is no host.
pub(crate) fn fill_for_host(into: &mut dyn Sink) -> bool {
    let Some((seed, mut count)) = HOST.get() else { return false };
    let choices = Choices::new(seed);
    for at in (0..into.len()).step_by(8) {
        let word = choices.draw(Question::Entropy, identity("host"), count).to_le_bytes();
        count += 1;
        into.put(at, &word[..word.len().min(into.len() - at)]);
    }
    HOST.set(Some((seed, count)));
    true
}
