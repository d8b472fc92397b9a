//! Tasks of an asynchronous runtime, as the allocator meets them: tokio aligns the memory of a task as it aligns nothing else.
//! It allocates nothing itself and calls nothing of tokio's.
//!
//! What it relies on, and what becomes of a report if a later tokio does otherwise, stands in docs/decisions.

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

/// In a task's first word: it ran to its end, or was told to end (dropped with its set, aborted by its handle).
const COMPLETE: usize = 1 << 1;
const CANCELLED: usize = 1 << 5;

/// The rest of that word counts references to the task; a channel, which is aligned so, too, begins with a smaller number.
const REFERENCES_SHIFT: u32 = 6;
const REFERENCES_MAX: usize = 1 << 20;

/// So many words belong to the head of a task, of which one leads to the functions of its kind, in the program itself.
const HEAD: usize = 6;

/// Whether a block of this kind may be a task's.
#[inline(always)]
pub(crate) fn may_be_task(layout: Layout) -> bool {
    layout.align() == CELL_ALIGN
}

/// A block of that kind was allocated.
#[cold]
pub(crate) fn born(address: *mut u8) {
    if let Some(me) = here().filter(|_| !address.is_null()) {
        kernel(me, |kernel| {
            let made = kernel.process.call_site(&own_stack());
            let node = kernel.sched[me].node();
            kernel.sched.tasks_mut().add(address.addr(), node, made);
        });
    }
}

/// A block of that kind is about to be given back.
#[cold]
pub(crate) fn gone(address: *mut u8) {
    if let Some(me) = here() {
        kernel(me, |kernel| kernel.sched.tasks_mut().remove(address.addr()));
    }
}

/// Whether a block is a task's that has not ended, and was not told to. Channels and a runtime's own parts are aligned so, too.
fn goes_on(address: usize) -> bool {
    // SAFETY: a block that was allocated and not given back, aligned, and no smaller than its alignment, since that is how such
    // types are laid out; words are only read, and those that others may write to are atomic for them as well.
    let head = unsafe { &*(address as *const [AtomicUsize; HEAD]) };
    let [state, rest @ ..] = head.each_ref().map(|word| word.load(Ordering::Relaxed));
    let references = state >> REFERENCES_SHIFT;
    (1..REFERENCES_MAX).contains(&references)
        && rest.into_iter().any(is_in_program)
        && state & (COMPLETE | CANCELLED) == 0
}

/// The main function of the calling thread's process is over, and its runtime, which still stands, has so many tasks.
pub(crate) fn main_is_over(count: usize) {
    let Some(me) = here() else { return };
    kernel(me, |kernel| {
        let node = kernel.sched[me].node();
        let made =
            kernel.sched.tasks().of(node).into_iter().filter(|(address, _)| goes_on(*address)).map(|(_, made)| made);
        let made = made.collect();
        let unseen = kernel.sched.tasks().none_seen();
        kernel[node].leaks_mut().set_unended(Unended { count, made, unseen });
    });
}
