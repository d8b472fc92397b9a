//! Destructors of `pthread_key_create`: they run at a thread's end in the run, not when its kernel thread goes.
//! The values themselves are glibc's: they lie in the thread's own memory.

use crate::host::system;
use crate::libc::here;
use libc::{c_int, c_void, pthread_key_t};
use std::sync::atomic::{AtomicUsize, Ordering};

/// glibc's `PTHREAD_KEYS_MAX`.
const KEYS: usize = 1_024;

/// How often a thread's end looks for values that destructors left: `PTHREAD_DESTRUCTOR_ITERATIONS`.
const ROUNDS: usize = 4;

type Destructor = unsafe extern "C" fn(*mut c_void);

static DESTRUCTORS: [AtomicUsize; KEYS] = [const { AtomicUsize::new(0) }; KEYS];

/// Runs what the calling thread's keys have to be destroyed with. What it leaves null, glibc passes over later.
pub(in crate::libc) fn run_destructors() {
    for _ in 0..ROUNDS {
        let mut met = false;
        for (key, place) in DESTRUCTORS.iter().enumerate() {
            let destroy = place.load(Ordering::Relaxed);
            if destroy == 0 {
                continue;
            }
            let key = key as pthread_key_t;
            // SAFETY: the key is there, since its destructor is; the destructor was given for its values.
            unsafe {
                let value = libc::pthread_getspecific(key);
                if !value.is_null() {
                    met = true;
                    libc::pthread_setspecific(key, std::ptr::null());
                    std::mem::transmute::<usize, Destructor>(destroy)(value);
                }
            }
        }
        if !met {
            return;
        }
    }
}

/// The interposed function of this name.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_create(key: *mut pthread_key_t, destructor: Option<Destructor>) -> c_int {
    static NEXT: system::Function = system::Function::named(c"pthread_key_create");
    let next = system::next!(NEXT, fn(*mut pthread_key_t, Option<Destructor>) -> c_int);
    // SAFETY: `pthread_key_create(3)`: the caller's own arguments, under the contract that it keeps.
    let made = unsafe { next(key, destructor) };
    if made == 0 {
        // SAFETY: the call filled it.
        if let Some(place) = DESTRUCTORS.get(unsafe { *key } as usize) {
            place.store(destructor.map_or(0, |destroy| destroy as usize), Ordering::Relaxed);
        }
    }
    made
}

/// The interposed function of this name.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_key_delete(key: pthread_key_t) -> c_int {
    if let Some(place) = DESTRUCTORS.get(key as usize) {
        place.store(0, Ordering::Relaxed);
    }
    static NEXT: system::Function = system::Function::named(c"pthread_key_delete");
    let next = system::next!(NEXT, fn(pthread_key_t) -> c_int);
    // SAFETY: `pthread_key_delete(3)`: the caller's own arguments, under the contract that it keeps.
    unsafe { next(key) }
}

/// The interposed function of this name. In a run nothing is unwound: cleanup handlers and C++ destructors on the stack do not run.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_exit(value: *mut c_void) -> ! {
    if let Some(me) = here() {
        crate::libc::threads::exit_thread(me, value.addr())
    }
    static NEXT: system::Function = system::Function::named(c"pthread_exit");
    let next = system::next!(NEXT, fn(*mut c_void) -> !);
    // SAFETY: `pthread_exit(3)`: the caller's own arguments, under the contract that it keeps.
    unsafe { next(value) }
}
