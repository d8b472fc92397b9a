//! Directory streams: a snapshot of the names, given out one by one.
//! The C library's own streams never see a virtual directory.

use super::block::call;
use super::current::here;
use super::paths::bytes;
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::fs::disk::Listed;
use crate::kernel::sched::thread::ThreadId;
use libc::{DIR, c_char, c_int, c_long, dirent64};

/// What our `DIR *` points to.
struct Stream {
    fd: c_int,
    lines: Vec<Listed>,
    next: usize,
    entry: dirent64,
}

fn stream(me: ThreadId, fd: c_int) -> Result<*mut DIR, Errno> {
    let lines = call(me, |kernel| {
        let id = super::io::describe(kernel, me, fd, "fdopendir")?;
        kernel.with_file(id, |file, disk, _| disk.list(file.inode))
    })?;
    // SAFETY: all-zero is a valid entry.
    let entry = unsafe { std::mem::zeroed() };
    Ok(Box::into_raw(Box::new(Stream { fd, lines, next: 0, entry })).cast())
}

fn give(opened: Result<*mut DIR, Errno>) -> *mut DIR {
    opened.unwrap_or_else(|errno| {
        system::set_errno(errno);
        std::ptr::null_mut()
    })
}

/// # Safety
/// `directory` is one of our streams.
unsafe fn read_next(directory: *mut DIR) -> *mut dirent64 {
    // SAFETY: as said.
    let stream = unsafe { &mut *directory.cast::<Stream>() };
    let Some(line) = stream.lines.get(stream.next) else { return std::ptr::null_mut() };
    stream.next += 1;
    stream.entry.d_ino = line.inode as _;
    stream.entry.d_off = line.cookie as _;
    stream.entry.d_type = line.kind.d_type();
    stream.entry.d_reclen = size_of::<dirent64>() as _;
    let room = stream.entry.d_name.len() - 1;
    for (place, byte) in stream.entry.d_name.iter_mut().zip(line.name.iter().take(room).chain([&0])) {
        *place = *byte as c_char;
    }
    &raw mut stream.entry
}

super::interposed! {
    fn opendir(path: *const c_char) -> *mut DIR = next;
    |me| {
        // SAFETY: the caller's string.
        let path = unsafe { bytes(path) };
        let fd = call(me, |kernel| {
            let at = kernel.directory(me, libc::AT_FDCWD)?;
            kernel.file_open(me, at, path, libc::O_RDONLY | libc::O_DIRECTORY, 0)
        });
        give(fd.and_then(|fd| stream(me, fd)))
    };
    fn fdopendir(fd: c_int) -> *mut DIR = next;
    |me| give(stream(me, fd));
    fn readdir64(directory: *mut DIR) -> *mut dirent64 = next;
    // SAFETY: made by the doors above.
    |_me| unsafe { read_next(directory) };
    fn readdir(directory: *mut DIR) -> *mut dirent64 = next;
    // SAFETY: made by the doors above; both entries have one layout on 64-bit Linux.
    |_me| unsafe { read_next(directory) };
    fn dirfd(directory: *mut DIR) -> c_int = next;
    // SAFETY: made by the doors above.
    |_me| unsafe { (*directory.cast::<Stream>()).fd };
    fn closedir(directory: *mut DIR) -> c_int = next;
    |me| {
        // SAFETY: made by the doors above, and closed once.
        let stream = unsafe { Box::from_raw(directory.cast::<Stream>()) };
        super::io::int(call(me, |kernel| kernel.close(me, stream.fd)))
    };
    fn telldir(directory: *mut DIR) -> c_long = next;
    // SAFETY: made by the doors above.
    |_me| unsafe { (*directory.cast::<Stream>()).next as c_long };
}

/// The interposed function of this name.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rewinddir(directory: *mut DIR) {
    if here().is_some() {
        // SAFETY: made by the doors above.
        unsafe { (*directory.cast::<Stream>()).next = 0 };
        return;
    }
    static NEXT: system::Function = system::Function::named(c"rewinddir");
    let next = system::next!(NEXT, fn(*mut DIR) -> ());
    // SAFETY: `rewinddir(3)`: the caller's own arguments, under the contract that it keeps.
    unsafe { next(directory) };
}
