//! The clock of a guest program: its engine is asked for the time when the program reads a clock or reports a probe event.
//! It advances the kernel's clock, and while the program waits, the engine's; both only during the program's turn.

#[cfg(feature = "turmoil")]
use crate::kernel::sched::thread::ThreadId;
#[cfg(feature = "turmoil")]
use crate::libc::current::{at_rest, outside};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Returns the time of the running program, in nanoseconds since the run began.
static SOURCE: OnceLock<fn() -> Option<u64>> = OnceLock::new();

/// Advances that time by this many nanoseconds.
#[cfg(feature = "turmoil")]
static ADVANCE: OnceLock<fn(u64)> = OnceLock::new();

/// Receives the number of stop requests to a node.
#[cfg(feature = "turmoil")]
static STOP_REQUESTED: OnceLock<fn(u16, u64)> = OnceLock::new();

/// The engine's clock counts whole milliseconds.
#[cfg(feature = "turmoil")]
const STEP_NS: u64 = 1_000_000;

/// Some program has its turn.
static IS_RUNNING: AtomicBool = AtomicBool::new(false);

/// Sets the source of the time. Later calls have no effect.
pub(crate) fn set_source(source: fn() -> Option<u64>) {
    let _ = SOURCE.set(source);
}

/// Sets the functions that advance a program's time and that receive stop requests. Later calls have no effect.
#[cfg(feature = "turmoil")]
pub(crate) fn set_listeners(advance: fn(u64), stop_requested: fn(u16, u64)) {
    let _ = ADVANCE.set(advance);
    let _ = STOP_REQUESTED.set(stop_requested);
}

/// Records that programs have their turns from now on, or no longer.
pub(crate) fn set_running(is_running: bool) {
    IS_RUNNING.store(is_running, Ordering::Relaxed);
}

/// Returns the time of the running program, in nanoseconds since the run began; `None` between programs.
pub(crate) fn now_ns() -> Option<u64> {
    let source = SOURCE.get().filter(|_| IS_RUNNING.load(Ordering::Relaxed))?;
    source()
}

/// Advances the program's time by the time that the calling thread has waited, if the program has its turn on it. The program waited
/// for one of its own threads, which the engine does not know.
#[cfg(feature = "turmoil")]
pub(crate) fn waited(me: ThreadId, since_ns: u64) {
    if !IS_RUNNING.load(Ordering::Relaxed) || !at_rest(|kernel| kernel.is_guest_thread(me)) {
        return;
    }
    if let (Some(source), Some(advance)) = (SOURCE.get(), ADVANCE.get())
        && let Some(now_ns) = outside(source)
    {
        let waited_ns = at_rest(|kernel| kernel.sched.now_ns()).saturating_sub(since_ns);
        // The rest of the last step counts; a lead of whole steps stays as it is.
        let rest_ns = since_ns.saturating_sub(now_ns) % STEP_NS;
        let steps_ns = (rest_ns + waited_ns) / STEP_NS * STEP_NS;
        if steps_ns > 0 {
            outside(|| advance(steps_ns));
        }
    }
}

/// Notifies the program of a stop request with which a fault has answered the probe event of the calling thread.
#[cfg(feature = "turmoil")]
pub(crate) fn reported(me: ThreadId) {
    if IS_RUNNING.load(Ordering::Relaxed)
        && let Some(stop_requested) = STOP_REQUESTED.get()
        && let Some((node, requests)) = at_rest(|kernel| kernel.take_stop_request(me))
    {
        // On the thread itself: a thread that this wakes may be parked in an interposed function.
        stop_requested(node.0, requests);
    }
}
