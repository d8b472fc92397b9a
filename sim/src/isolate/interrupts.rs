//! Interrupts of a campaign: SIGINT and SIGTERM ask it to end with its summary so far; a second signal ends it at once.
//! It does not end anything itself: whoever waits asks from time to time.

use crate::host::system;
use libc::{c_int, c_void, siginfo_t};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};

/// The signals that interrupt a campaign.
const SIGNALS: [c_int; 2] = [libc::SIGINT, libc::SIGTERM];

/// The signal that interrupted this process; 0 if none has.
static INTERRUPTED: AtomicI32 = AtomicI32::new(0);

/// The actions that [`catch_interrupts`] replaced.
static REPLACED: Mutex<Vec<(c_int, libc::sigaction)>> = Mutex::new(Vec::new());

/// The C library's `sigaction`, which acts on the process itself.
fn next_sigaction() -> unsafe extern "C" fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int {
    static SIGACTION: system::Function = system::Function::named(c"sigaction");
    system::next!(SIGACTION, fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int)
}

/// Catches SIGINT and SIGTERM in this process from now on, unless it ignores them, as a process in the background does.
pub fn catch_interrupts() {
    let install = next_sigaction();
    let mut replaced = REPLACED.lock().unwrap_or_else(PoisonError::into_inner);
    for signal in SIGNALS {
        // SAFETY: `sigaction(2)`: the handler has the type that the flags name, both structures are there, and zeros are a valid
        // action. The handler calls only functions that `signal-safety(7)` allows.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            if install(signal, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN {
                continue;
            }
            action = std::mem::zeroed();
            action.sa_sigaction = interrupted as unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            let mut before: libc::sigaction = std::mem::zeroed();
            if install(signal, &action, &mut before) == 0 {
                replaced.push((signal, before));
            }
        }
    }
}

/// Gives SIGINT and SIGTERM the actions back that they had before [`catch_interrupts`].
pub fn release_interrupts() {
    let install = next_sigaction();
    for (signal, action) in REPLACED.lock().unwrap_or_else(PoisonError::into_inner).drain(..).rev() {
        // SAFETY: `sigaction(2)`: the action is one that it returned for this signal.
        unsafe { install(signal, &action, std::ptr::null_mut()) };
    }
}

/// The signal that asked this process to end; `None` if none has.
pub fn interrupt() -> Option<i32> {
    match INTERRUPTED.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    }
}

unsafe extern "C" fn interrupted(signal: c_int, _: *mut siginfo_t, _: *mut c_void) {
    if INTERRUPTED.swap(signal, Ordering::Relaxed) != 0 {
        system::exit_now(128 + signal);
    }
}
