//! The allocator that a scenario's binary installs: it accounts for each node's allocations, and passes them to the system.
//! It allocates nothing itself, and does not account for the kernel's own allocations.

use super::block::{give_way, switch_for_good};
use super::current::{here, kernel, set_here, set_outside};
use super::tasks;
use crate::event::{Death, What};
use crate::kernel::process::memory::Account;
use crate::kernel::sched::thread::ThreadId;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null;

/// The system's allocator with an account for each node of a run, which memory budgets need.
///
/// ```
/// #[global_allocator]
/// static MEMORY: afterlife_sim::Memory = afterlife_sim::Memory;
/// # fn main() {}
/// ```
///
/// Outside a run each call reads one thread-local. In a run every allocation is charged, by its requested size, to the node and
/// incarnation of the thread that makes it, and credited to those of the thread that frees it. A block that one node allocates
/// and another frees, through a static that they share, lowers the second account, at most to zero. Stacks and the allocations of C
/// code are not counted.
///
/// Sizes are the program's, and may differ between debug and release builds. So the digest of a scenario with a budget, and of no
/// other, is that of one kind of build.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory;

thread_local! {
    /// The account of the calling thread's process; null outside a run.
    static ACCOUNT: Cell<*const Account> = const { Cell::new(null()) };
}

/// Charges the calling thread's allocations to its node from now on.
pub(crate) fn open_account(me: ThreadId) {
    // The kernel outlives its threads, and does not move the accounts of its nodes.
    ACCOUNT.set(kernel(me, |kernel| std::rc::Rc::as_ptr(kernel[kernel.sched[me].node()].memory())));
}

/// Returns whether [`Memory`] is this program's allocator, by making one allocation on an account of its own.
pub(crate) fn is_installed() -> bool {
    if here().is_some() {
        return !ACCOUNT.get().is_null();
    }
    let account = Account::new(None, None);
    let before = ACCOUNT.replace(&raw const account);
    // The number of no thread of any run, because nothing in between calls an interposed function.
    set_here(ThreadId(u32::MAX - 1));
    drop(std::hint::black_box(Box::new(1_u8)));
    set_outside();
    ACCOUNT.set(before);
    account.peak() > 0
}

#[inline]
fn charge(me: ThreadId, asked: usize, more: usize) {
    let account = ACCOUNT.get();
    if account.is_null() {
        return;
    }
    // SAFETY: `open_account` set it to an account that outlives this thread, and only the running thread uses it.
    if !unsafe { (*account).charge(asked as u64, more as u64) } {
        // SAFETY: `open_account` set it to an account that outlives this thread, and an account changes through cells alone.
        exceed(me, unsafe { &*account }, asked as u64, more as u64);
    }
}

#[inline]
fn credit(bytes: usize) {
    let account = ACCOUNT.get();
    if !account.is_null() {
        // SAFETY: `open_account` set it to an account that outlives this thread, and only the running thread uses it.
        unsafe { (*account).give_back(bytes as u64) };
    }
}

/// Handles an allocation beyond a bound: reports it, and ends the process if its machine has not enough memory.
#[cold]
fn exceed(me: ThreadId, account: &Account, asked: u64, more: u64) {
    if account.is_too_large(asked) {
        let must_switch = kernel(me, |kernel| {
            kernel.emit(me, What::Allocated { bytes: asked });
            kernel.sched.must_switch()
        });
        if must_switch {
            give_way(me);
        }
    }
    if !account.take(more) {
        kernel(me, |kernel| {
            let (node, cause) = (kernel.sched[me].node(), kernel.sched[me].cause());
            kernel.end_process(node, Death::OutOfMemory, cause);
        });
        switch_for_good(me);
    }
}

// SAFETY: every block is the system allocator's, which gets each call with its own arguments.
unsafe impl GlobalAlloc for Memory {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(me) = here() {
            charge(me, layout.size(), layout.size());
        }
        // SAFETY: `GlobalAlloc::alloc`: the caller passes a layout of non-zero size.
        let block = unsafe { System.alloc(layout) };
        if tasks::may_be_task(layout) {
            tasks::allocated(block);
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if let Some(me) = here() {
            charge(me, layout.size(), layout.size());
        }
        // SAFETY: `GlobalAlloc::alloc_zeroed`: the caller passes a layout of non-zero size.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if here().is_some() {
            credit(layout.size());
        }
        if tasks::may_be_task(layout) {
            tasks::freed(block);
        }
        // SAFETY: `GlobalAlloc::dealloc`: the caller passes a block of this allocator, which is the system's, and its layout.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if let Some(me) = here() {
            match new_size.checked_sub(layout.size()) {
                Some(more) => charge(me, new_size, more),
                None => credit(layout.size() - new_size),
            }
        }
        // SAFETY: `GlobalAlloc::realloc`: the caller passes a block of this allocator, which is the system's, its layout and a size above zero.
        unsafe { System.realloc(block, layout, new_size) }
    }
}
