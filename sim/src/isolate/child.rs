//! The child's side of a fork: it does its work on a fiber, sends the result and exits.

use super::pages::{fill_heap, use_large_pages};
use crate::host::status::last_words;
use crate::host::system;
use crate::kernel::sched::fiber;
use std::io::Write;
use std::os::fd::OwnedFd;

/// The exit code of a child whose work panicked.
const PANICKED: i32 = 101;

/// The exit code of a child that could not send its result.
const NOT_SENT: i32 = 102;

/// Does the work in a child process, on a thread with thread-locals that nobody has used, and sends the result.
pub(super) fn work_and_exit(writer: OwnedFd, work: impl FnOnce() -> Vec<u8> + Send) -> ! {
    // The child does not outlive its runner.
    // SAFETY: prctl(2) with `PR_SET_PDEATHSIG` takes a number.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    use_large_pages(true);
    stay_on_this_processor();
    fill_heap();
    // From here on the watchdog gets a stack, whatever part of the work spins or sleeps.
    let watched = || {
        crate::libc::watch();
        work()
    };
    match fiber::on_a_fiber(watched) {
        Ok(output) => {
            let sent = if output.is_empty() { Ok(()) } else { std::fs::File::from(writer).write_all(&output) };
            system::exit_now(if sent.is_ok() { 0 } else { NOT_SENT })
        }
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without a text");
            last_words(text);
            system::exit_now(PANICKED)
        }
    }
}

/// Keeps this process on its present processor. Only one thread of a run runs at a time: on one processor a new thread
/// starts as soon as its creator waits for it, without a signal to another processor.
fn stay_on_this_processor() {
    let mut processor: u32 = 0;
    let mut mask = [0u64; 16];
    // SAFETY: getcpu(2) writes one `u32`, and sched_setaffinity(2) reads `mask`, of which it is given the size. They
    // are made as raw system calls because the C library's wrappers are interposed.
    unsafe {
        system::call(libc::SYS_getcpu, (&raw mut processor).addr(), 0, 0, 0, 0, 0);
        if let Some(word) = mask.get_mut(processor as usize / 64) {
            *word = 1 << (processor % 64);
            system::call(libc::SYS_sched_setaffinity, 0, size_of_val(&mask), mask.as_ptr().addr(), 0, 0, 0);
        }
    }
}
