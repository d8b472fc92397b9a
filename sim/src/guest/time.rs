//! What time it is for a program that another engine runs: that engine is asked, where a clock is read or a fact is told.
//! It moves the room's clock, and the program's while that waits, both only while it has its turn.

#[cfg(feature = "turmoil")]
use crate::kernel::sched::thread::ThreadId;
#[cfg(feature = "turmoil")]
use crate::libc::current::{at_rest, outside};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells how late it is for the program whose turn it is, in nanoseconds since the run began.
static SOURCE: OnceLock<fn() -> Option<u64>> = OnceLock::new();

/// Moves that on by so many nanoseconds.
#[cfg(feature = "turmoil")]
static GO_ON: OnceLock<fn(u64)> = OnceLock::new();

/// Hears that a node was asked to stop so often.
#[cfg(feature = "turmoil")]
static ASKED: OnceLock<fn(u16, u64)> = OnceLock::new();

/// The engine counts whole milliseconds.
#[cfg(feature = "turmoil")]
const STEP_NS: u64 = 1_000_000;

/// Whether some program has its turn.
static RUNS: AtomicBool = AtomicBool::new(false);

/// Sets whom to ask. The first one stays.
pub(crate) fn set_source(source: fn() -> Option<u64>) {
    let _ = SOURCE.set(source);
}

/// Sets whom to tell that a program's time goes on while it waits, and that a node was asked to stop. The first ones stay.
#[cfg(feature = "turmoil")]
pub(crate) fn set_listeners(go_on: fn(u64), asked: fn(u16, u64)) {
    let _ = GO_ON.set(go_on);
    let _ = ASKED.set(asked);
}

/// Programs have their turns from here on, or not any more.
pub(crate) fn runs(runs: bool) {
    RUNS.store(runs, Ordering::Relaxed);
}

/// The time of the program that is running, in nanoseconds since the run began; `None` between programs.
pub(crate) fn clock() -> Option<u64> {
    let source = SOURCE.get().filter(|_| RUNS.load(Ordering::Relaxed))?;
    source()
}

/// The calling thread has waited since then. If a program has its turn on it, that program's time went on meanwhile: it waits for a
/// thread of its own, and the engine does not know.
#[cfg(feature = "turmoil")]
pub(crate) fn waited(me: ThreadId, since_ns: u64) {
    if !RUNS.load(Ordering::Relaxed) || !at_rest(|kernel| kernel.is_guest_thread(me)) {
        return;
    }
    if let (Some(source), Some(go_on)) = (SOURCE.get(), GO_ON.get())
        && let Some(now_ns) = outside(source)
    {
        let waited_ns = at_rest(|kernel| kernel.sched.now_ns).saturating_sub(since_ns);
        // What was left of the last step counts; what its clock is ahead otherwise stays as it is.
        let left_ns = since_ns.saturating_sub(now_ns) % STEP_NS;
        let steps_ns = (left_ns + waited_ns) / STEP_NS * STEP_NS;
        if steps_ns > 0 {
            outside(|| go_on(steps_ns));
        }
    }
}

/// The calling thread has reported a probe event. If a fault answered that with a stop request, its program learns of the request
/// at once.
#[cfg(feature = "turmoil")]
pub(crate) fn reported(me: ThreadId) {
    if RUNS.load(Ordering::Relaxed)
        && let Some(asked) = ASKED.get()
        && let Some((node, requests)) = at_rest(|kernel| kernel.asked_to_stop(me))
    {
        // As the thread itself: a thread that this wakes may be parked in an interposed function.
        asked(node.0, requests);
    }
}
