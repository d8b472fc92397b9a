//! The moments at which an interposed function gives way to the run's guest engine: before a clock is read, after a wait, after a
//! probe event, and where a program would exit.
//! A native run has no guest engine, and each of these is then one comparison.

use super::current::{at_rest, outside};
use crate::kernel::guest::Hooks;
use crate::kernel::sched::thread::ThreadId;

#[inline]
fn hooks() -> Option<&'static Hooks> {
    at_rest(|kernel| kernel.guest_hooks())
}

/// Moves virtual time on to that of the program that is running. It never goes back.
#[inline]
pub(super) fn follow_clock() {
    if let Some(hooks) = hooks()
        // The engine may read clocks itself.
        && let Some(now_ns) = outside(hooks.clock)
    {
        at_rest(|kernel| kernel.sched.advance_to(now_ns));
    }
}

/// Reports to the engine that the calling thread has waited since this time.
#[inline]
pub(super) fn waited(me: ThreadId, since_ns: u64) {
    if let Some(hooks) = hooks() {
        (hooks.waited)(me, since_ns);
    }
}

/// Reports to the engine that the calling thread has reported a probe event.
#[inline]
pub(super) fn reported(me: ThreadId) {
    if let Some(hooks) = hooks() {
        (hooks.reported)(me);
    }
}

/// Ends the run, with a reason, if the calling thread is that of a guest engine: an exit would end all nodes.
pub(super) fn refuse_exit(me: ThreadId) {
    if let Some(hooks) = hooks()
        && at_rest(|kernel| kernel.is_guest_thread(me))
    {
        super::refuse_about(hooks.exit_subject, hooks.exit_refusal);
    }
}
