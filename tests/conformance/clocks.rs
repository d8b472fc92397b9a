//! Clocks, sleeps and timers.

use crate::calls::{Fd, errno, in_order, read, result, success};
use std::time::{Duration, Instant};

fn read_clock(clock: i32) -> String {
    let mut time = libc::timespec { tv_sec: -1, tv_nsec: -1 };
    // SAFETY: the call fills the time.
    let got = success(unsafe { libc::clock_gettime(clock, &mut time) });
    format!("{got} {}", time.tv_sec >= 0 && (0..1_000_000_000).contains(&time.tv_nsec))
}

fn timer(flags: i32) -> Fd {
    // SAFETY: it takes no pointer.
    Fd(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags | libc::TFD_CLOEXEC) })
}

fn arm(fd: &Fd, first_ns: i64, every_ns: i64) -> String {
    let time = |ns| libc::timespec { tv_sec: 0, tv_nsec: ns };
    let setting = libc::itimerspec { it_value: time(first_ns), it_interval: time(every_ns) };
    // SAFETY: the setting lives until the call returns.
    success(unsafe { libc::timerfd_settime(fd.0, 0, &setting, std::ptr::null_mut()) })
}

/// The number of expirations that a timer reports.
fn expirations(fd: &Fd) -> String {
    let mut count = 0_u64;
    // SAFETY: the number lives until the call returns.
    if unsafe { libc::read(fd.0, (&raw mut count).cast(), 8) } < 0 { errno() } else { count.to_string() }
}

crate::question::questions! {
    fn clock_kinds() -> String {
        in_order(&[
            read_clock(libc::CLOCK_REALTIME),
            read_clock(libc::CLOCK_MONOTONIC),
            read_clock(libc::CLOCK_BOOTTIME),
            read_clock(libc::CLOCK_PROCESS_CPUTIME_ID),
            read_clock(libc::CLOCK_THREAD_CPUTIME_ID),
            read_clock(libc::CLOCK_MONOTONIC_COARSE),
        ])
    }
    fn clock_that_does_not_exist() -> String {
        read_clock(77)
    }
    fn clock_resolution() -> String {
        let mut time = libc::timespec { tv_sec: -1, tv_nsec: -1 };
        // SAFETY: the call fills the time.
        let got = success(unsafe { libc::clock_getres(libc::CLOCK_MONOTONIC, &mut time) });
        format!("{got} {} {}", time.tv_sec, time.tv_nsec)
    }
    fn clock_never_goes_back() -> String {
        let mut last = Instant::now();
        (0..1_000).all(|_| {
            let now = Instant::now();
            std::mem::replace(&mut last, now) <= now
        }).to_string()
    }
    fn clock_advances_by_a_sleep() -> String {
        let begun = Instant::now();
        std::thread::sleep(Duration::from_millis(30));
        (begun.elapsed() >= Duration::from_millis(30)).to_string()
    }
    fn sleep_of_a_wrong_duration() -> String {
        let time = |tv_sec, tv_nsec| libc::timespec { tv_sec, tv_nsec };
        // SAFETY: the time lives until the calls return.
        unsafe {
            in_order(&[
                result(libc::nanosleep(&time(0, 1_000_000_000), std::ptr::null_mut())),
                result(libc::nanosleep(&time(-1, 0), std::ptr::null_mut())),
                result(libc::nanosleep(&time(0, 0), std::ptr::null_mut())),
            ])
        }
    }
    fn sleep_until_a_time_that_has_passed() -> String {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 1 };
        // SAFETY: the time lives until the call returns.
        unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &time, std::ptr::null_mut()) }.to_string()
    }
    fn timer_that_is_not_armed() -> String {
        let fd = timer(libc::TFD_NONBLOCK);
        in_order(&[expirations(&fd), read(&fd, 4)])
    }
    fn timer_expires_once() -> String {
        let fd = timer(libc::TFD_NONBLOCK);
        let armed = arm(&fd, 100_000_000, 0);
        let early = expirations(&fd);
        std::thread::sleep(Duration::from_millis(150));
        in_order(&[armed, early, expirations(&fd), expirations(&fd)])
    }
    fn timer_is_waited_for() -> String {
        let fd = timer(0);
        arm(&fd, 10_000_000, 0);
        expirations(&fd)
    }
    fn timer_that_is_disarmed() -> String {
        let fd = timer(libc::TFD_NONBLOCK);
        arm(&fd, 100_000_000, 0);
        let off = arm(&fd, 0, 0);
        std::thread::sleep(Duration::from_millis(30));
        in_order(&[off, expirations(&fd)])
    }
    fn timer_with_a_wrong_time() -> String {
        arm(&timer(0), 1_000_000_000, 0)
    }
    fn times_of_a_file_move_on() -> String {
        let modified = || std::fs::metadata(crate::calls::path("a").to_str().expect("text")).and_then(|data| data.modified());
        drop(crate::calls::file("a", b"x"));
        let before = modified().expect("it has one");
        std::thread::sleep(Duration::from_millis(30));
        drop(crate::calls::file("a", b"y"));
        (modified().expect("it has one") > before).to_string()
    }
}
