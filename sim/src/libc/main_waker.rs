//! The waker of a main future, which is no task: it reports each wake and each registration, and passes wakes on.
//! It changes no wake.

use super::current::outside;
use super::task_wakes::{registered, woken};
use std::task::{RawWaker, RawWakerVTable, Waker};

static FUNCTIONS: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, leave);

/// A waker that reports to the simulation and then wakes `waker`; and the key of the main future. The waker that it passes wakes on to
/// is never freed: it belongs to the harness, and must not count as the node's memory.
pub(crate) fn reporting(waker: &Waker) -> (usize, Waker) {
    let to: &'static Waker = outside(|| Box::leak(Box::new(waker.clone())));
    let data = std::ptr::from_ref(to).cast::<()>();
    // SAFETY: `RawWakerVTable`: the data is a waker that is never freed and may be used by any thread, so that clones share it, and
    // dropping one does nothing.
    (data.addr(), unsafe { Waker::from_raw(RawWaker::new(data, &FUNCTIONS)) })
}

/// # Safety
/// `data` is that of a waker that [`reporting`] made.
unsafe fn clone(data: *const ()) -> RawWaker {
    registered(data.addr());
    RawWaker::new(data, &FUNCTIONS)
}

/// # Safety
/// `data` is that of a waker that [`reporting`] made.
unsafe fn wake(data: *const ()) {
    woken(data.addr());
    // SAFETY: `reporting` has stored a waker there, which is never freed.
    unsafe { (*data.cast::<Waker>()).wake_by_ref() };
}

/// # Safety
/// None: nothing is freed.
unsafe fn leave(_: *const ()) {}
