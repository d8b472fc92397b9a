//! Waits of interposed functions. The thread parks in the kernel, another one runs, and the step is tried again when this one is
//! back. No reference into the kernel is alive while another thread runs.

use super::current::{at_rest, here, kernel, kernel_of_host, set_kernel};
use super::guest;
use super::signal_handlers;
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::Clock;
use crate::kernel::sched::fiber::{Fiber, switch as fiber_switch};
use crate::kernel::sched::preemption::Preemption;
use crate::kernel::sched::thread::{ThreadId, Wait};

/// Performs a call that does not block.
#[inline]
pub(crate) fn call<R>(me: ThreadId, work: impl FnOnce(&mut Kernel) -> R) -> R {
    enter(me);
    let (result, must_switch) = kernel(me, |kernel| (work(kernel), kernel.sched.must_switch()));
    if must_switch {
        give_way(me);
    }
    result
}

/// The consequence of a step.
enum After<T> {
    Return(Result<T, Errno>),
    GiveWay(Result<T, Errno>),
    Switch(*const Fiber, *const Fiber),
}

/// The effect on a wait of a signal that was handled meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interruption {
    /// The wait goes on.
    Never,
    /// The wait ends with `EINTR`, unless the handler was installed with `SA_RESTART`.
    AsInstalled,
    /// The wait ends with `EINTR`.
    Always,
}

/// Performs a call that may block: tries the step until it is done.
#[inline]
pub(crate) fn blocking<T>(
    me: ThreadId,
    step: impl FnMut(&mut Kernel) -> Result<Blocking<T>, Errno>,
) -> Result<T, Errno> {
    wait_through(me, Interruption::AsInstalled, step)
}

/// As [`blocking`], for locks and joins, which no signal interrupts.
#[inline]
pub(crate) fn patient<T>(
    me: ThreadId,
    step: impl FnMut(&mut Kernel) -> Result<Blocking<T>, Errno>,
) -> Result<T, Errno> {
    wait_through(me, Interruption::Never, step)
}

/// As [`blocking`], for waits for readiness, which every handled signal interrupts.
#[inline]
pub(crate) fn interruptible<T>(
    me: ThreadId,
    step: impl FnMut(&mut Kernel) -> Result<Blocking<T>, Errno>,
) -> Result<T, Errno> {
    wait_through(me, Interruption::Always, step)
}

#[inline]
fn wait_through<T>(
    me: ThreadId,
    interruption: Interruption,
    mut step: impl FnMut(&mut Kernel) -> Result<Blocking<T>, Errno>,
) -> Result<T, Errno> {
    enter(me);
    let (mut interrupted, mut parked_since_ns) = (false, None);
    let outcome = loop {
        let after = kernel(me, |kernel| match step(kernel) {
            Ok(Blocking::Wait(wait, until_ns)) if !interrupted => {
                parked_since_ns.get_or_insert(kernel.sched.now_ns());
                kernel.park(me, wait, until_ns);
                After::Switch(kernel.sched.fiber_of(Some(me)), kernel.next_fiber())
            }
            stepped => {
                let outcome = match stepped {
                    Ok(Blocking::Done(value)) => Ok(value),
                    Ok(Blocking::Wait(..)) => Err(libc::EINTR),
                    Err(errno) => Err(errno),
                };
                if kernel.sched.must_switch() { After::GiveWay(outcome) } else { After::Return(outcome) }
            }
        });
        match after {
            After::Return(outcome) => break outcome,
            After::GiveWay(outcome) => {
                give_way(me);
                break outcome;
            }
            After::Switch(from, to) => {
                switch(from, to);
                let goes_on = handle_signals(me);
                interrupted |= match interruption {
                    Interruption::Never => false,
                    Interruption::AsInstalled => goes_on == Some(false),
                    Interruption::Always => goes_on.is_some(),
                };
            }
        }
    };
    if let Some(since_ns) = parked_since_ns {
        guest::waited(me, since_ns);
    }
    outcome
}

