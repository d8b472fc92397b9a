//! Processor time of this process.

use crate::host::system;

/// Processor time that this process has used, in nanoseconds.
pub fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let clock = libc::CLOCK_PROCESS_CPUTIME_ID as usize;
    // SAFETY: clock_gettime(2) writes one `timespec`, which is there.
    unsafe { system::call(libc::SYS_clock_gettime, clock, (&raw mut time).addr(), 0, 0, 0, 0) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
