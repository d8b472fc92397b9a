//! The allocator that a scenario's binary installs: it books what each node's threads allocate, then asks the system.
//! It allocates nothing itself, and what the kernel allocates in a thread's stead it does not book.

use super::block::{give_way, hand_over_for_good};
use super::current::{here, kernel, set_here, set_outside};
use super::tasks;
use crate::event::{Death, What};
use crate::kernel::process::memory::Account;
use crate::kernel::sched::thread::ThreadId;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null;

/// The system's allocator, with a book for each node of a run: what memory budgets need.
///
/// ```
/// #[global_allocator]
/// static MEMORY: afterlife_sim::Memory = afterlife_sim::Memory;
/// # fn main() {}
/// ```
///
/// Outside a run each call costs one look at a thread-local. In a run every allocation is booked, in the bytes that were asked
/// for, on the node and incarnation of the thread that makes it, and taken off the book of the thread that frees it. So a
/// block that one node's thread allocates and another's frees (by way of a static that they share) counts there, down to
/// nothing. Not booked: stacks, and what C code allocates by itself.
///
/// Sizes are the program's, and a program's sizes may differ between debug and release builds. So a digest in which they take
/// part, which is that of a scenario with a budget and no other, is that of one kind of build.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory;

thread_local! {
    /// Where the calling thread's allocations are booked; null outside a run.
    static ACCOUNT: Cell<*const Account> = const { Cell::new(null()) };
}

/// From here on the calling thread of a run books on its node's account.
pub(crate) fn open_account(me: ThreadId) {
    // The world outlives its threads, and keeps the accounts of its nodes where they are.
    ACCOUNT.set(kernel(me, |kernel| std::rc::Rc::as_ptr(kernel[kernel.sched[me].node()].memory())));
}

/// Whether this program has [`Memory`] as its allocator: one allocation is made on an account of its own.
pub(crate) fn is_installed() -> bool {
    if here().is_some() {
        return !ACCOUNT.get().is_null();
    }
    let account = Account::new(None, None);
    let before = ACCOUNT.replace(&raw const account);
    // No thread of any run: nothing in between is a door.
    set_here(ThreadId(u32::MAX - 1));
    drop(std::hint::black_box(Box::new(1_u8)));
    set_outside();
    ACCOUNT.set(before);
    account.peak() > 0
}

#[inline]
fn book(me: ThreadId, asked: usize, more: usize) {
    let account = ACCOUNT.get();
    if account.is_null() {
        return;
    }
    // SAFETY: set by `open_account` to what outlives this thread; only the thread that has the baton gets here.
    if !unsafe { (*account).charge(asked as u64, more as u64) } {
        // SAFETY: as above.
        speak_first(me, unsafe { &*account }, asked as u64, more as u64);
    }
}

#[inline]
fn take_off(bytes: usize) {
    let account = ACCOUNT.get();
    if !account.is_null() {
        // SAFETY: as above.
        unsafe { (*account).give_back(bytes as u64) };
    }
}

/// An allocation beyond a bound: it is told before the system is asked, and does not return if the machine has not as much.
#[cold]
fn speak_first(me: ThreadId, account: &Account, asked: u64, more: u64) {
    if account.is_too_large(asked) {
        let must_pass = kernel(me, |kernel| {
            kernel.emit(me, What::Allocated { bytes: asked });
            kernel.sched.must_switch()
        });
        if must_pass {
            give_way(me);
        }
    }
    if !account.take(more) {
        kernel(me, |kernel| {
            let (node, cause) = (kernel.sched[me].node(), kernel.sched[me].cause());
            kernel.end_process(node, Death::OutOfMemory, cause);
        });
        hand_over_for_good(me);
    }
}

// SAFETY: every block is the system allocator's, which gets each call as it came.
unsafe impl GlobalAlloc for Memory {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(me) = here() {
            book(me, layout.size(), layout.size());
        }
        // SAFETY: handed on.
        let block = unsafe { System.alloc(layout) };
        if tasks::may_be_task(layout) {
            tasks::born(block);
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if let Some(me) = here() {
            book(me, layout.size(), layout.size());
        }
        // SAFETY: handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if here().is_some() {
            take_off(layout.size());
        }
        if tasks::may_be_task(layout) {
            tasks::gone(block);
        }
        // SAFETY: handed on.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if let Some(me) = here() {
            match new_size.checked_sub(layout.size()) {
                Some(more) => book(me, new_size, more),
                None => take_off(layout.size() - new_size),
            }
        }
        // SAFETY: handed on.
        unsafe { System.realloc(block, layout, new_size) }
    }
}
