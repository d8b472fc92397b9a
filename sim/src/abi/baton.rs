//! How doors wait: the thread parks in the kernel, the baton passes, and the step is tried again when it comes back.
//! It holds no reference into the world while another thread runs.

use super::here::{at_rest, here, kernel, kernel_of_host, set_here, set_world};
use super::signals;
use super::threads::run_thread_exits;
use crate::kernel::Errno;
use crate::kernel::baton::{Body, Strand, pass};
use crate::kernel::process::ExitCode;
use crate::kernel::thread::{Cut, ThreadId, Wait};
use crate::kernel::world::{Start, Turn, World};
use crate::real;

/// Passes a door that does not block.
#[inline]
pub(super) fn door<R>(me: ThreadId, work: impl FnOnce(&mut World) -> R) -> R {
    enter(me);
    let (result, must_pass) = kernel(me, |world| (work(world), world.must_pass));
    if must_pass {
        give_way(me);
    }
    result
}

/// What is to be done after a step.
enum After<T> {
    Return(Result<T, Errno>),
    GiveWay(Result<T, Errno>),
    Pass(*const Strand, *const Strand),
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
pub(super) fn blocking<T>(me: ThreadId, step: impl FnMut(&mut World) -> Result<Turn<T>, Errno>) -> Result<T, Errno> {
    wait_through(me, Interruption::AsInstalled, step)
}

/// As [`blocking`], for what no signal interrupts: locks and joins.
#[inline]
pub(super) fn patient<T>(me: ThreadId, step: impl FnMut(&mut World) -> Result<Turn<T>, Errno>) -> Result<T, Errno> {
    wait_through(me, Interruption::Never, step)
}

/// As [`blocking`], for what every handled signal interrupts: waits for readiness.
#[inline]
pub(super) fn interruptible<T>(
    me: ThreadId,
    step: impl FnMut(&mut World) -> Result<Turn<T>, Errno>,
) -> Result<T, Errno> {
    wait_through(me, Interruption::Always, step)
}

/// Tells an engine that carries programs when a wait is over.
#[cfg(feature = "turmoil")]
struct Waits {
    me: ThreadId,
    since_ns: u64,
    has_parked: bool,
}

#[cfg(feature = "turmoil")]
impl Drop for Waits {
    fn drop(&mut self) {
        if self.has_parked {
            super::moment::waited(self.me, self.since_ns);
        }
    }
}

#[inline]
fn wait_through<T>(
    me: ThreadId,
    interruption: Interruption,
    mut step: impl FnMut(&mut World) -> Result<Turn<T>, Errno>,
) -> Result<T, Errno> {
    enter(me);
    #[cfg(feature = "turmoil")]
    let mut waits = Waits { me, since_ns: at_rest(|world| world.now_ns), has_parked: false };
    let mut interrupted = false;
    loop {
        let after = kernel(me, |world| match step(world) {
            Ok(Turn::Wait(wait, until_ns)) if !interrupted => {
                world.park(me, wait, until_ns);
                After::Pass(world.strand_of(Some(me)), world.next_strand())
            }
            stepped => {
                let outcome = match stepped {
                    Ok(Turn::Done(value)) => Ok(value),
                    Ok(Turn::Wait(..)) => Err(libc::EINTR),
                    Err(errno) => Err(errno),
                };
                if world.must_pass { After::GiveWay(outcome) } else { After::Return(outcome) }
            }
        });
        match after {
            After::Return(outcome) => return outcome,
            After::GiveWay(outcome) => {
                give_way(me);
                return outcome;
            }
            After::Pass(from, to) => {
                #[cfg(feature = "turmoil")]
                {
                    waits.has_parked = true;
                }
                if from != to {
                    // SAFETY: this runs on `from`; the world keeps both; no reference into it is alive.
                    unsafe { pass(from, to) }
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
    }
}

/// The virtual time, as a door that nothing else can happen in but a cut.
#[inline]
pub(super) fn read_time(me: ThreadId) -> u64 {
    // Nothing in there calls out, so that the thread may stay inside.
    if at_rest(World::pass_door) {
        return at_rest(|world| {
            world.clock_read_by = me;
            world.now_ns
        });
    }
    read_time_cut_off(me)
}

#[cold]
#[inline(never)]
fn read_time_cut_off(me: ThreadId) -> u64 {
    cut_off(me, true);
    let (now_ns, must_pass) = kernel(me, |world| (world.now_ns, world.must_pass));
    if must_pass {
        give_way(me);
    }
    now_ns
}

/// Parks the calling thread. Returns when it was woken or its time came; whether it handled a signal before.
#[inline]
pub(super) fn sleep(me: ThreadId, wait: Wait, until_ns: u64) -> bool {
    kernel(me, |world| world.park(me, wait, until_ns));
    hand_over(me)
}

#[inline]
fn enter(me: ThreadId) {
    // As above: what is counted here calls nothing.
    if !at_rest(World::pass_door) {
        cut_off(me, false);
    }
}

#[cold]
#[inline(never)]
fn cut_off(me: ThreadId, at_clock: bool) {
    match kernel(me, |world| world.cut(me, at_clock)) {
        Cut::No => {}
        Cut::Yield => give_way(me),
        Cut::Until(until_ns) => {
            sleep(me, Wait::Cut, until_ns);
        }
    }
}

/// Lets others go first.
#[cold]
pub(crate) fn give_way(me: ThreadId) {
    kernel(me, |world| world.give_way(me));
    hand_over(me);
}

/// Passes the baton. When it comes back, says whether a signal was handled.
#[inline]
fn hand_over(me: ThreadId) -> bool {
    let (from, to) = kernel(me, |world| (world.strand_of(Some(me)), world.next_strand()));
    if from != to {
        // SAFETY: this runs on `from`; the world keeps both; no reference into it is alive.
        unsafe { pass(from, to) };
    }
    signals::due() && signals::deliver(me).is_some()
}

/// Passes the baton for good: the calling thread is over.
pub(super) fn hand_over_for_good(me: ThreadId) -> ! {
    hand_over(me);
    real::say("afterlife: a thread that was over got the baton\n");
    real::exit_now(101)
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
                kernel(me, |world| world.thread_ended(me, result));
            }
            Start::Main(main, incarnation) => {
                let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| main(incarnation)));
                drop(main);
                run_thread_exits(me);
                let code = code.unwrap_or(ExitCode::Panicked);
                kernel(me, |world| world.main_ended(me, code));
            }
        }
        kernel(me, World::next_strand)
    })
}

/// Passes the baton from the host into the world. Returns when the run is over.
pub(crate) fn enter_world(world: *mut World) {
    debug_assert!(here().is_none());
    set_world(world);
    let (host, first) = kernel_of_host(|world| (world.strand_of(None), world.next_strand()));
    if host != first {
        // SAFETY: this runs on the host's strand; the world keeps both; no reference into it is alive.
        unsafe { pass(host, first) };
    }
}
