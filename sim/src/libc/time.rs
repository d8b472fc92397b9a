//! Clocks and sleeps, in virtual time.
//! No function reads a real clock inside a run.

use super::block::{call, interruptible, read_clock};
use super::current::kernel;
use super::guest;
use super::io::{int, result};
use super::user_memory::{UserSlice, UserSliceMut};
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::{Clock, Deadline};
use crate::kernel::sched::thread::{ThreadId, Wait};
use libc::{c_int, c_uint, clockid_t, time_t, timespec, timeval};

/// The clocks of the system are below this number: `MAX_CLOCKS`.
const CLOCKS: clockid_t = 16;

const SECOND_NS: u64 = 1_000_000_000;

/// A reading of a clock in nanoseconds.
fn reading_ns(time: &timespec) -> i64 {
    time.tv_sec.saturating_mul(SECOND_NS as i64).saturating_add(time.tv_nsec)
}

/// The deadline at this reading of a clock.
pub(crate) fn deadline_at(clock: clockid_t, time: &timespec) -> Deadline {
    Deadline::at(Clock::of(clock), reading_ns(time))
}

/// Returns whether a time can be a duration.
pub(crate) fn is_duration(time: &timespec) -> bool {
    time.tv_sec >= 0 && (0..SECOND_NS as i64).contains(&time.tv_nsec)
}

/// A duration in nanoseconds.
pub(crate) fn duration_ns(time: &timespec) -> u64 {
    (time.tv_sec.max(0) as u64).saturating_mul(SECOND_NS).saturating_add(time.tv_nsec as u64)
}

/// A reading in the C library's form.
pub(crate) fn timespec_of(ns: i64) -> timespec {
    // Nearly every reading is positive, and an unsigned division takes half the instructions.
    match u64::try_from(ns) {
        Ok(ns) => timespec { tv_sec: (ns / SECOND_NS) as time_t, tv_nsec: (ns % SECOND_NS) as i64 },
        Err(_) => timespec { tv_sec: ns.div_euclid(SECOND_NS as i64), tv_nsec: ns.rem_euclid(SECOND_NS as i64) },
    }
}

/// The reading of a clock.
#[inline]
fn reading(me: ThreadId, clock: clockid_t) -> timespec {
    guest::follow_clock();
    timespec_of(read_clock(me, Clock::of(clock)))
}

fn wall(me: ThreadId) -> timespec {
    guest::follow_clock();
    timespec_of(call(me, |kernel| kernel.shown_ns(me, Clock::Realtime, kernel.sched.now_ns())))
}

/// Sleeps. A handled signal ends the sleep early, with the nanoseconds that were left.
fn sleep_until(me: ThreadId, deadline: Deadline) -> Result<(), u64> {
    let slept: Result<(), Errno> = interruptible(me, |kernel| {
        let until_ns = kernel.deadline_of(me, deadline);
        Ok(if until_ns > kernel.sched.now_ns() { Blocking::Wait(Wait::Sleep, until_ns) } else { Blocking::Done(()) })
    });
    slept.map_err(|_| kernel(me, |kernel| kernel.deadline_of(me, deadline).saturating_sub(kernel.sched.now_ns())))
}

/// A loop of sleeps shorter than this counts as spinning.
const REST_NS: u64 = 100_000;

fn sleep_for(me: ThreadId, ns: u64) -> Result<(), u64> {
    let deadline = call(me, |kernel| {
        if ns < REST_NS {
            // This call and that of the sleep itself.
            kernel.count_fruitless(me);
            kernel.count_fruitless(me);
        }
        kernel.deadline_in(me, ns)
    });
    sleep_until(me, deadline)
}

/// Turns the end of a sleep into a result: `EINTR` for one that ended early, with the time that was left.
fn slept(outcome: Result<(), u64>, left: UserSliceMut<timespec>) -> Result<(), Errno> {
    outcome.map_err(|ns| {
        left.write_if_given(timespec_of(ns as i64));
        libc::EINTR
    })
}

super::interposed! {
    shared fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int = libc::SYS_clock_gettime;
    |me| {
        if !(0..CLOCKS).contains(&clock) {
            return int(Err(libc::EINVAL));
        }
        let now = reading(me, clock);
        // SAFETY: `clock_gettime(2)`: the caller passes room for a time.
        int(unsafe { UserSliceMut::one(time) }.write(now))
    };
    fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int = libc::SYS_nanosleep;
    |me| {
        // SAFETY: `nanosleep(2)`: the caller passes a time, and null or room for one.
        let (time, left) = unsafe { (UserSlice::one(time), UserSliceMut::one(left)) };
        int(time.read().and_then(|time| match is_duration(&time) {
            true => slept(sleep_for(me, duration_ns(&time)), left),
            false => Err(libc::EINVAL),
        }))
    };
    fn usleep(us: c_uint) -> c_int = next;
    |me| int(sleep_for(me, u64::from(us) * 1_000).map_err(|_| libc::EINTR));
    shared fn gettimeofday(time: *mut timeval, zone: *mut libc::c_void) -> c_int = libc::SYS_gettimeofday;
    |me| {
        let now = wall(me);
        // SAFETY: `gettimeofday(2)`: the caller passes null or room for a time.
        unsafe { UserSliceMut::one(time) }.write_if_given(timeval { tv_sec: now.tv_sec, tv_usec: now.tv_nsec / 1_000 });
        0
    };
    fn time(result: *mut time_t) -> time_t = next;
    |me| {
        let now = wall(me).tv_sec;
        // SAFETY: `time(2)`: the caller passes null or room for a time.
        unsafe { UserSliceMut::one(result) }.write_if_given(now);
        now
    };
    fn timespec_get(time: *mut timespec, base: c_int) -> c_int = next;
    |me| {
        let now = wall(me);
        // SAFETY: `timespec_get(3)`: the caller passes room for a time.
        unsafe { UserSliceMut::one(time) }.write_if_given(now);
        base
    };
    // No process of a run may set its machine's clock.
    fn clock_settime(_clock: clockid_t, _time: *const timespec) -> c_int = libc::SYS_clock_settime;
    |_me| result(Err(libc::EPERM));
    fn settimeofday(_time: *const timeval, _zone: *const libc::c_void) -> c_int = libc::SYS_settimeofday;
    |_me| result(Err(libc::EPERM));
}

mod c_sleep {
    use super::{c_uint, sleep_for};

    crate::libc::interposed! {
        fn sleep(seconds: c_uint) -> c_uint = next;
        |me| match sleep_for(me, u64::from(seconds) * super::SECOND_NS) {
            Ok(()) => 0,
            Err(left_ns) => left_ns.div_ceil(super::SECOND_NS) as c_uint,
        };
    }
}

/// The interposed function of this name. It answers with the error itself, not through `errno`.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
) -> c_int {
    let Some(me) = super::here() else {
        // SAFETY: `clock_nanosleep(2)`: the caller passes a time, and null or room for one.
        let result = unsafe {
            system::call(libc::SYS_clock_nanosleep, clock as usize, flags as usize, time.addr(), left.addr(), 0, 0)
        };
        return -result as c_int;
    };
    // SAFETY: `clock_nanosleep(2)`: the caller passes a time, and null or room for one.
    let (time, left) = unsafe { (UserSlice::one(time), UserSliceMut::one(left)) };
    let outcome = time.read().and_then(|time| match flags & libc::TIMER_ABSTIME {
        0 => slept(sleep_for(me, duration_ns(&time)), left),
        _ => sleep_until(me, deadline_at(clock, &time)).map_err(|_| libc::EINTR),
    });
    outcome.err().unwrap_or(0)
}
