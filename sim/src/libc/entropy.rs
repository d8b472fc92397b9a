//! Randomness: every byte comes from the seed, keyed by the thread that asks.
//! A call of no bytes (a probe for the system call) consumes nothing.

use super::block::call;
use super::current::{fill_for_host, here};
use crate::host::system;
use libc::{c_int, c_uint, c_void, size_t, ssize_t};

/// Fills a buffer for whoever calls, if that is a matter of the run.
///
/// # Safety
/// `into` is valid for writing `count` bytes.
pub(crate) unsafe fn fill(into: *mut c_void, count: usize) -> bool {
    if count == 0 {
        return here().is_some();
    }
    // SAFETY: the caller's buffer.
    let buffer = unsafe { std::slice::from_raw_parts_mut(into.cast::<u8>(), count) };
    match here() {
        Some(me) => {
            call(me, |kernel| kernel.fill_random(me, buffer));
            true
        }
        None => fill_for_host(buffer),
    }
}

super::shared_name! {
    /// The interposed function of this name.
    ///
    /// # Safety
    /// As the C library's function.
    pub unsafe extern "C" fn getrandom(into: *mut c_void, count: size_t, flags: c_uint) -> ssize_t {
        // SAFETY: `getrandom(2)`: the caller passes a buffer of the length that it names.
        if unsafe { fill(into, count) } {
            return count as ssize_t;
        }
        // SAFETY: `getrandom(2)`: the caller's own arguments, under the contract that it keeps.
        system::result(unsafe { system::call(libc::SYS_getrandom, into.addr(), count, flags as usize, 0, 0, 0) })
    }
}

super::shared_name! {
    /// The interposed function of this name.
    ///
    /// # Safety
    /// As the C library's function.
    pub unsafe extern "C" fn getentropy(into: *mut c_void, count: size_t) -> c_int {
        // SAFETY: as `getrandom`.
        if unsafe { getrandom(into, count, 0) } == count as ssize_t { 0 } else { -1 }
    }
}
