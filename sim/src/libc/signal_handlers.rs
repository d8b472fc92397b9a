//! Delivery of signals: the calls of handlers, on the thread that takes the signal.
//! Handlers are installed and signals are sent in `signals`.

use super::current::{at_rest, kernel};
use crate::event::NodeId;
use crate::host::system;
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::signal::{Action, Taken};
use crate::kernel::sched::thread::ThreadId;
use libc::{c_int, c_void, siginfo_t};

type Handler = unsafe extern "C" fn(c_int);
type LongHandler = unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Returns whether a signal may wait for the running thread.
#[inline]
pub(super) fn is_due() -> bool {
    at_rest(|kernel| kernel.process.signals().are_due())
}

/// Handles the signals that wait for this thread. `None` if there were none; otherwise whether interrupted calls go on.
#[cold]
pub(super) fn deliver(me: ThreadId) -> Option<bool> {
    let mut goes_on = None;
    while let Some(Taken { signal, action, mask }) = kernel(me, |kernel| kernel.take_signal(me)) {
        // SAFETY: `sigaction(2)`: the program passed a handler of the type that its flags name, for this signal.
        unsafe { run_handler(signal, &action) };
        kernel(me, |kernel| kernel.process.signals_mut().set_mask(me, mask));
        goes_on = Some(goes_on.unwrap_or(true) && action.flags & libc::SA_RESTART != 0);
    }
    goes_on
}

/// # Safety
/// The action's handler is a function of the type that its flags name.
unsafe fn run_handler(signal: c_int, action: &Action) {
    // SAFETY: `__errno_location` returns a valid pointer on every thread.
    let errno = unsafe { *libc::__errno_location() };
    if action.flags & libc::SA_SIGINFO == 0 {
        // SAFETY: this function's own contract: without `SA_SIGINFO` the handler takes the signal alone.
        unsafe { std::mem::transmute::<usize, Handler>(action.handler)(signal) };
    } else {
        // SAFETY: zeros are valid values of both structures; the sender's number lies behind three numbers and a gap; this
        // function's own contract: with `SA_SIGINFO` the handler takes three arguments.
        unsafe {
            let mut info: siginfo_t = std::mem::zeroed();
            let mut context: libc::ucontext_t = std::mem::zeroed();
            info.si_signo = signal;
            (&raw mut info).cast::<c_int>().add(4).write(1); // the process that started this one asks it to stop
            let handler = std::mem::transmute::<usize, LongHandler>(action.handler);
            handler(signal, &mut info, (&raw mut context).cast());
        }
    }
    system::set_errno(errno);
}

/// Ends the run: a runtime that told its tasks of a signal also woke those of another node.
#[cold]
pub(super) fn refuse_shared_signal(kernel: &Kernel, me: ThreadId, other: NodeId) -> ! {
    let name = |node: NodeId| kernel.process.node(node).map_or("?", |node| node.name());
    let (mine, theirs) = (name(kernel.sched[me].node()), name(other));
    let signal = crate::event::signal_name(kernel.process.signals().relayed().unwrap_or(0));
    super::refuse_about(
        "node.stopping()",
        &format!(
            "{signal} of {mine} also woke {theirs}: tokio::signal keeps one table for the whole process, so only one node of a \
             simulation may await signals; in the others await `node.stopping()`"
        ),
    )
}
