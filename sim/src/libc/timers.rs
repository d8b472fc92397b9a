//! Timer descriptors: made, set, queried. They are read in `io` and waited for in `poll`.
//! The kernel decides when they fire.

use super::block::call;
use super::io::{describe, int, result};
use super::time::{duration_ns, is_duration, timespec_of};
use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::process::fd::timer::{Setting, Timer};
use crate::kernel::sched::clock::Clock;
use libc::{c_int, itimerspec};

fn shown(setting: Setting) -> itimerspec {
    let span = |ns| timespec_of(i64::try_from(ns).unwrap_or(i64::MAX));
    itimerspec { it_interval: span(setting.interval_ns), it_value: span(setting.first_ns) }
}

super::interposed! {
    fn timerfd_create(clock: c_int, flags: c_int) -> c_int = libc::SYS_timerfd_create;
    |me| result(match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC | libc::CLOCK_BOOTTIME => call(me, |kernel| {
            let node = kernel.sched[me].node();
            let timer = Kind::Timer(Timer::new(Clock::of(clock)));
            let id = kernel.process.open(node, flags & libc::TFD_NONBLOCK != 0, timer);
            kernel.install(id)
        }),
        libc::CLOCK_REALTIME_ALARM | libc::CLOCK_BOOTTIME_ALARM => Err(libc::EPERM),
        _ => Err(libc::EINVAL),
    });
    fn timerfd_settime(fd: c_int, flags: c_int, new: *const itimerspec, old: *mut itimerspec) -> c_int =
        libc::SYS_timerfd_settime;
    |me| {
        // SAFETY: `timerfd_settime(2)`: the caller passes a setting, and null or room for one.
        let (new, old) = unsafe { (UserSlice::one(new), UserSliceMut::one(old)) };
        int(call(me, |kernel| {
            let id = describe(kernel, me, fd, "timerfd_settime")?;
            let new = new.read()?;
            if !is_duration(&new.it_value) || !is_duration(&new.it_interval) {
                return Err(libc::EINVAL);
            }
            kernel.timer_set(me, id, Setting {
                first_ns: duration_ns(&new.it_value),
                interval_ns: duration_ns(&new.it_interval),
                absolute: flags & libc::TFD_TIMER_ABSTIME != 0,
                cancels: flags & libc::TFD_TIMER_CANCEL_ON_SET != 0,
            })
        }).map(|before| old.write_if_given(shown(before))))
    };
    fn timerfd_gettime(fd: c_int, now: *mut itimerspec) -> c_int = libc::SYS_timerfd_gettime;
    |me| int(call(me, |kernel| {
        let id = describe(kernel, me, fd, "timerfd_gettime")?;
        kernel.timer_get(me, id)
    // SAFETY: `timerfd_gettime(2)`: the caller passes room for a setting.
    }).and_then(|setting| unsafe { UserSliceMut::one(now) }.write(shown(setting))));
}
