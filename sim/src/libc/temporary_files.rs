//! `mkstemp` and its kin: files and directories under names that the seed draws.

use super::block::call;
use super::io::result;
use super::user_memory::{Source, UserSlice, UserSliceMut};
use crate::kernel::Errno;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_int};

/// The letters of a drawn name, as in the C library.
const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The number of names to try before giving up.
const ATTEMPTS: u32 = 100;

/// The letters that a name's template ends with.
const PLACEHOLDER: [u8; 6] = *b"XXXXXX";

/// Makes a file (with these flags of `open`) or a directory whose name ends in six drawn letters and the suffix.
///
/// # Safety
/// `template` is null, or a C string that may be written to.
unsafe fn make(me: ThreadId, template: *mut c_char, suffix: c_int, flags: Option<c_int>) -> Result<c_int, Errno> {
    // SAFETY: this function's own contract.
    let path = unsafe { UserSlice::string(template) };
    let len = path.len();
    let end = usize::try_from(suffix).ok().and_then(|suffix| len.checked_sub(suffix)).ok_or(libc::EINVAL)?;
    let begin = end.checked_sub(PLACEHOLDER.len()).ok_or(libc::EINVAL)?;
    if path.skip(begin).array() != Some(PLACEHOLDER) {
        return Err(libc::EINVAL);
    }
    // SAFETY: this function's own contract: the string's bytes before its end.
    let text = unsafe { UserSliceMut::new(template.cast::<u8>(), len) };
    for _ in 0..ATTEMPTS {
        let mut random = [0; PLACEHOLDER.len()];
        call(me, |kernel| kernel.fill_random(me, &mut &mut random[..]));
        text.copy_out_at(begin, &random.map(|random| LETTERS[usize::from(random) % LETTERS.len()]))?;
        let made = call(me, |kernel| {
            let at = kernel.directory(me, libc::AT_FDCWD)?;
            path.with_bytes(kernel, |kernel, path| match flags {
                Some(flags) => {
                    let flags = (flags & !libc::O_ACCMODE) | libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
                    kernel.file_open(me, at, path, flags, 0o600)
                }
                None => {
                    let node = kernel.sched[me].node();
                    let now = kernel.wall_ns(node);
                    kernel[node].disk().mkdir(at, path, 0o700, now)?;
                    kernel.entry_changed(me, path);
                    Ok(0)
                }
            })
        });
        if made != Err(libc::EEXIST) {
            return made;
        }
    }
    Err(libc::EEXIST)
}

super::interposed! {
    fn mkstemp(template: *mut c_char) -> c_int = next;
    // SAFETY: `mkstemp(3)`: the caller passes a C string that may be written to.
    |me| result(unsafe { make(me, template, 0, Some(0)) });
    fn mkstemp64(template: *mut c_char) -> c_int = next;
    // SAFETY: `mkstemp(3)`: the caller passes a C string that may be written to.
    |me| result(unsafe { make(me, template, 0, Some(0)) });
    fn mkostemp(template: *mut c_char, flags: c_int) -> c_int = next;
    // SAFETY: `mkostemp(3)`: the caller passes a C string that may be written to.
    |me| result(unsafe { make(me, template, 0, Some(flags)) });
    fn mkstemps(template: *mut c_char, suffix: c_int) -> c_int = next;
    // SAFETY: `mkstemps(3)`: the caller passes a C string that may be written to.
    |me| result(unsafe { make(me, template, suffix, Some(0)) });
    fn mkdtemp(template: *mut c_char) -> *mut c_char = next;
    // SAFETY: `mkdtemp(3)`: the caller passes a C string that may be written to.
    |me| match result(unsafe { make(me, template, 0, None) }) {
        -1 => std::ptr::null_mut(),
        _ => template,
    };
}
