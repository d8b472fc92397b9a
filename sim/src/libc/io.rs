//! Bytes and descriptors of every kind: read, write, close, duplicate, control.
//! What a kind does with the bytes is the kernel's business.

use super::block::{blocking, call};
use super::foreign_descriptors;
use crate::event::What;
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::fs::disk::{Disk, Lock, LockKind, OpenFile};
use crate::kernel::process::fd::file_description::{Manner, Progress};
use crate::kernel::process::fd::number::FIRST;
use crate::kernel::sched::thread::{ThreadId, Wait};
use libc::{c_int, c_ulong, c_void, iovec, size_t, ssize_t};

/// A result in the C library's form.
#[inline]
pub(crate) fn result<T: Copy + From<i8>>(outcome: Result<T, Errno>) -> T {
    match outcome {
        Ok(value) => value,
        Err(errno) => {
            system::set_errno(errno);
            T::from(-1)
        }
    }
}

/// 0, or -1 and `errno`.
#[inline]
pub(crate) fn int(outcome: Result<(), Errno>) -> c_int {
    result(outcome.map(|()| 0))
}

/// A count, or -1 and `errno`.
#[inline]
pub(crate) fn count(outcome: Result<usize, Errno>) -> ssize_t {
    result(outcome.map(|count| count as i64)) as ssize_t
}

/// Which description a thread means; the use of a number that means nothing is an event of its own.
#[inline]
pub(crate) fn describe(
    kernel: &mut Kernel,
    me: ThreadId,
    fd: c_int,
    call: &str,
) -> Result<crate::kernel::process::fd::id::DescriptionId, Errno> {
    match kernel.describe(me, fd) {
        Err(_) => foreign_descriptors::describe(kernel, me, fd, call),
        known => known,
    }
}

/// Reads from a descriptor of any kind.
pub(crate) fn read_into(me: ThreadId, fd: c_int, into: &mut [u8], manner: Manner) -> Result<usize, Errno> {
    if (0..=2).contains(&fd) {
        return Ok(0); // standard input is at its end
    }
    let mut progress = Progress::default();
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "read")?;
        kernel.read(me, id, into, manner, &mut progress)
    })
}

/// Writes to a descriptor of any kind.
pub(crate) fn write_from(me: ThreadId, fd: c_int, from: &[u8], manner: Manner) -> Result<usize, Errno> {
    if (0..=2).contains(&fd) {
        return Ok(standard_stream(me, fd, from));
    }
    let mut progress = Progress::default();
    let written = blocking(me, |kernel| {
        let id = match kernel.describe(me, fd) {
            Ok(id) => id,
            Err(_) if foreign_descriptors::wakes(kernel, me, fd, from) => return Ok(Blocking::Done(from.len())),
            Err(_) => describe(kernel, me, fd, "write")?,
        };
        kernel.write(me, id, from, manner, &mut progress)
    })?;
    if progress.needs_sync() {
        sync(me, fd, OpenFile::sync)?;
    }
    Ok(written)
}

/// What a node prints becomes a line of the run.
fn standard_stream(me: ThreadId, fd: c_int, from: &[u8]) -> usize {
    super::current::kernel(me, |kernel| {
        super::trace_lines::print(kernel, me, fd == 2, from);
        for line in String::from_utf8_lossy(from).lines().filter(|line| !line.is_empty()) {
            let text = kernel.recorder.name(line);
            kernel.emit(me, What::Line { text });
        }
    });
    from.len()
}

/// `fsync` and its kin: the device takes its time.
pub(crate) fn sync(
    me: ThreadId,
    fd: c_int,
    work: impl Fn(&mut OpenFile, &mut Disk) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut began = None;
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "fsync")?;
        match began {
            None => {
                began = Some(kernel.sched.now_ns());
                kernel.sync_begins(me, id)
            }
            Some(began) => kernel.sync_ends(me, id, &work, began),
        }
    })
}

/// # Safety
/// As `readv`.
unsafe fn vectors<'a>(vectors: *const iovec, count: c_int) -> &'a [iovec] {
    if count <= 0 {
        return &[];
    }
    // SAFETY: the caller's array.
    unsafe { std::slice::from_raw_parts(vectors, count as usize) }
}

