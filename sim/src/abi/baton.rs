//! How doors wait: the thread parks in the kernel, the baton passes, and the step is tried again when it comes back.
//! It holds no reference into the world while another thread runs.

use super::here::{at_rest, here, kernel, kernel_of_host, set_here, set_world};
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

/// Passes a door that may block: the step is tried until it is done.
#[inline]
pub(super) fn blocking<T>(
    me: ThreadId,
    mut step: impl FnMut(&mut World) -> Result<Turn<T>, Errno>,
) -> Result<T, Errno> {
    enter(me);
    loop {
        let after = kernel(me, |world| match step(world) {
            Ok(Turn::Wait(wait, until_ns)) => {
                world.park(me, wait, until_ns);
                After::Pass(world.strand_of(Some(me)), world.next_strand())
            }
            Ok(Turn::Done(value)) if world.must_pass => After::GiveWay(Ok(value)),
            Ok(Turn::Done(value)) => After::Return(Ok(value)),
            Err(errno) if world.must_pass => After::GiveWay(Err(errno)),
            Err(errno) => After::Return(Err(errno)),
        });
        match after {
            After::Return(outcome) => return outcome,
            After::GiveWay(outcome) => {
                give_way(me);
                return outcome;
            }
            After::Pass(from, to) if from == to => {}
            // SAFETY: this runs on `from`; the world keeps both; no reference into it is alive.
            After::Pass(from, to) => unsafe { pass(from, to) },
        }
    }
}

/// As [`blocking`], for what no signal interrupts: locks and joins.
#[inline]
pub(super) fn patient<T>(me: ThreadId, step: impl FnMut(&mut World) -> Result<Turn<T>, Errno>) -> Result<T, Errno> {
    blocking(me, step)
}

/// The virtual time, as a door that nothing else can happen in but a cut.
#[inline]
pub(super) fn read_time(me: ThreadId) -> u64 {
    // Nothing in there calls out, so that the thread may stay inside.
    if at_rest(World::pass_door) {
        return at_rest(|world| world.now_ns);
    }
    read_time_cut_off(me)
}

#[cold]
#[inline(never)]
fn read_time_cut_off(me: ThreadId) -> u64 {
    cut_off(me);
    let (now_ns, must_pass) = kernel(me, |world| (world.now_ns, world.must_pass));
    if must_pass {
        give_way(me);
    }
    now_ns
}

/// Parks the calling thread. Returns when it was woken or its time came.
#[inline]
pub(super) fn sleep(me: ThreadId, wait: Wait, until_ns: u64) {
    kernel(me, |world| world.park(me, wait, until_ns));
    hand_over(me);
}

#[inline]
fn enter(me: ThreadId) {
    // As above: what is counted here calls nothing.
    if !at_rest(World::pass_door) {
        cut_off(me);
    }
}

#[cold]
#[inline(never)]
fn cut_off(me: ThreadId) {
    match kernel(me, |world| world.cut(me)) {
        Cut::No => {}
        Cut::Yield => give_way(me),
        Cut::Until(until_ns) => sleep(me, Wait::Sleep, until_ns),
    }
}

/// Lets others go first.
#[cold]
pub(super) fn give_way(me: ThreadId) {
    kernel(me, |world| world.give_way(me));
    hand_over(me);
}

#[inline]
fn hand_over(me: ThreadId) {
    let (from, to) = kernel(me, |world| (world.strand_of(Some(me)), world.next_strand()));
    if from != to {
        // SAFETY: this runs on `from`; the world keeps both; no reference into it is alive.
        unsafe { pass(from, to) };
    }
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
