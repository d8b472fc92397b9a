//! Destructors of `pthread_key_create`: they run when a thread of the run ends, not when its kernel thread does.
//! The values themselves are glibc's and lie in the thread's own memory.

use crate::host::system;
use libc::{c_int, c_void, pthread_key_t};
use std::sync::atomic::{AtomicUsize, Ordering};

/// glibc's `PTHREAD_KEYS_MAX`.
const KEYS: usize = 1_024;

/// The number of times that a thread's end looks for values that destructors left: `PTHREAD_DESTRUCTOR_ITERATIONS`.
const ROUNDS: usize = 4;

type Destructor = unsafe extern "C" fn(*mut c_void);

static DESTRUCTORS: [AtomicUsize; KEYS] = [const { AtomicUsize::new(0) }; KEYS];

/// Runs the destructors of the calling thread's keys. It leaves the values null, so glibc skips them later.
pub(in crate::libc) fn run_destructors() {
    for _ in 0..ROUNDS {
        let mut found = false;
        for (key, destructor) in DESTRUCTORS.iter().enumerate() {
            let destroy = destructor.load(Ordering::Relaxed);
            if destroy == 0 {
                continue;
            }
            let key = key as pthread_key_t;
            // SAFETY: `pthread_key_create(3)`: the key exists, because its destructor is registered, and the program passed that
            // destructor for the key's values.
            unsafe {
                let value = libc::pthread_getspecific(key);
                if !value.is_null() {
                    found = true;
                    libc::pthread_setspecific(key, std::ptr::null());
                    std::mem::transmute::<usize, Destructor>(destroy)(value);
                }
            }
        }
        if !found {
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
    // SAFETY: `pthread_key_create(3)`: the caller passes room for a key, and null or a destructor of its values.
    let made = unsafe { next(key, destructor) };
    if made == 0 {
        // SAFETY: `pthread_key_create(3)` has just written the key there.
        if let Some(entry) = DESTRUCTORS.get(unsafe { *key } as usize) {
            entry.store(destructor.map_or(0, |destroy| destroy as usize), Ordering::Relaxed);
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
    if let Some(entry) = DESTRUCTORS.get(key as usize) {
        entry.store(0, Ordering::Relaxed);
    }
    static NEXT: system::Function = system::Function::named(c"pthread_key_delete");
    let next = system::next!(NEXT, fn(pthread_key_t) -> c_int);
    // SAFETY: `pthread_key_delete(3)` takes any key.
    unsafe { next(key) }
}
