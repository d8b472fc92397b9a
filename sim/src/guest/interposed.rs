//! Doors that madsim has in our place: it defines some of the C library's symbols itself, answers for its own tasks, and asks
//! the dynamic linker for the next definition where none of its tasks calls. That next one is our door.
//! It opens no door itself.

use crate::host::system;
use crate::libc::{entropy, resolver, threads, time};
use libc::{c_char, c_void};
use std::ffi::CStr;

/// Our door of this name, if madsim has its name.
fn lent(name: &CStr) -> Option<*mut c_void> {
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

/// The dynamic linker's own, but for what madsim asks for.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: the caller's name is a C string.
    let name = unsafe { CStr::from_ptr(name) };
    if handle == libc::RTLD_NEXT
        && let Some(call) = lent(name)
    {
        return call;
    }
    // SAFETY: handed on.
    unsafe { system::symbol(handle, name) }
}