/// # Safety
/// `into` is valid for writing `count` bytes.
pub(crate) unsafe fn buffer_mut<'a>(into: *mut c_void, count: size_t) -> &'a mut [u8] {
    if count == 0 {
        return &mut [];
    }
    // SAFETY: the caller's buffer.
    unsafe { std::slice::from_raw_parts_mut(into.cast(), count) }
}

/// # Safety
/// `from` is valid for reading `count` bytes.
pub(crate) unsafe fn buffer<'a>(from: *const c_void, count: size_t) -> &'a [u8] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller's buffer.
    unsafe { std::slice::from_raw_parts(from.cast(), count) }
}

/// Copies bytes into the buffers, in order, as far as they go.
///
/// # Safety
/// As `readv`: each buffer is valid for writing, and none overlaps another.
pub(crate) unsafe fn scatter(parts: &[iovec], from: &[u8]) {
    let mut rest = from;
    for part in parts {
        let (now, later) = rest.split_at(rest.len().min(part.iov_len));
        // SAFETY: as said.
        unsafe { buffer_mut(part.iov_base, now.len()) }.copy_from_slice(now);
        rest = later;
    }
}

/// The bytes of the buffers, in order.
///
/// # Safety
/// As `writev`: each buffer is valid for reading.
pub(crate) unsafe fn gather(parts: &[iovec]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(parts.iter().map(|part| part.iov_len).sum());
    for part in parts {
        // SAFETY: as said.
        whole.extend_from_slice(unsafe { buffer(part.iov_base, part.iov_len) });
    }
    whole
}

/// Scattered reads: into one buffer, then apart.
///
/// # Safety
/// As `readv`.
pub(crate) unsafe fn read_vectors(
    me: ThreadId,
    fd: c_int,
    parts: *const iovec,
    parts_len: c_int,
    manner: Manner,
) -> Result<usize, Errno> {
    // SAFETY: the caller's array.
    let parts = unsafe { vectors(parts, parts_len) };
    if let [one] = parts {
        // SAFETY: the caller's buffer.
        return read_into(me, fd, unsafe { buffer_mut(one.iov_base, one.iov_len) }, manner);
    }
    let mut whole = vec![0; parts.iter().map(|part| part.iov_len).sum()];
    let got = read_into(me, fd, &mut whole, manner)?;
    // SAFETY: the caller's buffers.
    unsafe { scatter(parts, &whole[..got]) };
    Ok(got)
}

/// Gathered writes: into one buffer, then out.
///
/// # Safety
/// As `writev`.
pub(crate) unsafe fn write_vectors(
    me: ThreadId,
    fd: c_int,
    parts: *const iovec,
    parts_len: c_int,
    manner: Manner,
) -> Result<usize, Errno> {
    // SAFETY: the caller's array.
    let parts = unsafe { vectors(parts, parts_len) };
    // SAFETY: the caller's buffers.
    write_from(me, fd, &unsafe { gather(parts) }, manner)
}

fn duplicate(me: ThreadId, fd: c_int, lowest: usize) -> Result<c_int, Errno> {
    if (0..=2).contains(&fd) {
        return Ok(fd); // standard streams have no description of their own
    }
    call(me, |kernel| {
        let id = match (3..FIRST).contains(&fd) {
            true => foreign_descriptors::copy_of(kernel, me, fd),
            false => describe(kernel, me, fd, "dup")?,
        };
        kernel.install_from(id, lowest)
    })
}

/// The slot that a number means in the process of the caller; none is below its first.
fn slot_of(me: ThreadId, number: c_int) -> Option<usize> {
    let base = super::current::kernel(me, |kernel| kernel[kernel.sched[me].node()].descriptors().base());
    number.checked_sub(base).and_then(|slot| usize::try_from(slot).ok())
}

fn duplicate_to(me: ThreadId, fd: c_int, to: c_int) -> Result<c_int, Errno> {
    if to < FIRST {
        super::refuse_about(
            "dup2 onto a descriptor from outside the run",
            &format!("dup2 onto descriptor {to}, which was opened outside the run"),
        );
    }
    let slot = slot_of(me, to).ok_or(libc::EBADF)?;
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "dup2")?;
        if fd == to {
            return Ok(to);
        }
        let _ = kernel.close(me, to);
        kernel.install_at(id, slot).map_err(|_| libc::EBADF)
    })
}

