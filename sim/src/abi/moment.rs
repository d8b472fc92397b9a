//! What time it is for a program that another engine runs: that engine is asked, where a clock is read or a fact is told.
//! It changes no clock but the room's, and that only while such a program has its turn.

use super::here::{at_rest, outside};
use crate::kernel::thread::ThreadId;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells how late it is for the program whose turn it is, in nanoseconds since the run began.
static SOURCE: OnceLock<fn() -> Option<u64>> = OnceLock::new();

/// Whether some program has its turn.
static RUNS: AtomicBool = AtomicBool::new(false);

/// Sets whom to ask. The first one stays.
pub(crate) fn set_source(source: fn() -> Option<u64>) {
    let _ = SOURCE.set(source);
}

/// Programs have their turns from here on, or not any more.
pub(crate) fn runs(runs: bool) {
    RUNS.store(runs, Ordering::Relaxed);
}

/// Moves the room's time to that of the program whose turn it is.
#[inline]
pub(super) fn look(_me: ThreadId) {
    if RUNS.load(Ordering::Relaxed)
        && let Some(source) = SOURCE.get()
        // Whoever is asked may look at clocks itself.
        && let Some(now_ns) = outside(source)
    {
        at_rest(|world| world.carried_moment(now_ns));
    }
}
