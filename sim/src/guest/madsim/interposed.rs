//! Our functions of the names that madsim defines as well. madsim answers for its own tasks, and asks the dynamic linker for the next
//! definition where none of its tasks calls. We interpose `dlsym`, so that this next definition is ours.

use crate::host::system;
use crate::libc::{entropy, resolver, threads, time};
use libc::{c_char, c_void};
use std::ffi::CStr;

/// Our function of this name, if madsim defines the name as well.
fn ours(name: &CStr) -> Option<*mut c_void> {
    let call = match name.to_bytes() {
        b"clock_gettime" => time::clock_gettime as *const c_void,
        b"gettimeofday" => time::gettimeofday as *const c_void,
        b"getrandom" => entropy::getrandom as *const c_void,
        b"sched_getaffinity" => threads::sched_getaffinity as *const c_void,
        b"sysconf" => threads::sysconf as *const c_void,
        b"gethostname" => resolver::gethostname as *const c_void,
        _ => return None,
    };
    Some(call.cast_mut())
}

/// `dlsym(3)`, which finds our functions for madsim.
///
/// # Safety
/// The contract of `dlsym(3)`: `name` is a C string, and `handle` one of `dlopen(3)` or a pseudo-handle.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: by the contract of `dlsym(3)`, `name` is a C string.
    let name = unsafe { CStr::from_ptr(name) };
    if handle == libc::RTLD_NEXT
        && let Some(call) = ours(name)
    {
        return call;
    }
    // SAFETY: by the contract of `dlsym(3)`, the handle is one of `dlopen(3)` or a pseudo-handle.
    unsafe { system::symbol(handle, name) }
}
