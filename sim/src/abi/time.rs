//! Clocks and sleeps, on virtual time.
//! No door here reads a real clock inside a run.

use super::baton::{door, read_time, sleep};
use crate::kernel::file::EPOCH_S;
use crate::kernel::thread::{ThreadId, Wait};
use crate::real;
use libc::{c_int, c_uint, clockid_t, time_t, timespec, timeval};

/// What the monotonic clock shows when a run begins: enough that a program may subtract a day from its first instant.
const MONOTONIC_START_NS: u64 = 1_000_000 * SECOND_NS;
const SECOND_NS: u64 = 1_000_000_000;

/// The virtual time of a reading of this clock, since the run's start.
pub(super) fn since_start_ns(clock: clockid_t, time: &timespec) -> u64 {
    let ns = (time.tv_sec as i128) * i128::from(SECOND_NS) + (time.tv_nsec as i128);
    let start = match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => i128::from(EPOCH_S) * i128::from(SECOND_NS),
        _ => i128::from(MONOTONIC_START_NS),
    };
    (ns - start).clamp(0, i128::from(u64::MAX)) as u64
}

/// A duration in nanoseconds.
pub(super) fn duration_ns(time: &timespec) -> u64 {
    (time.tv_sec.max(0) as u64).saturating_mul(SECOND_NS).saturating_add(time.tv_nsec as u64)
}

/// What a clock shows.
fn reading(clock: clockid_t, now_ns: u64) -> timespec {
    let ns = match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => EPOCH_S as u64 * SECOND_NS + now_ns,
        libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID => now_ns,
        _ => MONOTONIC_START_NS + now_ns,
    };
    timespec { tv_sec: (ns / SECOND_NS) as time_t, tv_nsec: (ns % SECOND_NS) as i64 }
}

fn sleep_until(me: ThreadId, until_ns: u64) -> c_int {
    if door(me, |world| until_ns > world.now_ns) {
        sleep(me, Wait::Sleep, until_ns);
    }
    0
}

fn sleep_for(me: ThreadId, ns: u64) -> c_int {
    let until = door(me, |world| world.now_ns.saturating_add(ns));
    sleep_until(me, until)
}

super::doors! {
    fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int = libc::SYS_clock_gettime;
    |me| {
        let now = read_time(me);
        // SAFETY: the caller's pointer, as on Linux.
        unsafe { *time = reading(clock, now) };
        0
    };
    fn nanosleep(time: *const timespec, _left: *mut timespec) -> c_int = libc::SYS_nanosleep;
    // SAFETY: the caller's pointer, as on Linux.
    |me| sleep_for(me, duration_ns(unsafe { &*time }));
    fn usleep(us: c_uint) -> c_int = next;
    |me| sleep_for(me, u64::from(us) * 1_000);
    fn gettimeofday(time: *mut timeval, zone: *mut libc::c_void) -> c_int = libc::SYS_gettimeofday;
    |me| {
        let now = reading(libc::CLOCK_REALTIME, door(me, |world| world.now_ns));
        // SAFETY: the caller's pointer, as on Linux.
        unsafe { *time = timeval { tv_sec: now.tv_sec, tv_usec: now.tv_nsec / 1_000 } };
        0
    };
    fn time(result: *mut time_t) -> time_t = next;
    |me| {
        let now = reading(libc::CLOCK_REALTIME, door(me, |world| world.now_ns)).tv_sec;
        if !result.is_null() {
            // SAFETY: the caller's pointer, as on Linux.
            unsafe { *result = now };
        }
        now
    };
}

mod c_sleep {
    use super::{c_uint, sleep_for};

    crate::abi::doors! {
        fn sleep(seconds: c_uint) -> c_uint = next;
        |me| {
            sleep_for(me, u64::from(seconds) * super::SECOND_NS);
            0
        };
    }
}

/// The door of this name. It answers with the error itself, not through `errno`.
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
        // SAFETY: handed on.
        let result = unsafe {
            real::call(libc::SYS_clock_nanosleep, clock as usize, flags as usize, time.addr(), left.addr(), 0, 0)
        };
        return -result as c_int;
    };
    // SAFETY: the caller's pointer, as on Linux.
    let time = unsafe { &*time };
    if flags & libc::TIMER_ABSTIME != 0 {
        sleep_until(me, since_start_ns(clock, time))
    } else {
        sleep_for(me, duration_ns(time))
    }
}
