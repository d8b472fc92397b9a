//! Tasks of an asynchronous runtime, recognised by the allocator: tokio aligns the memory of a task as it aligns nothing else.
//! Nothing here allocates or calls tokio.
//!
//! Decision 0017 states the assumptions, and the effect on a report if a later tokio breaks them.

use super::current::{here, kernel};
use crate::kernel::process::leaked::Unended;
use crate::kernel::sched::fiber::{is_in_program, own_stack};
use std::alloc::Layout;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The alignment of tokio's task cells: two cache lines, since processors fetch lines in pairs.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) const CELL_ALIGN: usize = 128;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) const CELL_ALIGN: usize = 64;

/// Bits of a task's first word: it has completed, or was cancelled (dropped with its set, aborted by its handle).
const COMPLETE: usize = 1 << 1;
const CANCELLED: usize = 1 << 5;

/// The rest of that word counts references to the task. A channel, which has the same alignment, begins with a smaller number.
const REFERENCES_SHIFT: u32 = 6;
const REFERENCES_MAX: usize = 1 << 20;

/// The words of a task's head, one of which points to the functions of its kind, in the program itself.
const HEAD: usize = 6;

/// Returns whether a block of this layout may be a task.
#[inline(always)]
pub(crate) fn may_be_task(layout: Layout) -> bool {
    layout.align() == CELL_ALIGN
}

/// Notes that a block of a task's layout was allocated.
#[cold]
pub(crate) fn allocated(address: *mut u8) {
    if let Some(me) = here().filter(|_| !address.is_null()) {
        kernel(me, |kernel| {
            let made = kernel.process.call_site(&own_stack());
            let node = kernel.sched[me].node();
            kernel.sched.tasks_mut().add(address.addr(), node, made);
        });
    }
}

/// Notes that a block of a task's layout is about to be freed.
#[cold]
pub(crate) fn freed(address: *mut u8) {
    if let Some(me) = here() {
        kernel(me, |kernel| kernel.sched.tasks_mut().remove(address.addr()));
    }
}

/// Returns whether a block is a task that has neither ended nor been cancelled. Channels and parts of the runtime have the same
/// alignment.
pub(crate) fn is_running(address: usize) -> bool {
    // SAFETY: the block is allocated, because `freed`, or tokio's function that frees a task, reports it before that. It is aligned, and no smaller than its alignment,
    // as every type of this alignment is. The words are only read, and tokio's own words of a head are atomic where they change.
    let head = unsafe { &*(address as *const [AtomicUsize; HEAD]) };
    let [state, rest @ ..] = head.each_ref().map(|word| word.load(Ordering::Relaxed));
    let references = state >> REFERENCES_SHIFT;
    (1..REFERENCES_MAX).contains(&references)
        && rest.into_iter().any(is_in_program)
        && state & (COMPLETE | CANCELLED) == 0
}

/// Notes that the main function of the calling thread's process has returned, while its runtime still has this many tasks.
pub(crate) fn main_is_over(count: usize) {
    let Some(me) = here() else { return };
    kernel(me, |kernel| {
        let node = kernel.sched[me].node();
        let process = (node, kernel.sched[me].incarnation());
        kernel.sched.task_wakes_mut().main_ended(process);
        let made =
            kernel.sched.tasks().of(node).into_iter().filter(|(address, _)| is_running(*address)).map(|(_, made)| made);
        let made = made.collect();
        let unseen = kernel.sched.tasks().none_seen();
        kernel[node].leaks_mut().set_unended(Unended { count, made, unseen });
    });
}
