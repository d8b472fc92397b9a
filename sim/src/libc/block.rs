//! How doors wait: the thread parks in the kernel, the baton passes, and the step is tried again when it comes back.
//! It holds no reference into the world while another thread runs.

use super::current::{at_rest, here, kernel, kernel_of_host, set_here, set_kernel};
use super::guest;
use super::signals;
use super::threads::run_thread_exits;
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::{Blocking, Start};
use crate::kernel::process::node::ExitCode;
use crate::kernel::sched::fiber::{Body, Fiber, switch};
use crate::kernel::sched::preemption::Preemption;
use crate::kernel::sched::thread::{ThreadId, Wait};

/// Passes a door that does not block.
#[inline]
pub(crate) fn call<R>(me: ThreadId, work: impl FnOnce(&mut Kernel) -> R) -> R {
    enter(me);
    let (result, must_pass) = kernel(me, |kernel| (work(kernel), kernel.sched.must_switch()));
    if must_pass {
        give_way(me);
    }
    result
}

/// What is to be done after a step.
enum After<T> {
    Return(Result<T, Errno>),
    GiveWay(Result<T, Errno>),
    Pass(*const Fiber, *const Fiber),
}

/// What a signal that was handled meanwhile means for a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interruption {
    /// The wait goes on.
    Never,
    /// The wait ends with `EINTR`, unless the handler was installed with `SA_RESTART`.
    AsInstalled,
    /// The wait ends with `EINTR`.
    Always,
}

/// Passes a door that may block: the step is tried until it is done.
#[inline]
pub(crate) fn blocking<T>(
    me: ThreadId,
    step: impl FnMut(&mut Kernel) -> Result<Blocking<T>, Errno>,
) -> Result<T, Errno> {
    wait_through(me, Interruption::AsInstalled, step)
}

/// As [`blocking`], for what no signal interrupts: locks and joins.
#[inline]
pub(crate) fn patient<T>(
    me: ThreadId,
    step: impl FnMut(&mut Kernel) -> Result<Blocking<T>, Errno>,
) -> Result<T, Errno> {
    wait_through(me, Interruption::Never, step)
}

/// As [`blocking`], for what every handled signal interrupts: waits for readiness.
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
    let since_ns = at_rest(|kernel| kernel.sched.now_ns());
    let (mut interrupted, mut has_parked) = (false, false);
    let outcome = loop {
        let after = kernel(me, |kernel| match step(kernel) {
            Ok(Blocking::Wait(wait, until_ns)) if !interrupted => {
                kernel.park(me, wait, until_ns);
                After::Pass(kernel.sched.fiber_of(Some(me)), kernel.next_fiber())
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
            After::Pass(from, to) => {
                has_parked = true;
                if from != to {
                    // SAFETY: this runs on `from`; the world keeps both; no reference into it is alive.
                    unsafe { switch(from, to) }
                }
                if signals::due() {
                    let goes_on = signals::deliver(me);
                    interrupted |= match interruption {
                        Interruption::Never => false,
                        Interruption::AsInstalled => goes_on == Some(false),
                        Interruption::Always => goes_on.is_some(),
                    };
                }
            }
        }
    };
    if has_parked {
        guest::waited(me, since_ns);
    }
    outcome
}

/// The virtual time, as a door that nothing else can happen in but a cut.
#[inline]
pub(crate) fn read_time(me: ThreadId) -> u64 {
    // Nothing in there calls out, so that the thread may stay inside.
    if at_rest(Kernel::enter_call) {
        return at_rest(|kernel| {
            kernel.sched.clock_read(me);
            kernel.sched.now_ns()
        });
    }
    read_time_cut_off(me)
}

#[cold]
#[inline(never)]
fn read_time_cut_off(me: ThreadId) -> u64 {
    cut_off(me, true);
    let (now_ns, must_pass) = kernel(me, |kernel| (kernel.sched.now_ns(), kernel.sched.must_switch()));
    if must_pass {
        give_way(me);
    }
    now_ns
}

/// Parks the calling thread. Returns when it was woken or its time came; whether it handled a signal before.
#[inline]
pub(crate) fn sleep(me: ThreadId, wait: Wait, until_ns: u64) -> bool {
    kernel(me, |kernel| kernel.park(me, wait, until_ns));
    hand_over(me)
}

#[inline]
fn enter(me: ThreadId) {
    // As above: what is counted here calls nothing.
    if !at_rest(Kernel::enter_call) {
        cut_off(me, false);
    }
}

#[cold]
#[inline(never)]
fn cut_off(me: ThreadId, at_clock: bool) {
    match kernel(me, |kernel| kernel.preempt(me, at_clock)) {
        Preemption::No => {}
        Preemption::Yield => give_way(me),
        Preemption::Until(until_ns) => {
            sleep(me, Wait::Preemption, until_ns);
        }
    }
}

/// Lets others go first.
#[cold]
pub(crate) fn give_way(me: ThreadId) {
    kernel(me, |kernel| kernel.give_way(me));
    hand_over(me);
}

/// Passes the baton. When it comes back, says whether a signal was handled.
#[inline]
fn hand_over(me: ThreadId) -> bool {
    let (from, to) = kernel(me, |kernel| (kernel.sched.fiber_of(Some(me)), kernel.next_fiber()));
    if from != to {
        // SAFETY: this runs on `from`; the world keeps both; no reference into it is alive.
        unsafe { switch(from, to) };
    }
    signals::due() && signals::deliver(me).is_some()
}

/// Passes the baton for good: the calling thread is over.
pub(crate) fn hand_over_for_good(me: ThreadId) -> ! {
    hand_over(me);
    system::write_stderr("afterlife: a thread that was over got the baton\n");
    system::exit_now(101)
}

/// What a new thread's strand runs.
pub(crate) fn begin(me: ThreadId, start: Start) -> Body {
    Box::new(move || {
        set_here(me);
        super::memory::open_account(me);
        match start {
            Start::Routine(routine, argument) => {
                let result = routine(argument as *mut libc::c_void).addr();
                run_thread_exits(me);
                kernel(me, |kernel| kernel.thread_ended(me, result));
            }
            Start::Main(main, incarnation) => {
                let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| main(incarnation)));
                drop(main);
                run_thread_exits(me);
                let code = code.unwrap_or(ExitCode::Panicked);
                kernel(me, |kernel| kernel.main_ended(me, code));
            }
        }
        kernel(me, Kernel::next_fiber)
    })
}

/// Passes the baton from the host into the world. Returns when the run is over.
pub(crate) fn enter_kernel(kernel: *mut Kernel) {
    debug_assert!(here().is_none());
    set_kernel(kernel);
    let (host, first) = kernel_of_host(|kernel| (kernel.sched.fiber_of(None), kernel.next_fiber()));
    if host != first {
        // SAFETY: this runs on the host's strand; the world keeps both; no reference into it is alive.
        unsafe { switch(host, first) };
    }
}
