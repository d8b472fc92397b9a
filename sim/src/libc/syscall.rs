//! `syscall`: futexes and the few calls that have no symbol of their own.
//! An unknown number ends the run and never reaches the real system.

use super::block::{blocking, call};
use super::current::here;
use super::time::{deadline_at, duration_ns};
use super::unsupported::missing;
use super::user_memory::{UserSlice, UserSliceMut};
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::futex::MATCH_ANY;
use crate::kernel::sched::thread::{ThreadId, Wait};
use libc::{c_int, c_long, timespec};
use std::sync::atomic::{AtomicU32, Ordering};

/// The interposed function of this name. It is declared with plain integers, which is how the variadic arguments arrive.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
    let Some(me) = here() else {
        if number == libc::SYS_getrandom {
            // SAFETY: `getrandom(2)`: the caller passes `b` writable bytes at `a`.
            let into = unsafe { UserSliceMut::new(a as *mut u8, b) };
            if let Some(filled) = super::entropy::fill(into) {
                return super::io::result(filled.map(|()| b as c_long));
            }
        }
        // SAFETY: `syscall(2)`: the caller passes the arguments of the system call of this number, as that call's page demands.
        return system::result(unsafe { system::call(number, a, b, c, d, e, f) }) as c_long;
    };
    // SAFETY: `syscall(2)`: the caller passes the arguments of the system call of this number, as that call's page demands.
    let result = unsafe {
        match number {
            libc::SYS_futex => futex(me, a, b as c_int, c as u32, d as *const timespec, f as u32),
            libc::SYS_getrandom => {
                let filled = super::entropy::fill(UserSliceMut::new(a as *mut u8, b));
                filled.unwrap_or(Ok(())).map(|()| b as c_long)
            }
            libc::SYS_fcntl => super::io::control(me, a as c_int, b as c_int, c).map(c_long::from),
            libc::SYS_gettid => Ok(super::threads::thread_number(me)),
            // Calls that std tries and can do without: the answer of an old kernel.
            libc::SYS_copy_file_range | libc::SYS_membarrier | libc::SYS_pidfd_open => Err(libc::ENOSYS),
            _ => match super::syscall_numbers::pass(number, [a, b, c, d, e, f]) {
                Some(given) => return given,
                None => missing(&format!("syscall({number})"), "this system call is not interposed"),
            },
        }
    };
    match result {
        Ok(value) => value,
        Err(errno) => {
            system::set_errno(errno);
            -1
        }
    }
}

/// # Safety
/// As for `futex(2)`: `address` is a word of four bytes, and `timeout` null or a time.
unsafe fn futex(
    me: ThreadId,
    address: usize,
    operation: c_int,
    value: u32,
    timeout: *const timespec,
    mask: u32,
) -> Result<c_long, Errno> {
    let clock = if operation & libc::FUTEX_CLOCK_REALTIME != 0 { libc::CLOCK_REALTIME } else { libc::CLOCK_MONOTONIC };
    match operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) {
        libc::FUTEX_WAIT_BITSET | libc::FUTEX_WAKE_BITSET if mask == 0 => Err(libc::EINVAL),
        kind @ (libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET) => {
            let mask = if kind == libc::FUTEX_WAIT { MATCH_ANY } else { mask };
            let mut deadline = Deadline::NEVER;
            // SAFETY: `futex(2)`: the caller passes null or a time.
            if let Some(time) = unsafe { UserSlice::one(timeout) }.get(0) {
                deadline = match kind {
                    libc::FUTEX_WAIT => call(me, |kernel| kernel.deadline_in(me, duration_ns(&time))),
                    _ => deadline_at(clock, &time),
                };
            }
            let mut waited = false;
            blocking(me, |kernel| {
                if waited {
                    return if kernel.sched[me].timed_out() { Err(libc::ETIMEDOUT) } else { Ok(Blocking::Done(0)) };
                }
                // SAFETY: `futex(2)`: the caller passes a word of four bytes, which lives as long as it waits for it.
                let word = unsafe { &*(address as *const AtomicU32) };
                if word.load(Ordering::SeqCst) != value {
                    return Err(libc::EAGAIN);
                }
                let until_ns = kernel.deadline_of(me, deadline);
                if until_ns <= kernel.sched.now_ns() {
                    return Err(libc::ETIMEDOUT);
                }
                waited = true;
                kernel.sched.wait_on_futex_for_bits(address, me, mask);
                Ok(Blocking::Wait(Wait::Futex(address), until_ns))
            })
        }
        kind @ (libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET) => Ok(call(me, |kernel| {
            let mask = if kind == libc::FUTEX_WAKE { MATCH_ANY } else { mask };
            let woken = kernel.wake_waiters_for_bits(me, address, value, mask);
            if let Some(other) = kernel.process.signals().stray() {
                super::signal_handlers::refuse_shared_signal(kernel, me, other);
            }
            c_long::from(woken)
        })),
        other => missing(&format!("futex operation {other}"), "only wait and wake are supported"),
    }
}
