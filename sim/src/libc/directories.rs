//! Directory streams: a snapshot of the names, read one by one.
//! The C library's own streams never see a virtual directory.

use super::block::call;
use super::current::here;
use super::paths::path_of;
use super::user_memory::Source;
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::fs::disk::Listed;
use crate::kernel::sched::thread::ThreadId;
use libc::{DIR, c_char, c_int, c_long, dirent64};

/// The structure behind a run's `DIR *`.
struct Stream {
    fd: c_int,
    lines: Vec<Listed>,
    next: usize,
    entry: dirent64,
}

fn stream(me: ThreadId, fd: c_int) -> Result<*mut DIR, Errno> {
    let lines = call(me, |kernel| {
        let id = super::io::describe(kernel, me, fd, "fdopendir")?;
        kernel.directory_list(me, id)
    })?;
    // SAFETY: zeros are a valid entry.
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
/// `directory` is a stream that `opendir` or `fdopendir` returned, and that is not closed yet.
unsafe fn stream_at<'a>(directory: *mut DIR) -> &'a mut Stream {
    // SAFETY: this function's own contract: `stream` made the structure. POSIX forbids two threads to use a stream at once.
    unsafe { &mut *directory.cast::<Stream>() }
}

fn read_next(stream: &mut Stream) -> *mut dirent64 {
    let Some(line) = stream.lines.get(stream.next) else { return std::ptr::null_mut() };
    stream.next += 1;
    stream.entry.d_ino = line.inode as _;
    stream.entry.d_off = line.cookie as _;
    stream.entry.d_type = line.kind.d_type();
    stream.entry.d_reclen = size_of::<dirent64>() as _;
    let name_max = stream.entry.d_name.len() - 1;
    for (to, byte) in stream.entry.d_name.iter_mut().zip(line.name.iter().take(name_max).chain([&0])) {
        *to = *byte as c_char;
    }
    &raw mut stream.entry
}

super::interposed! {
    fn opendir(path: *const c_char) -> *mut DIR = next;
    |me| {
        // SAFETY: `opendir(3)`: the caller passes a C string.
        let path = unsafe { path_of(path) };
        let fd = call(me, |kernel| {
            let at = kernel.directory(me, libc::AT_FDCWD)?;
            path.required()?.with_bytes(kernel, |kernel, path| {
                kernel.file_open(me, at, path, libc::O_RDONLY | libc::O_DIRECTORY, 0)
            })
        });
        give(fd.and_then(|fd| stream(me, fd)))
    };
    fn fdopendir(fd: c_int) -> *mut DIR = next;
    |me| give(stream(me, fd));
    fn readdir64(directory: *mut DIR) -> *mut dirent64 = next;
    // SAFETY: `readdir(3)`: the caller passes an open stream.
    |_me| read_next(unsafe { stream_at(directory) });
    fn readdir(directory: *mut DIR) -> *mut dirent64 = next;
    // SAFETY: `readdir(3)`: the caller passes an open stream. Both forms of an entry have one layout on 64-bit Linux.
    |_me| read_next(unsafe { stream_at(directory) });
    fn dirfd(directory: *mut DIR) -> c_int = next;
    // SAFETY: `dirfd(3)`: the caller passes an open stream.
    |_me| unsafe { stream_at(directory) }.fd;
    fn closedir(directory: *mut DIR) -> c_int = next;
    |me| {
        // SAFETY: `closedir(3)`: the caller passes an open stream, which `stream` made as a box, and uses it no longer.
        let stream = unsafe { Box::from_raw(directory.cast::<Stream>()) };
        super::io::int(call(me, |kernel| kernel.close(me, stream.fd)))
    };
    fn telldir(directory: *mut DIR) -> c_long = next;
    // SAFETY: `telldir(3)`: the caller passes an open stream.
    |_me| unsafe { stream_at(directory) }.next as c_long;
}

/// The interposed function of this name.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rewinddir(directory: *mut DIR) {
    if here().is_some() {
        // SAFETY: `rewinddir(3)`: the caller passes an open stream.
        unsafe { stream_at(directory) }.next = 0;
        return;
    }
    static NEXT: system::Function = system::Function::named(c"rewinddir");
    let next = system::next!(NEXT, fn(*mut DIR) -> ());
    // SAFETY: `rewinddir(3)`: the caller passes an open stream, which the C library made outside a run.
    unsafe { next(directory) };
}
