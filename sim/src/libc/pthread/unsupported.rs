//! Relatives of these functions that end the run.
//! C11's threads wait inside the C library, where nothing is interposed.

use libc::{c_char, c_int, c_uint, c_void, sem_t, timespec};

const C11: &str = "C11 threads are not supported; use pthreads";

crate::libc::unsupported_calls! {
    fn sem_open(name: *const c_char, flags: c_int, mode: c_uint, value: c_uint) -> *mut sem_t:
        "named semaphores are shared between processes, and a node is one process";
    fn thrd_create(thread: *mut c_void, routine: *mut c_void, argument: *mut c_void) -> c_int: C11;
    fn thrd_join(thread: *mut c_void, result: *mut c_int) -> c_int: C11;
    fn thrd_sleep(time: *const timespec, left: *mut timespec) -> c_int: C11;
    fn mtx_lock(mutex: *mut c_void) -> c_int: C11;
    fn mtx_timedlock(mutex: *mut c_void, until: *const timespec) -> c_int: C11;
    fn cnd_wait(condition: *mut c_void, mutex: *mut c_void) -> c_int: C11;
    fn cnd_timedwait(condition: *mut c_void, mutex: *mut c_void, until: *const timespec) -> c_int: C11;
    fn cnd_signal(condition: *mut c_void) -> c_int: C11;
    fn cnd_broadcast(condition: *mut c_void) -> c_int: C11;
    fn call_once(control: *mut c_void, routine: *mut c_void) -> (): C11;
}
