//! Randomness: every byte comes from the seed, keyed by the calling thread.
//! A call for no bytes (a test whether the system call exists) draws nothing.

use super::block::call;
use super::current::{fill_for_host, here};
use super::user_memory::UserSliceMut;
use crate::host::system;
use crate::kernel::Errno;
use libc::{c_int, c_uint, c_void, size_t, ssize_t};

/// Fills a buffer for the calling thread, if it belongs to a run or is its host; `None` if it is neither.
pub(crate) fn fill(mut into: UserSliceMut<u8>) -> Option<Result<(), Errno>> {
    if into.len() == 0 {
        return here().map(|_| Ok(()));
    }
    match here() {
        Some(me) => Some(call(me, |kernel| {
            into.check()?;
            kernel.fill_random(me, &mut into);
            Ok(())
        })),
        None => fill_for_host(&mut into).then_some(Ok(())),
    }
}

/// The flags of `getrandom`.
const GRND_ALL: c_uint = libc::GRND_NONBLOCK | libc::GRND_RANDOM | libc::GRND_INSECURE;

super::shared_name! {
    /// The interposed function of this name.
    ///
    /// # Safety
    /// As the C library's function.
    pub unsafe extern "C" fn getrandom(into: *mut c_void, count: size_t, flags: c_uint) -> ssize_t {
        if flags & !GRND_ALL != 0 && super::here().is_some() {
            return super::io::count(Err(libc::EINVAL));
        }
        // SAFETY: `getrandom(2)`: the caller passes `count` writable bytes at `into`.
        if let Some(filled) = fill(unsafe { UserSliceMut::new(into.cast::<u8>(), count) }) {
            return super::io::count(filled.map(|()| count));
        }
        // SAFETY: `getrandom(2)`: the caller passes `count` writable bytes at `into`.
        system::result(unsafe { system::call(libc::SYS_getrandom, into.addr(), count, flags as usize, 0, 0, 0) })
    }
}

super::shared_name! {
    /// The interposed function of this name.
    ///
    /// # Safety
    /// As the C library's function.
    pub unsafe extern "C" fn getentropy(into: *mut c_void, count: size_t) -> c_int {
        // SAFETY: `getentropy(3)`: the caller passes `count` writable bytes at `into`.
        if unsafe { getrandom(into, count, 0) } == count as ssize_t { 0 } else { -1 }
    }
}
