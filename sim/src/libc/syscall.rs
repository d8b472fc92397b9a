//! `syscall`: futexes and the few calls that have no symbol of their own.
//! A number that is not known here ends the run; it is never handed to the real system.

use super::block::{blocking, call};
use super::current::here;
use super::time::{deadline_at, duration_ns};
use super::unsupported::missing;
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
        // SAFETY: `syscall(2)`: the caller passes a buffer of the length that it names.
        if number == libc::SYS_getrandom && unsafe { super::entropy::fill(a as *mut libc::c_void, b) } {
            return b as c_long;
        }
        // SAFETY: `syscall(2)`: the caller's own arguments, under the contract that it keeps.
        return system::result(unsafe { system::call(number, a, b, c, d, e, f) }) as c_long;
    };
    // SAFETY: each takes the caller's pointers as the system call would.
    let result = unsafe {
        match number {
            libc::SYS_futex => futex(me, a, b as c_int, c as u32, d as *const timespec, f as u32),
            libc::SYS_getrandom => {
                super::entropy::fill(a as *mut libc::c_void, b);
                Ok(b as c_long)
            }
            libc::SYS_fcntl => super::io::control(me, a as c_int, b as c_int, c).map(c_long::from),
            libc::SYS_gettid => Ok(super::threads::thread_number(me)),
            // What std asks for and does without: an old kernel's answer.
            libc::SYS_copy_file_range | libc::SYS_membarrier | libc::SYS_pidfd_open => Err(libc::ENOSYS),
            _ => match super::syscall_numbers::pass(number, [a, b, c, d, e, f]) {
                Some(given) => return given,
                None => missing(&format!("syscall({number})"), "a system call by number passes no door"),
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
/// As the system call.
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
            if !timeout.is_null() {
                // SAFETY: the caller's pointer.
                let time = unsafe { &*timeout };
                deadline = match kind {
                    libc::FUTEX_WAIT => call(me, |kernel| kernel.deadline_in(me, duration_ns(time))),
                    _ => deadline_at(clock, time),
                };
            }
            let mut waited = false;
            blocking(me, |kernel| {
                if waited {
                    return if kernel.sched[me].timed_out() { Err(libc::ETIMEDOUT) } else { Ok(Blocking::Done(0)) };
                }
                // SAFETY: the caller's word, which lives as long as it waits.
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
                super::signals::told_another(kernel, me, other);
            }
            c_long::from(woken)
        })),
        other => missing(&format!("futex operation {other}"), "only wait and wake are built"),
    }
}