fn record_lock(me: ThreadId, fd: c_int, command: c_int, lock: *mut libc::flock) -> Result<c_int, Errno> {
    // SAFETY: the caller's structure.
    let lock = unsafe { &mut *lock };
    let kind = match c_int::from(lock.l_type) {
        libc::F_RDLCK => Some(LockKind::Shared),
        libc::F_WRLCK => Some(LockKind::Exclusive),
        libc::F_UNLCK => None,
        _ => return Err(libc::EINVAL),
    };
    if c_int::from(lock.l_whence) != libc::SEEK_SET || lock.l_start < 0 || lock.l_len < 0 {
        super::refuse("fcntl locks are only built for ranges from the start of a file");
    }
    let end = if lock.l_len == 0 { u64::MAX } else { (lock.l_start + lock.l_len) as u64 };
    let range = (lock.l_start as u64, end);
    let by_description = matches!(command, libc::F_OFD_SETLK | libc::F_OFD_SETLKW | libc::F_OFD_GETLK);
    if matches!(command, libc::F_GETLK | libc::F_OFD_GETLK) {
        let conflict = call(me, |kernel| {
            let id = describe(kernel, me, fd, "fcntl")?;
            kernel.record_conflict(me, id, range, kind.ok_or(libc::EINVAL)?, by_description)
        })?;
        lock.l_type = if conflict { libc::F_WRLCK as _ } else { libc::F_UNLCK as _ };
        return Ok(0);
    }
    let waits = matches!(command, libc::F_SETLKW | libc::F_OFD_SETLKW);
    blocking(me, |kernel| {
        let id = describe(kernel, me, fd, "fcntl")?;
        match kernel.record_lock(me, id, range, kind, by_description)? {
            Lock::Granted => Ok(Blocking::Done(0)),
            Lock::Held if waits => Ok(Blocking::Wait(Wait::FileLock, u64::MAX)),
            Lock::Held => Err(libc::EAGAIN),
        }
    })
}

pub(crate) fn control(me: ThreadId, fd: c_int, command: c_int, argument: usize) -> Result<c_int, Errno> {
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => duplicate(me, fd, slot_of(me, argument as c_int).unwrap_or(0)),
        libc::F_GETFD => Ok(libc::FD_CLOEXEC),
        libc::F_SETFD => Ok(0),
        libc::F_GETFL if (0..=2).contains(&fd) => Ok(libc::O_WRONLY),
        libc::F_GETFL => call(me, |kernel| {
            let id = describe(kernel, me, fd, "fcntl")?;
            kernel.status_flags(id)
        }),
        libc::F_SETFL => set_nonblocking(me, fd, argument as c_int & libc::O_NONBLOCK != 0),
        libc::F_SETLK | libc::F_SETLKW | libc::F_GETLK | libc::F_OFD_SETLK | libc::F_OFD_SETLKW | libc::F_OFD_GETLK => {
            record_lock(me, fd, command, argument as *mut libc::flock)
        }
        libc::F_SETPIPE_SZ | libc::F_GETPIPE_SZ => Ok(64 * 1024),
        other => super::unsupported::missing(&format!("fcntl command {other}"), "this command is not built"),
    }
}

fn set_nonblocking(me: ThreadId, fd: c_int, nonblocking: bool) -> Result<c_int, Errno> {
    if (0..=2).contains(&fd) {
        return Ok(0);
    }
    call(me, |kernel| {
        let id = describe(kernel, me, fd, "fcntl")?;
        kernel.process.description_mut(id).ok_or(libc::EBADF)?.set_nonblocking(nonblocking);
        Ok(0)
    })
}

fn device_control(me: ThreadId, fd: c_int, request: c_ulong, argument: usize) -> Result<c_int, Errno> {
    match request {
        // SAFETY: the caller's pointer, as on Linux.
        libc::FIONBIO => set_nonblocking(me, fd, unsafe { *(argument as *const c_int) } != 0),
        libc::FIOCLEX | libc::FIONCLEX => Ok(0),
        libc::TCGETS | libc::TIOCGWINSZ => Err(libc::ENOTTY),
        libc::FIONREAD => {
            let bytes = call(me, |kernel| {
                let id = describe(kernel, me, fd, "ioctl")?;
                kernel.readable_bytes(id)
            })?;
            // SAFETY: the caller's pointer, as on Linux.
            unsafe { *(argument as *mut c_int) = c_int::try_from(bytes).unwrap_or(c_int::MAX) };
            Ok(0)
        }
        other => super::unsupported::missing(&format!("ioctl request {other:#x}"), "this request is not built"),
    }
}