/// Switches from the running thread's fiber to another.
#[inline]
fn switch(from: *const Fiber, to: *const Fiber) {
    if from != to {
        // SAFETY: `fiber::switch`: the caller runs on `from`, the kernel keeps both fibers as long as it lives, and the kernel is not
        // borrowed: its functions are called through `kernel`, which has returned.
        unsafe { fiber_switch(from, to) }
    }
}

/// A clock's reading, as a call in which nothing can happen but a preemption.
#[inline]
pub(crate) fn read_clock(me: ThreadId, clock: Clock) -> i64 {
    // These steps call no interposed function, so the thread need not count as outside.
    let reading = at_rest(|kernel| {
        if !kernel.enter_call() {
            return None;
        }
        kernel.sched.clock_read(me);
        Some(kernel.shown_ns(me, clock, kernel.sched.now_ns()))
    });
    match reading {
        Some(ns) => ns,
        None => read_clock_preempted(me, clock),
    }
}

#[cold]
#[inline(never)]
fn read_clock_preempted(me: ThreadId, clock: Clock) -> i64 {
    preempt(me, true);
    let (now_ns, must_switch) = kernel(me, |kernel| (kernel.sched.now_ns(), kernel.sched.must_switch()));
    if must_switch {
        give_way(me);
    }
    at_rest(|kernel| kernel.shown_ns(me, clock, now_ns))
}

/// Parks the calling thread until it is woken or its time has come. Returns whether it handled a signal.
#[inline]
pub(crate) fn sleep(me: ThreadId, wait: Wait, until_ns: u64) -> bool {
    kernel(me, |kernel| kernel.park(me, wait, until_ns));
    switch_away(me)
}

#[inline]
fn enter(me: ThreadId) {
    // Counting calls no interposed function.
    if !at_rest(Kernel::enter_call) {
        preempt(me, false);
    }
}

#[cold]
#[inline(never)]
fn preempt(me: ThreadId, at_clock: bool) {
    match kernel(me, |kernel| kernel.preempt(me, at_clock)) {
        Preemption::No => {}
        Preemption::Yield => give_way(me),
        Preemption::Until(until_ns) => {
            sleep(me, Wait::Preemption, until_ns);
        }
    }
}

/// Lets other threads run first.
#[cold]
pub(crate) fn give_way(me: ThreadId) {
    kernel(me, |kernel| kernel.give_way(me));
    switch_away(me);
}

/// Switches to the next thread. Returns, when the calling thread runs again, whether it handled a signal.
#[inline]
fn switch_away(me: ThreadId) -> bool {
    let (from, to) = kernel(me, |kernel| (kernel.sched.fiber_of(Some(me)), kernel.next_fiber()));
    switch(from, to);
    handle_signals(me).is_some()
}

/// Runs the handlers of the signals that wait for this thread. `None` if there were none; otherwise whether interrupted calls go
/// on.
#[inline]
pub(crate) fn handle_signals(me: ThreadId) -> Option<bool> {
    if !signal_handlers::is_due() {
        return None;
    }
    let goes_on = signal_handlers::deliver(me);
    if kernel(me, |kernel| kernel.sched.must_switch()) {
        give_way(me); // a signal without a handler ended the process
    }
    goes_on
}

/// Switches to the next thread for good: the calling thread has ended.
pub(crate) fn switch_for_good(me: ThreadId) -> ! {
    switch_away(me);
    system::write_stderr("afterlife: a thread that had ended was run again\n");
    system::exit_now(101)
}

/// Switches from the host to the first thread of the run. Returns when the run is over.
pub(crate) fn enter_kernel(kernel: *mut Kernel) {
    debug_assert!(here().is_none());
    set_kernel(kernel);
    let (host, first) = kernel_of_host(|kernel| (kernel.sched.fiber_of(None), kernel.next_fiber()));
    switch(host, first);
}