/// A pipe or a pair of sockets: two streams at most, two ends.
pub(crate) fn channel(me: ThreadId, both_ways: bool, nonblocking: bool) -> Result<(c_int, c_int), Errno> {
    call(me, |kernel| {
        let node = kernel.sched[me].node();
        let (one, other) = kernel.add_channel(node, both_ways, nonblocking);
        let reader = kernel.install(one)?;
        match kernel.install(other) {
            Ok(writer) => Ok((reader, writer)),
            Err(errno) => kernel.close(me, reader).and(Err(errno)),
        }
    })
}

/// # Safety
/// `fds` is valid for two numbers.
unsafe fn pipe_into(me: ThreadId, fds: *mut c_int, flags: c_int) -> c_int {
    int(channel(me, false, flags & libc::O_NONBLOCK != 0).map(|(reader, writer)| {
        // SAFETY: the caller's array.
        unsafe {
            *fds = reader;
            *fds.add(1) = writer;
        }
    }))
}

fn close_call(me: ThreadId, fd: c_int) -> c_int {
    if (0..=2).contains(&fd) {
        return 0;
    }
    int(call(me, |kernel| {
        describe(kernel, me, fd, "close")?;
        kernel.close(me, fd)
    }))
}

super::interposed! {
    fn read(fd: c_int, into: *mut c_void, count: size_t) -> ssize_t = libc::SYS_read;
    // SAFETY: `read(2)`: the caller passes a buffer of the length that it names.
    |me| self::count(read_into(me, fd, unsafe { buffer_mut(into, count) }, Manner::default()));
    fn write(fd: c_int, from: *const c_void, count: size_t) -> ssize_t = libc::SYS_write;
    // SAFETY: `write(2)`: the caller passes a buffer of the length that it names.
    |me| self::count(write_from(me, fd, unsafe { buffer(from, count) }, Manner::default()));
    fn readv(fd: c_int, parts: *const iovec, parts_len: c_int) -> ssize_t = libc::SYS_readv;
    // SAFETY: the caller's buffers.
    |me| count(unsafe { read_vectors(me, fd, parts, parts_len, Manner::default()) });
    fn writev(fd: c_int, parts: *const iovec, parts_len: c_int) -> ssize_t = libc::SYS_writev;
    // SAFETY: the caller's buffers.
    |me| count(unsafe { write_vectors(me, fd, parts, parts_len, Manner::default()) });
    fn close(fd: c_int) -> c_int = libc::SYS_close;
    |me| close_call(me, fd);
    fn dup(fd: c_int) -> c_int = libc::SYS_dup;
    |me| result(duplicate(me, fd, 0));
    fn dup2(fd: c_int, to: c_int) -> c_int = next;
    |me| result(duplicate_to(me, fd, to));
    fn dup3(fd: c_int, to: c_int, _flags: c_int) -> c_int = libc::SYS_dup3;
    |me| result(if fd == to { Err(libc::EINVAL) } else { duplicate_to(me, fd, to) });
    fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int = libc::SYS_fcntl;
    |me| result(control(me, fd, command, argument));
    fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int = libc::SYS_fcntl;
    |me| result(control(me, fd, command, argument));
    fn ioctl(fd: c_int, request: c_ulong, argument: usize) -> c_int = libc::SYS_ioctl;
    |me| result(device_control(me, fd, request, argument));
    fn pipe(fds: *mut c_int) -> c_int = next;
    // SAFETY: `pipe(2)`: the caller passes an array of the size that the call fills.
    |me| unsafe { pipe_into(me, fds, 0) };
    fn pipe2(fds: *mut c_int, flags: c_int) -> c_int = libc::SYS_pipe2;
    // SAFETY: `pipe2(2)`: the caller passes an array of the size that the call fills.
    |me| unsafe { pipe_into(me, fds, flags) };
    fn isatty(_fd: c_int) -> c_int = next;
    |_me| {
        system::set_errno(libc::ENOTTY);
        0
    };
}
